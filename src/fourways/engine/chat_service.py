"""The engine of a causal model without HTTP: loads in the background, answers chats and completions, swaps adapters."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fourways.core.errors import InvalidRequest, NotFound, Unavailable, UnknownModel
from fourways.engine.answering import Answering, Part
from fourways.engine.chat_metrics import ChatMetrics, now_of
from fourways.engine.chat_replies import Choice, Form
from fourways.engine.chat_wire import (
    Asked,
    ChatRequest,
    CompletionRequest,
    LoadAdapter,
    UnloadAdapter,
    choices_of,
    limit_of,
    prompts_of,
    sampling_of,
    stops_of,
)
from fourways.engine.constrained import Grammar, Grammars
from fourways.engine.decoders import BASE, Decoder
from fourways.engine.scheduler import Scheduler
from fourways.engine.sequences import Generation, Piece
from fourways.engine.texts import Reader, Words
from fourways.engine.wire import Reply, Stream, TokenizeRequest, json_reply, texts_of

if TYPE_CHECKING:
    from fourways.engine.adapters import Adapter


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A causal model, ready.

    Attributes:
        parity: what the comparison with transformers found, for people to read.
        read_adapter: opens a folder of an adapter, checked against this model.
    """

    decoder: Decoder
    words: Words
    parity: str
    read_adapter: "Callable[[Path], Adapter]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """How the engine runs.

    Attributes:
        model: the name it answers to.
        instance: a random id, by which a supervisor knows its own engine again.
        adapters: folders by name, loaded with the model.
        queue: sequences that may wait.
        speculate: see `Scheduler`.
    """

    model: str
    instance: str
    adapters: tuple[tuple[str, Path], ...] = ()
    queue: int = 256
    speculate: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An adapter that requests may name: its number with the decoder, and its folder."""

    number: int
    folder: Path
    created: int = field(default_factory=lambda: int(time.time()))


