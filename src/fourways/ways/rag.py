"""Way 2: passages of a knowledge are found, and a model answers from them, citing; or abstains."""

from fourways.config.ways import RagWay
from fourways.core.chat import Answerer
from fourways.core.specs import Candidate
from fourways.core.traits import Trait, Traits
from fourways.ways.describing import answering, hardware_of, memory_of
from fourways.ways.prompting import pin_prompt
from fourways.ways.reading import FOLLOWS, MANNERS, freshness_of, pin_reading, reader, searching
from fourways.ways.workshop import Workshop


class RetrievalWay:
    """Builds and opens retrieval-augmented answerers."""

    name = "rag"

    async def build(self, app: str, spec: RagWay, workshop: Workshop) -> Candidate:
        """Pin the model, the prompt, the knowledge with its snapshot and search settings, and the decoding."""
        parts = {
            "model": workshop.pin_model(spec.model),
            "prompt": pin_prompt(spec, workshop),
            "decoding": dict(spec.options),
            **pin_reading(spec, spec.knowledge, workshop),
        }
        return Candidate(app=app, way=self.name, parts=parts)

    def open(self, candidate: Candidate, workshop: Workshop) -> Answerer:
        """Answer from the candidate's knowledge with its model."""
        parts = candidate.parts
        manner = MANNERS.get(parts["model"]["name"], FOLLOWS)
        return reader(workshop.open_model(parts["model"]), parts, workshop, manner)

    def traits(self, candidate: Candidate, workshop: Workshop) -> Traits:
        """Say what retrieval is like: what it knows stands in a knowledge, beside the model."""
        pin = candidate.parts["knowledge"]
        fresh, freshness = freshness_of(pin, workshop)
        receivers = (
            *answering(workshop, candidate.parts["model"], "questions, the prompt and the passages found"),
            *searching(candidate.parts, workshop),
        )
        return Traits(
            way=self.name,
            receivers=receivers,
            fresh=fresh,
            freshness=freshness,
            erased="knowledge",
            erasure=Trait(
                says=f"Erase the document from '{pin['name']}': it answers no more, the model stays as it is.",
                because=("text, vectors and full text are deleted, on disk too, and no sync brings them back",),
            ),
            people=Trait(
                says="Somebody who keeps the documents complete and up to date; no training of models.",
                because=("answers are as good as the documents and what is found in them",),
            ),
            hardware=hardware_of(receivers),
            memory=memory_of(receivers),
        )
