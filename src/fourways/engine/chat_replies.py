"""What a causal model answers over HTTP: OpenAI's objects and its stream's frames."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fourways.engine.sampling import Alternatives

DONE = b"data: [DONE]\n\n"

Spell = Callable[[int], str]
_json = msgspec.json.encode


@dataclass(slots=True, kw_only=True)
class Choice:
    """One answer as far as it has come.

    Attributes:
        generated: tokens, the one that ended it counted in.
        logprobs: the wire's entries for its tokens, None where none were asked for.
    """

    index: int
    text: str = ""
    finish: str | None = None
    generated: int = 0
    logprobs: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of a request."""

    prompt: int
    cached: int
    generated: int

    def wire(self) -> dict[str, Any]:
        """Return OpenAI's object."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.generated,
            "total_tokens": self.prompt + self.generated,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


def entries(tokens: Sequence[int], thoughts: Sequence[Alternatives], spell: Spell) -> list[dict[str, Any]]:
    """Return chat's entry of `logprobs.content` for each token."""

    def entry(token: int, logprob: float) -> dict[str, Any]:
        text = spell(token)
        return {"token": text, "logprob": max(logprob, _LEAST), "bytes": list(text.encode())}

    return [
        entry(token, thought.logprob) | {"top_logprobs": [entry(*pair) for pair in thought.top]}
        for token, thought in zip(tokens, thoughts, strict=False)
    ]


_LEAST = -9999.0
"""JSON has no infinity; this is what OpenAI and vLLM write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The objects of one kind of request, `chat` or not.

    Attributes:
        id: of the answer.
        model: as the caller called it.
    """

    chat: bool
    id: str
    model: str
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, choices: Sequence[Choice], usage: Usage) -> dict[str, Any]:
        """Return the answer that is not streamed."""
        return {
            "id": self.id,
            "object": "chat.completion" if self.chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [self._choice(choice) for choice in choices],
            "usage": usage.wire(),
        }

    def _choice(self, choice: Choice) -> dict[str, Any]:
        content = {"message": {"role": "assistant", "content": choice.text}} if self.chat else {"text": choice.text}
        logprobs = self.logprobs(choice.logprobs)
        return {"index": choice.index} | content | {"logprobs": logprobs, "finish_reason": choice.finish}

    def logprobs(self, found: Sequence[Mapping[str, Any]] | None) -> dict[str, Any] | None:
        """Return the `logprobs` object of entries: chat's own, or the older one of completions."""
        if found is None:
            return None
        if self.chat:
            return {"content": list(found)}
        offsets = [0]
        for entry in found[:-1]:
            offsets.append(offsets[-1] + len(entry["token"]))
        return {
            "tokens": [entry["token"] for entry in found],
            "token_logprobs": [entry["logprob"] for entry in found],
            "top_logprobs": [{one["token"]: one["logprob"] for one in entry["top_logprobs"]} for entry in found],
            "text_offset": offsets[: len(found)],
        }

    def opening(self, index: int) -> bytes:
        """Return the frame that begins a choice; completions have none."""
        return self._frame(index, {"role": "assistant", "content": ""}, None, None) if self.chat else b""

    def piece(
        self, index: int, text: str, *, finish: str | None = None, logprobs: Sequence[Mapping[str, Any]] | None = None
    ) -> bytes:
        """Return a frame of text."""
        found = self.logprobs(logprobs)
        if self.chat:
            return self._frame(index, {"content": text} if text or not finish else {}, found, finish)
        return self._frame(index, text, found, finish)

    def _frame(self, index: int, added: object, logprobs: object, finish: str | None) -> bytes:
        kind, key = (b"chat.completion.chunk", b"delta") if self.chat else (b"text_completion", b"text")
        return b"".join(
            (
                b'data: {"id":"',
                self.id.encode(),
                b'","object":"',
                kind,
                b'","created":%d,"model":' % self.created,
                _json(self.model),
                b',"choices":[{"index":%d,"' % index,
                key,
                b'":',
                _json(added),
                b',"logprobs":',
                _json(logprobs),
                b',"finish_reason":',
                _json(finish),
                b"}]}\n\n",
            )
        )

    def closing(self, usage: Usage) -> bytes:
        """Return the frame that counts the tokens."""
        body: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk" if self.chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [],
            "usage": usage.wire(),
        }
        return b"data: " + _json(body) + b"\n\n"
