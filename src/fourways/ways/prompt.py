"""Way 1: a model prompted with instructions and examples, nothing built."""

from fourways.config.ways import PromptWay
from fourways.core.chat import Answerer
from fourways.core.specs import Candidate
from fourways.core.traits import Trait, Traits
from fourways.ways.describing import answering, embedding, hardware_of, memory_of
from fourways.ways.prompted import pin_examples_embedder, prompted
from fourways.ways.prompting import pin_prompt
from fourways.ways.workshop import Workshop


class PromptingWay:
    """Builds and opens prompts."""

    name = "prompt"

    async def build(self, app: str, spec: PromptWay, workshop: Workshop) -> Candidate:
        """Pin the model, the prompt with its examples, and the decoding."""
        prompt = pin_prompt(spec, workshop)
        model = workshop.pin_model(spec.model or workshop.ambient_alone)
        parts = {"model": model, "prompt": prompt, "decoding": dict(spec.options), **pin_examples_embedder(prompt)}
        return Candidate(app=app, way=self.name, parts=parts)

    def open(self, candidate: Candidate, workshop: Workshop) -> Answerer:
        """Answer with the candidate's prompt and model."""
        return prompted(workshop.open_model(candidate.parts["model"]), candidate.parts, workshop)

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