class ChatEngine:
    """Answers chat, completion and tokenize requests.

    Args:
        load: opens the model; called once, in a thread.
    """

    def __init__(self, settings: ChatSettings, load: Callable[[], LoadedModel]) -> None:
        self.settings, self._load = settings, load
        self._loaded: LoadedModel | None = None
        self._scheduler: Scheduler | None = None
        self._grammars: Grammars | None = None
        self._adapters: dict[str, Named] = {}
        self.metrics = ChatMetrics(settings.model, lambda: now_of(self._scheduler))

    async def load(self) -> None:
        """Open the model and the adapters; until then every request is told to come back."""
        loaded = await asyncio.to_thread(self._load)
        loop = asyncio.get_running_loop()

        def post(pieces: Sequence[tuple[Generation, Piece]]) -> None:
            if pieces and not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, pieces)

        self._scheduler = Scheduler(loaded.decoder, post, limit=self.settings.queue, speculate=self.settings.speculate)
        self._grammars = Grammars(loaded.words, loaded.decoder.vocabulary)
        for name, folder in self.settings.adapters:
            await self._add_adapter(name, folder, loaded)
        self._loaded = loaded

    def close(self) -> None:
        """End the model's thread."""
        if self._scheduler is not None:
            self._scheduler.close()

    @property
    def models(self) -> LoadedModel:
        """The model; raises `Unavailable` while it loads."""
        if self._loaded is None:
            raise Unavailable(f"{self.settings.model} is loading; try again soon", retry_after=1.0)
        return self._loaded

    @property
    def scheduler(self) -> Scheduler:
        """What runs it; raises `Unavailable` while it loads."""
        if self._scheduler is None:
            raise Unavailable(f"{self.settings.model} is loading; try again soon", retry_after=1.0)
        return self._scheduler

    def health(self) -> Reply:
        """Say whether the model is there, what computes it, and which engine this is."""
        about = {"model": self.settings.model, "instance": self.settings.instance}
        if self._loaded is None:
            return json_reply({"status": "loading"} | about, 503)
        decoder = self._loaded.decoder
        facts = {
            "decoder": decoder.name,
            "parity": self._loaded.parity,
            "max_model_len": decoder.window,
            "slots": decoder.slots,
            "adapters": sorted(self._adapters),
        }
        return json_reply({"status": "ok"} | about | facts)

    def list_models(self) -> Reply:
        """List the model and its adapters, in OpenAI's shape with vLLM's fields."""
        limit = self._loaded.decoder.window if self._loaded else None
        about = {"object": "model", "owned_by": "fourways", "max_model_len": limit}
        base = {"id": self.settings.model, "created": 0, "root": self.settings.model, "parent": None} | about
        others = [
            {"id": name, "created": one.created, "root": str(one.folder), "parent": self.settings.model} | about
            for name, one in self._adapters.items()
        ]
        return json_reply({"object": "list", "data": [base, *others]})

    async def chat(self, request: ChatRequest) -> Reply | Stream:
        """Answer a conversation."""
        words = self.models.words
        if words.template is None:
            msg = (
                f"{self.settings.model} has no chat template; use /v1/completions, or put one into its tokenizer_config"
            )
            raise InvalidRequest(msg, param="messages")
        if not request.messages:
            raise InvalidRequest("messages is empty; one or more would be right", param="messages")
        text = words.template.render(request.messages, tools=request.tools, **request.chat_template_kwargs or {})
        return await self._answer(request, [words.encode(text, special=False)])

    async def complete(self, request: CompletionRequest) -> Reply | Stream:
        """Go on with prompts."""
        words, prompts = self.models.words, prompts_of(request.prompt)
        tokens = [words.encode(one) if isinstance(one, str) else one for one in prompts]
        echo = [one if isinstance(one, str) else words.decode(one) for one in prompts] if request.echo else []
        return await self._answer(request, tokens, echo)

    async def tokenize(self, request: TokenizeRequest) -> Reply:
        """Count tokens, special ones included; for a list, `counts`."""
        self._number_of(request.model)
        words, limit = self.models.words, {"max_model_len": self.models.decoder.window}
        ids = [words.encode(text) for text in texts_of(request.prompt, "prompt")]
        if isinstance(request.prompt, str):
            return json_reply({"count": len(ids[0]), "tokens": ids[0]} | limit)
        return json_reply({"counts": [len(one) for one in ids]} | limit)

    async def load_adapter(self, request: LoadAdapter) -> Reply:
        """Load an adapter while others answer."""
        loaded, name = self.models, request.lora_name
        if not name or name == self.settings.model:
            raise InvalidRequest(f"lora_name '{name}' is taken or empty; give it one of its own", param="lora_name")
        if name in self._adapters and not request.load_inplace:
            msg = f"the adapter '{name}' has been loaded already; unload it first, or set load_inplace"
            raise InvalidRequest(msg, param="lora_name")
        await self._add_adapter(name, Path(request.lora_path), loaded)
        return Reply(body=f"Success: LoRA adapter '{name}' added successfully.".encode(), content_type=b"text/plain")

    async def unload_adapter(self, request: UnloadAdapter) -> Reply:
        """Take an adapter away; sequences that use it finish."""
        name = request.lora_name
        found = self._adapters.pop(name, None)
        if found is None:
            raise NotFound.named("adapter", name, self._adapters)
        self.scheduler.retire(found.number)
        self.metrics.adapters(self._adapters, time.time())
        return Reply(body=f"Success: LoRA adapter '{name}' removed successfully.".encode(), content_type=b"text/plain")

    async def _add_adapter(self, name: str, folder: Path, loaded: LoadedModel) -> None:
        adapter = await asyncio.to_thread(loaded.read_adapter, folder)
        scheduler = self.scheduler
        number = await asyncio.wrap_future(scheduler.call(lambda: loaded.decoder.load(adapter)))
        before = self._adapters.get(name)
        self._adapters[name] = Named(number=number, folder=folder)
        if before is not None:
            scheduler.retire(before.number)
        self.metrics.adapters(self._adapters, time.time())

    def _number_of(self, model: str | None) -> int:
        """Return the number of the adapter that `model` names, `BASE` for the model itself."""
        if not model or model == self.settings.model:
            return BASE
        if model not in self._adapters:
            raise UnknownModel.named("model", model, [self.settings.model, *self._adapters])
        return self._adapters[model].number

    async def _answer(
        self, request: Asked, prompts: Sequence[Sequence[int]], echo: Sequence[str] = ()
    ) -> Reply | Stream:
        adapter, n = self._number_of(request.model), choices_of(request)
        chat = isinstance(request, ChatRequest)
        answering = Answering(
            form=Form(
                chat=chat,
                id=f"{'chatcmpl' if chat else 'cmpl'}-{os.urandom(12).hex()}",
                model=request.model or self.settings.model,
            ),
            words=self.models.words,
            metrics=self.metrics,
            prompts=[len(prompt) for prompt in prompts],
            echo=[text for text in echo for _ in range(n)],
            usage=bool(request.stream_options and request.stream_options.include_usage),
        )
        seed = int.from_bytes(os.urandom(4))
        constraints = await self._constraints(request, n * len(prompts))
        for prompt in prompts:
            for number in range(n):
                self._begin(answering, request, prompt, adapter=adapter, seed=seed, number=number)
        for part, constraint in zip(answering.parts, constraints, strict=True):
            part.generation.hold_to(constraint)
        self.scheduler.submit([part.generation for part in answering.parts])
        self.metrics.prompt_tokens.inc(sum(answering.prompts))
        if request.stream:
            return Stream(frames=answering.stream())
        return await answering.whole()

    async def _constraints(self, request: Asked, count: int) -> "list[Grammar | None]":
        """Return what holds each choice to the form that was asked for; made in a thread, it may take its time."""
        grammars, form = self._grammars, request.response_format
        if form is None or grammars is None:
            return [None] * count
        return await asyncio.to_thread(lambda: [grammars.constraint(form) for _ in range(count)])

    def _begin(
        self, answering: Answering, request: Asked, prompt: Sequence[int], *, adapter: int, seed: int, number: int
    ) -> None:
        """Add a choice to an answer; the second of a prompt and on follow the first, whose reading they share."""
        loaded = self.models
        vocabulary, window = loaded.decoder.vocabulary, loaded.decoder.window
        if not prompt or not all(0 <= token < vocabulary for token in prompt):
            msg = f"the prompt is empty, or has tokens outside 0 to {vocabulary - 1}"
            raise InvalidRequest(msg, param="messages" if answering.form.chat else "prompt")
        index, stops = len(answering.parts), stops_of(request)
        sampling = sampling_of(request, seed=seed, vocabulary=vocabulary, choice=number)
        ends = frozenset() if request.ignore_eos else loaded.words.ends
        generation = Generation(
            prompt=prompt,
            limit=limit_of(request, prompt=len(prompt), window=window),
            sampling=sampling,
            ends=ends,
            least=min(request.min_tokens, window),
            deliver=answering.receive(index),
            adapter=adapter,
            lead=answering.parts[index - number].generation if number else None,
            whole=not request.stream and not stops,
        )
        choice = Choice(index=index, logprobs=None if sampling.top_logprobs is None else [])
        after = () if answering.form.chat else prompt
        reader = Reader(loaded.words, stops, include=request.include_stop_str_in_output, after=after)
        answering.parts.append(Part(generation=generation, reader=reader, choice=choice))


def _deliver(pieces: Sequence[tuple[Generation, Piece]]) -> None:
    for generation, piece in pieces:
        generation.deliver(piece)
