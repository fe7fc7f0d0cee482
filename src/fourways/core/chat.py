"""The shape of all that answers: `Answerer`. Requests, chunks, and the fold that makes an answer of them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fourways.core.data import Citation, Hit
from fourways.core.ids import DEFAULT_TENANT, TenantId
from fourways.core.trace import Trace, Usage

Message = Mapping[str, Any]
"""A message as it stands on OpenAI's wire: `role`, `content` (text or parts), `tool_calls`, whatever else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, proven by a key; nothing is answered and no row is read without one.

    Attributes:
        key_id: None on loopback while no key exists.
        apps: the apps the key may use; None means every one.
        labels: the ACL labels whose passages it may read.
        admin: whether it may use `/api`.
        user: the end user behind the key, as the client names them; sticky choices go by it.
    """

    tenant: TenantId = DEFAULT_TENANT
    key_id: str | None = None
    apps: frozenset[str] | None = None
    labels: frozenset[str] = frozenset()
    admin: bool = False
    user: str | None = None

    def may_use(self, app: str) -> bool:
        """Whether the key is scoped to this app."""
        return self.apps is None or app in self.apps


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A conversation to be answered.

    Attributes:
        model: what the caller asked for: `app`, `app@candidate`, `app:way`, `provider/model`.
        options: every other field of the wire request, untouched: `temperature`, `tools`, `n`, `response_format` ….
        variables: values for the prompt's template (`fourways.variables` on the wire).
        sources: the passages found for it; a model that quotes (`extractive`) reads them here,
            others find them rendered in `messages`.
    """

    model: str
    messages: Sequence[Message]
    principal: Principal
    stream: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Hit, ...] = ()


@dataclass(slots=True, kw_only=True)
class Chunk:
    """A piece of an answer, as it comes. Nobody changes one that it was handed: it makes another.

    Not frozen, against the habit: one is made for every streamed token, and freezing makes that 3.6 times as dear.

    Attributes:
        index: which of the `n` choices it belongs to.
        text: what is added to the choice's content.
        delta: the delta's other fields, as on the wire: `role`, `tool_calls`, `reasoning_content`, `refusal` ….
        finish: `stop`, `length`, `tool_calls`, `content_filter` on the choice's last chunk.
        logprobs: the wire's object for this piece.
        fields: the provider's own top-level fields (`id`, `system_fingerprint` …), kept.
        citations: places that support the answer, known by the time they are sent.
        raw: the provider's frame (JSON, UTF-8) while nothing in it was changed, so that it can be relayed as it is;
            whoever changes a field must drop it.
    """

    index: int = 0
    text: str = ""
    delta: Mapping[str, Any] | None = None
    finish: str | None = None
    logprobs: Mapping[str, Any] | None = None
    usage: Usage | None = None
    citations: tuple[Citation, ...] = ()
    fields: Mapping[str, Any] | None = None
    raw: bytes | None = None


class Answerer(Protocol):
    """All that answers: a remote model, a way's candidate, the gateway itself."""

    def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        """Answer piece by piece; raises from `core/errors` before or between pieces."""
        ...


Wrapper = Callable[[Answerer], Answerer]


def onion(answer: Answerer, *wrappers: Wrapper) -> Answerer:
    """Wrap an answerer; the first wrapper is the outermost."""
    for wrapper in reversed(wrappers):
        answer = wrapper(answer)
    return answer


async def close(chunks: AsyncIterator[Chunk] | None) -> None:
    """End an answer that may be half-read: left alone, an async generator keeps its upstream at work."""
    aclose = getattr(chunks, "aclose", None)
    if aclose is not None:
        await aclose()


@dataclass(slots=True, kw_only=True)
class Choice:
    """One of an answer's `n` choices, folded from its chunks."""

    text: str = ""
    finish: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    logprobs: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    choices: list[Choice]
    usage: Usage | None = None
    citations: tuple[Citation, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The first choice's text."""
        return self.choices[0].text if self.choices else ""


async def collect(chunks: AsyncIterator[Chunk]) -> Answer:
    """Fold chunks into an answer: the non-streaming form of every answerer."""
    choices: dict[int, Choice] = {}
    answer = Answer(choices=[])
    texts: dict[int, list[str]] = {}
    async for chunk in chunks:
        if chunk.usage is not None:
            answer.usage = chunk.usage
        if chunk.citations:
            answer.citations = chunk.citations
        if chunk.fields:
            answer.fields.update(chunk.fields)
        if not (chunk.text or chunk.delta or chunk.finish or chunk.logprobs):
            continue
        choice = choices.get(chunk.index)
        if choice is None:
            choice = choices[chunk.index] = Choice()
            texts[chunk.index] = []
        texts[chunk.index].append(chunk.text)
        _fold(choice, chunk)
    for index, choice in choices.items():
        choice.text = "".join(texts[index])
    answer.choices = [choices[index] for index in sorted(choices)]
    return answer


def _fold(choice: Choice, chunk: Chunk) -> None:
    if chunk.finish:
        choice.finish = chunk.finish
    for name, value in (chunk.delta or {}).items():
        if name == "tool_calls":
            _fold_tool_calls(choice.tool_calls, value or ())
        elif isinstance(value, str) and isinstance(choice.fields.get(name), str) and name != "role":
            choice.fields[name] += value
        elif value is not None or name not in choice.fields:
            choice.fields[name] = value
    if chunk.logprobs:
        held = choice.logprobs = choice.logprobs or {}
        for name, value in chunk.logprobs.items():
            held[name] = (
                [*held[name], *value] if isinstance(value, list) and isinstance(held.get(name), list) else value
            )


def _fold_tool_calls(calls: list[dict[str, Any]], deltas: Sequence[Mapping[str, Any]]) -> None:
    """Add tool-call deltas: arguments arrive in pieces, told apart by `index`."""
    for delta in deltas:
        position = delta.get("index", len(calls))
        while len(calls) <= position:
            calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call = calls[position]
        for name, value in delta.items():
            if name == "function":
                function = call["function"]
                for part, piece in value.items():
                    function[part] = function.get(part, "") + (piece or "") if part in ("name", "arguments") else piece
            elif name != "index" and value is not None:
                call[name] = value


def text_of(message: Message) -> str:
    """Return a message's text: its content, or its text parts joined by newlines."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(
            part.get("text", "") for part in content if isinstance(part, Mapping) and part.get("type") == "text"
        )
    return ""


def question_of(messages: Sequence[Message]) -> str:
    """Return the text of the last message a person wrote, or ""."""
    return next((text_of(message) for message in reversed(messages) if message.get("role") == "user"), "")
