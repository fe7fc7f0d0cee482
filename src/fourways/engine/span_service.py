"""The engine of a span reader without HTTP: chats in, quotes of their texts out, or that they do not say."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from fourways.core.errors import InvalidRequest, Unavailable, UnknownModel
from fourways.core.reading import NOT_SAID, asked
from fourways.engine.batching import Batcher, Rows
from fourways.engine.chat_metrics import ChatMetrics, Now
from fourways.engine.chat_replies import DONE, Choice, Form, Usage
from fourways.engine.chat_wire import ChatRequest, choices_of, limit_of, sampling_of, stops_of
from fourways.engine.service import rows_of
from fourways.engine.templates import plain
from fourways.engine.tokens import Spelled
from fourways.engine.windows import Window, windows_of
from fourways.engine.wire import Reply, Stream, TokenizeRequest, json_reply, texts_of

if TYPE_CHECKING:
    from fourways.engine.spans import LoadedReader

Outcome = TypeVar("Outcome")

COLUMNS = 3
"""Of a window's row: its margin, and its span's first and last token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSettings:
    """How the engine runs.

    Attributes:
        model: the name it answers to.
        instance: a random id, by which a supervisor knows its own engine again.
        workers, pack_tokens: see `Batcher`.
        queue_tokens: tokens that may wait, and that one request may have.
        queue: requests that may wait.
    """

    model: str
    instance: str
    workers: int = 1
    pack_tokens: int = 512
    queue_tokens: int = 400_000
    queue: int = 256


@dataclass(slots=True)
class _Passes:
    """Packs that went through the model so far, counted by several threads."""

    count: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, _sequences: int, _tokens: int, seconds: float) -> None:
        with self._lock:
            self.count += 1
            self.seconds += seconds


