"""Way 1: a model prompted with instructions and examples, nothing built."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from fourways.config.tree import PromptWay
from fourways.core.chat import Answerer, ChatRequest, Chunk, close, question_of
from fourways.core.specs import Candidate
from fourways.core.trace import Trace
from fourways.core.traits import Trait, Traits
from fourways.ways.describing import answering, embedding, hardware_of, memory_of
from fourways.ways.nearest import NearestExamples
from fourways.ways.prompting import Prompt, open_prompt, pin_prompt
from fourways.ways.workshop import Workshop

EXAMPLES_EMBEDDER = "minilm"


class PromptingWay:
    """Builds and opens prompts."""

    name = "prompt"

    async def build(self, app: str, spec: PromptWay, workshop: Workshop) -> Candidate:
        """Pin the model, the prompt with its examples, and the decoding."""
        prompt = pin_prompt(spec, workshop)
        examples = {"embedder": EXAMPLES_EMBEDDER} if prompt["nearest"] else {}
        parts = {"model": workshop.pin_model(spec.model), "prompt": prompt, "decoding": dict(spec.options), **examples}
        return Candidate(app=app, way=self.name, parts=parts)

    def open(self, candidate: Candidate, workshop: Workshop) -> Answerer:
        """Answer with the candidate's prompt and model."""
        parts = candidate.parts
        prompt, decoding = open_prompt(parts["prompt"]), parts["decoding"]
        model = workshop.open_model(parts["model"])
        if prompt.nearest and prompt.examples:
            embed = workshop.models.embedder(parts["embedder"])
            return _with_nearest(model, prompt, decoding, NearestExamples(prompt.examples, prompt.nearest, embed))
        return _with_all(model, _filler(prompt, decoding))

    def traits(self, candidate: Candidate, workshop: Workshop) -> Traits:
        """Say what a prompt is like: all that it knows stands in its text."""
        parts = candidate.parts
        shown = len(parts["prompt"]["examples"])
        receivers = answering(workshop, parts["model"], "questions, the prompt and its examples")
        if parts["prompt"]["nearest"] and shown:
            receivers += embedding(workshop, parts["embedder"], "questions and examples")
        return Traits(
            way=self.name,
            receivers=receivers,
            fresh="edit",
            freshness=Trait(
                says="A changed document is not seen until somebody edits the prompt.",
                because=(f"what it is told is its prompt with {shown} examples; no documents are read",),
            ),
            erased="text",
            erasure=Trait(
                says="Cut it out of the prompt or its examples; the next candidate has never seen it.",
                because=("nothing is trained, and nothing else is kept",),
            ),
            people=Trait(says="Somebody who writes prompts and tries them out; no other expertise."),
            hardware=hardware_of(receivers),
            memory=memory_of(receivers),
        )


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
