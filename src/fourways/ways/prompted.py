"""Answering with a prompt alone: the candidate's system text and examples before the conversation."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

from fourways.core.chat import Answerer, ChatRequest, Chunk, close, question_of
from fourways.core.trace import Trace
from fourways.ways.nearest import NearestExamples
from fourways.ways.prompting import Prompt, open_prompt
from fourways.ways.workshop import Workshop

EXAMPLES_EMBEDDER = "minilm"


def pin_examples_embedder(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Say what compares questions with examples; nothing where all examples are shown."""
    return {"embedder": EXAMPLES_EMBEDDER} if prompt["nearest"] else {}


def prompted(model: Answerer, parts: Mapping[str, Any], workshop: Workshop) -> Answerer:
    """Answer with a candidate's prompt and decoding.

    Args:
        model: what answers.
        parts: the candidate's: `prompt`, `decoding`, and `embedder` where the nearest examples are shown.
    """
    prompt, decoding = open_prompt(parts["prompt"]), parts["decoding"]
    if prompt.nearest and prompt.examples:
        embed = workshop.models.embedder(parts["embedder"])
        return _with_nearest(model, prompt, decoding, NearestExamples(prompt.examples, prompt.nearest, embed))
    return _with_all(model, _filler(prompt, decoding))


def _filler(prompt: Prompt, decoding: dict[str, object]) -> Callable[[ChatRequest, Trace], ChatRequest]:
    def fill(request: ChatRequest, trace: Trace) -> ChatRequest:
        with trace.span("prompt"):
            messages = prompt.messages(request, prompt.examples)
            return replace(request, messages=messages, options=prompt.options(decoding, request))

    return fill


def _with_all(model: Answerer, fill: Callable[[ChatRequest, Trace], ChatRequest]) -> Answerer:
    """Show all examples; the model's own chunks go out, without a frame of ours between."""
    return lambda request, trace: model(fill(request, trace), trace)


def _with_nearest(model: Answerer, prompt: Prompt, decoding: dict[str, object], nearest: NearestExamples) -> Answerer:
    async def answer(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        with trace.span("prompt") as span:
            examples = await nearest(question_of(request.messages))
            span.set(examples=[example.input for example in examples])
            messages = prompt.messages(request, examples)
        filled = replace(request, messages=messages, options=prompt.options(decoding, request))
        chunks = model(filled, trace)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await close(chunks)

    return answer
