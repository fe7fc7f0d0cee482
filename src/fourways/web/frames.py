"""Answers as OpenAI's clients read them, whole and in frames; a provider's own bytes as they came, where they can."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fourways.core.chat import Answer, Choice, Chunk
from fourways.core.data import Citation
from fourways.core.trace import Trace, Usage
from fourways.gateway.record import answered_by
from fourways.web.wire import Annotation, AnswerExtras, CitedPlace, UrlCitation, UsageBody

encode = msgspec.json.Encoder(enc_hook=str).encode

DONE = b"data: [DONE]\n\n"


def extras_of(trace: Trace) -> bytes:
    """Return the `fourways` object of an answer, as JSON."""
    return encode(
        AnswerExtras(
            trace_id=trace.id,
            app=trace.app,
            way=trace.way,
            candidate=trace.candidate,
            release=trace.release,
            abstained=bool(trace.attributes.get("abstained")),
            cost_usd=trace.usage.cost_usd if trace.usage is not None else None,
        )
    )


def spliced(document: bytes, name: bytes, value: bytes) -> bytes:
    """Add a field to the end of a JSON object without reading it."""
    end = document.rindex(b"}")
    comma = b"" if document[:end].rstrip().endswith(b"{") else b","
    return b"%b%b%b:%b}" % (document[:end], comma, name, value)


def usage_body(usage: Usage) -> UsageBody:
    """Return a usage as it stands on the wire."""
    return UsageBody(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        prompt_tokens_details={"cached_tokens": usage.cached_tokens},
        completion_tokens_details={"reasoning_tokens": usage.reasoning_tokens},
    )


def annotations(text: str, citations: Iterable[Citation]) -> list[Annotation]:
    """Return citations as annotations; each covers the first `[number]` in the text, or the text's end."""
    found = []
    for citation in citations:
        mark = f"[{citation.number}]"
        start = text.find(mark)
        start, end = (start, start + len(mark)) if start >= 0 else (len(text), len(text))
        found.append(
            Annotation(
                url_citation=UrlCitation(
                    url=citation.link or citation.document, title=citation.title, start_index=start, end_index=end
                ),
                citation=CitedPlace(
                    number=citation.number,
                    knowledge=citation.knowledge,
                    document=citation.document,
                    title=citation.title,
                    quote=citation.quote,
                    start=citation.start,
                    end=citation.end,
                    headings=list(citation.headings),
                    page=citation.page,
                    link=citation.link,
                ),
            )
        )
    return found


# ---------------------------------------------------------------- whole answers


def whole(answer: Answer, trace: Trace) -> bytes:
    """Return a chat.completion."""
    body: dict[str, Any] = {
        "id": f"chatcmpl-{trace.id}",
        "created": int(trace.started_at),
        "model": answered_by(trace),
        **answer.fields,
        "object": "chat.completion",
        "choices": [_choice(index, choice, answer.citations) for index, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None:
        body["usage"] = usage_body(answer.usage)
    return spliced(encode(body), b'"fourways"', extras_of(trace))


def _choice(index: int, choice: Choice, citations: Sequence[Citation]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text or None, **choice.fields}
    if choice.tool_calls:
        message["tool_calls"] = choice.tool_calls
    elif message["content"] is None and not message.get("refusal"):
        message["content"] = ""
    if citations:
        message["annotations"] = [*(choice.fields.get("annotations") or ()), *annotations(choice.text, citations)]
    return {
        "index": index,
        "message": message,
        "logprobs": choice.logprobs,
        "finish_reason": choice.finish or "stop",
    }


# ---------------------------------------------------------------- streams


class Framer:
    """Turns the chunks of one answer into frames. Knows nothing of how they are sent.

    The `fourways` object rides on every frame that ends a choice. `model` is what really answered.

    Args:
        include_usage: whether the client asked for a frame of usage.
    """

    __slots__ = ("_head", "_include_usage", "_spoken", "_texts", "_trace", "_usage")

    def __init__(self, trace: Trace, *, include_usage: bool) -> None:
        self._trace = trace
        self._include_usage = include_usage
        self._usage: Usage | None = None
        self._head = b""
        self._spoken: set[int] = set()
        self._texts: dict[int, list[str]] = {}

    def frame(self, chunk: Chunk) -> bytes:
        """Return the bytes of a chunk; b"" where there is nothing to send yet."""
        raw = chunk.raw
        if raw is not None:
            if chunk.usage is not None:
                self._include_usage = False  # the provider's own frame tells it
            if chunk.finish is not None:
                raw = spliced(raw, b'"fourways"', extras_of(self._trace))
            elif b"\n" in raw:
                raw = raw.replace(b"\n", b" ")
            return b"data: %b\n\n" % raw
        if chunk.usage is not None:
            self._usage = chunk.usage
        if not (chunk.text or chunk.delta or chunk.finish or chunk.logprobs or chunk.citations):
            return b""
        return self._rendered(chunk)

    def end(self) -> bytes:
        """Return the last frames: the usage where it was asked for, and [DONE]."""
        if not self._include_usage or self._usage is None:
            return DONE
        usage = encode(usage_body(self._usage))
        return b'%b],"usage":%b}\n\n%b' % (self._begun(None), usage, DONE)

    def _rendered(self, chunk: Chunk) -> bytes:
        index = chunk.index
        delta: dict[str, Any] = {}
        if index not in self._spoken:
            self._spoken.add(index)
            self._texts[index] = []
            delta["role"] = "assistant"
        if chunk.text or delta:
            delta["content"] = chunk.text
            self._texts[index].append(chunk.text)
        if chunk.delta:
            delta.update(chunk.delta)
        if chunk.citations:
            delta["annotations"] = annotations("".join(self._texts[index]), chunk.citations)
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": chunk.finish}
        if chunk.logprobs:
            choice["logprobs"] = chunk.logprobs
        tail = b"" if chunk.finish is None else b',"fourways":' + extras_of(self._trace)
        return b"%b%b]%b}\n\n" % (self._begun(chunk.fields), encode(choice), tail)

    def _begun(self, fields: Mapping[str, Any] | None) -> bytes:
        """Return a frame up to the first choice; made once."""
        if not self._head:
            trace = self._trace
            top = {
                "id": f"chatcmpl-{trace.id}",
                "created": int(trace.started_at),
                "model": answered_by(trace),
                **(fields or {}),
                "object": "chat.completion.chunk",
            }
            self._head = b'data: %b,"choices":[' % encode(top)[:-1]
        return self._head