class ReaderEngine:
    """Answers chat and tokenize requests.

    Args:
        load: opens the reader; called once, in a thread.
    """

    def __init__(self, settings: ReaderSettings, load: "Callable[[], LoadedReader]") -> None:
        self.settings, self._load = settings, load
        self._loaded: LoadedReader | None = None
        self._tokenizing = ThreadPoolExecutor(1, thread_name_prefix="tokenize")
        self._passes = _Passes()
        self.metrics = ChatMetrics(settings.model, self._now)
        self._batcher = Batcher(
            workers=settings.workers,
            budget=settings.pack_tokens,
            limit=settings.queue_tokens,
            interactive=0,  # short texts before long ones would let the long ones wait for ever
            observe=self._passes.add,
        )

    async def load(self) -> None:
        """Open the reader; until then every request is told to come back."""
        self._loaded = await asyncio.to_thread(self._load)

    def close(self) -> None:
        """Finish what waits."""
        self._batcher.close()
        self._tokenizing.shutdown()

    @property
    def reader(self) -> "LoadedReader":
        """The reader; raises `Unavailable` while it loads."""
        if self._loaded is None:
            raise Unavailable(f"{self.settings.model} is loading; try again soon", retry_after=1.0)
        return self._loaded

    def health(self) -> Reply:
        """Say whether the reader is there, what computes it, and which engine this is."""
        about = {"model": self.settings.model, "instance": self.settings.instance}
        if self._loaded is None:
            return json_reply({"status": "loading"} | about, 503)
        scorer = self._loaded.scorer
        facts = {
            "decoder": scorer.name,
            "precision": scorer.precision,
            "parity": self._loaded.parity,
            "max_model_len": self.settings.queue_tokens,
            "window": scorer.window,
            "workers": self.settings.workers,
        }
        return json_reply({"status": "ok"} | about | facts)

    def list_models(self) -> Reply:
        """List the one model, in OpenAI's shape with vLLM's fields."""
        name = self.settings.model
        model = {"id": name, "object": "model", "created": 0, "owned_by": "fourways", "root": name, "parent": None}
        return json_reply({"object": "list", "data": [model | {"max_model_len": self.settings.queue_tokens}]})

    async def chat(self, request: ChatRequest) -> Reply | Stream:
        """Quote what answers a conversation's last question, out of what it shows."""
        start = time.perf_counter()
        self._check_model(request.model)
        self._check(request)
        shown = asked(request.messages)
        if not shown.question:
            msg = "messages end in no question; a last user turn that asks something would be right"
            raise InvalidRequest(msg, param="messages")
        windows = await self._aside(lambda: self._windows(shown.question, shown.texts))
        read = sum(len(window.tokens.ids) for window in windows)
        limit = limit_of(request, prompt=read, window=self.settings.queue_tokens)
        try:
            rows = await self._rows(windows)
        except asyncio.CancelledError:
            self.metrics.finished("abort")
            raise
        answer = _best(windows, rows, shown.texts) or NOT_SAID
        spelled = await self._aside(lambda: self.reader.words.spell([answer])[0])
        stops, include = stops_of(request), request.include_stop_str_in_output
        choice = said(answer, spelled, limit=limit, stops=stops, include=include)
        usage = Usage(prompt=read, cached=0, generated=choice.generated)
        self._answered(choice, read, time.perf_counter() - start)
        return self._reply(request, choice, usage)

    async def tokenize(self, request: TokenizeRequest) -> Reply:
        """Count tokens, special ones included, before any cutting; for a list, `counts`."""
        self._check_model(request.model)
        texts, words = texts_of(request.prompt, "prompt"), self.reader.words
        tokens = await self._aside(lambda: words.spell(texts, special=True))
        limit = {"max_model_len": self.settings.queue_tokens}
        if isinstance(request.prompt, str):
            return json_reply({"count": len(tokens[0].ids), "tokens": tokens[0].ids} | limit)
        return json_reply({"counts": [len(one.ids) for one in tokens]} | limit)

    def refuse(self, what: str) -> Reply:
        """Refuse what a reader does not do; raises `InvalidRequest`."""
        msg = f"{self.settings.model} reads and quotes, and has no {what}; POST /v1/chat/completions would be right"
        raise InvalidRequest(msg)

    def _check_model(self, name: str | None) -> None:
        if name and name != self.settings.model:
            raise UnknownModel.named("model", name, [self.settings.model])

    def _check(self, request: ChatRequest) -> None:
        """Raise `InvalidRequest` for what is out of range, or a reader cannot do."""
        name = self.settings.model
        for message in request.messages:
            plain(message)
        sampling = sampling_of(request, seed=0, vocabulary=self.reader.words.vocabulary)
        wrong = {
            "n": (choices_of(request) > 1, f"{name} has one answer to a question; n of 1 would be right"),
            "logprobs": (
                sampling.top_logprobs is not None,
                f"{name} quotes and does not generate: it has no logprobs; leave them out",
            ),
            "response_format": (
                (request.response_format or {}).get("type", "text") != "text",
                f"{name} quotes and writes no JSON; response_format of type text, or none, would be right",
            ),
            "tool_choice": (
                request.tool_choice == "required" or isinstance(request.tool_choice, dict),
                f"{name} quotes and calls no tools; tool_choice of auto or none would be right",
            ),
        }
        for param, (found, complaint) in wrong.items():
            if found:
                raise InvalidRequest(complaint, param=param)

    def _windows(self, question: str, texts: Sequence[str]) -> list[Window]:
        """Cut texts into windows behind the question; raises `InvalidRequest` where it leaves no room for them."""
        words, size = self.reader.words, self.reader.scorer.window
        opening = words.spell([question], special=True)[0].ids
        if len(opening) > size // 2:
            msg = (
                f"the question has {len(opening)} tokens; at most {size // 2} leave room for a text: shorten it, and "
                "put what is to be read before it, divided from it by an empty line and 'Question: '"
            )
            raise InvalidRequest(msg, param="messages", code="context_length_exceeded")
        return windows_of(opening, words.spell(texts), size)

    async def _aside(self, work: Callable[[], Outcome]) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(self._tokenizing, work)

    async def _rows(self, windows: Sequence[Window]) -> Rows:
        waiting, limit = self._batcher.waiting, self.settings.queue
        if waiting and waiting >= limit:
            msg = f"{waiting} requests are waiting and {limit} may; try again soon"
            raise Unavailable(msg, retry_after=1.0)
        return await rows_of(self._batcher, [one.tokens for one in windows], self.reader.encode, COLUMNS)

    def _now(self) -> Now:
        batcher, passes = self._batcher, self._passes
        return Now(running=batcher.running, waiting=batcher.waiting, passes=passes.count, seconds=passes.seconds)

    def _answered(self, choice: Choice, read: int, seconds: float) -> None:
        metrics = self.metrics
        metrics.prompt_tokens.inc(read)
        metrics.generation_tokens.inc(choice.generated)
        metrics.first.observe(seconds)
        metrics.whole.observe(seconds)
        metrics.finished(choice.finish or "stop")

    def _reply(self, request: ChatRequest, choice: Choice, usage: Usage) -> Reply | Stream:
        form = Form(chat=True, id=f"chatcmpl-{os.urandom(12).hex()}", model=self.settings.model)
        if not request.stream:
            return json_reply(form.whole([choice], usage))
        counted = bool(request.stream_options and request.stream_options.include_usage)
        return Stream(frames=_frames(form, choice, usage if counted else None))


async def _frames(form: Form, choice: Choice, usage: Usage | None) -> AsyncGenerator[bytes, None]:
    yield form.opening(0)
    yield form.piece(0, choice.text, finish=choice.finish)
    if usage is not None:
        yield form.closing(usage)
    yield DONE


def _best(windows: Sequence[Window], rows: Rows, texts: Sequence[str]) -> str:
    """Return the span that exceeds none by most, in its text's own characters; empty where none does."""
    if not windows or rows[:, 0].max() <= 0:
        return ""
    at = int(rows[:, 0].argmax())
    window, first, last = windows[at], int(rows[at, 1]), int(rows[at, 2])
    return texts[window.text][window.spans[first][0] : window.spans[last][1]].strip()


def said(answer: str, spelled: Spelled, *, limit: int, stops: Sequence[str], include: bool) -> Choice:
    """Return an answer, cut at so many tokens, and at the first stop string.

    Args:
        spelled: the answer in tokens.
        include: whether the stop string stays.
    """
    kept = spelled.spans[:limit]
    text, finish = answer, "stop"
    if len(kept) < len(spelled.spans):
        text, finish = answer[: kept[-1][1]], "length"
    hits = [(at, stop) for stop in stops if stop and (at := text.find(stop)) >= 0]
    if hits:
        at, stop = min(hits)
        text, finish = text[: at + len(stop) if include else at], "stop"
    generated = sum(begin < len(text) for begin, _ in kept)
    return Choice(index=0, text=text, finish=finish, generated=generated)
