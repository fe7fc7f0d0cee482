"""What the ways that train weights share: how rows are put, what a candidate pins, how it is opened and described."""

from collections.abc import Mapping
from typing import Any

from fourways.config.ways import Weighted
from fourways.core.chat import Answerer
from fourways.core.specs import Candidate
from fourways.core.traits import Freshness, Receiver, Trait, Traits, Where
from fourways.ways.prompted import pin_examples_embedder, prompted
from fourways.ways.prompting import pin_prompt
from fourways.ways.reading import TUNED, freshness_of, pin_reading, reader, searching
from fourways.ways.recipes import Trained
from fourways.ways.workshop import Workshop

HERE: Where = "this machine"


def pin_putting(spec: Weighted, workshop: Workshop) -> dict[str, Any]:
    """Pin how a question is put to the model, in training as in answering: prompt, decoding, passages.

    Raises:
        InvalidProject: the template or the examples are wrong.
    """
    prompt = pin_prompt(spec, workshop)
    found = pin_reading(spec, spec.knowledge, workshop) if spec.knowledge else {}
    return {"prompt": prompt, "decoding": dict(spec.options), **pin_examples_embedder(prompt), **found}


def reading_of(putting: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of it says how passages are found; empty where none are."""
    return {key: putting[key] for key in ("knowledge", "retrieval") if key in putting}


def candidate(app: str, way: str, trained: Trained, putting: Mapping[str, Any]) -> Candidate:
    """Make the candidate of weights and of how questions are put to them."""
    parts = {"model": {"name": trained.name}, "weights": trained.pin, **putting}
    return Candidate(app=app, way=way, parts=parts)


def opened(candidate: Candidate, workshop: Workshop) -> Answerer:
    """Answer with a candidate's weights.

    Raises:
        NotFound: the weights are not there any more.
    """
    parts = candidate.parts
    model = weights(parts["weights"], workshop)
    return reader(model, parts, workshop, TUNED) if "knowledge" in parts else prompted(model, parts, workshop)


def weights(pin: Mapping[str, Any], workshop: Workshop) -> Answerer:
    """Return what answers with weights as a candidate pins them: an adapter on its base, or a whole model."""
    folder, digest = workshop.weights(pin["digest"]), pin["digest"][:12]
    if pin["kind"] == "adapter":
        base = pin["base"]["name"]
        return workshop.models.weights(workshop.weights(base), name=base, adapter=folder)
    return workshop.models.weights(folder, name=digest)


def traits(candidate: Candidate, workshop: Workshop, *, people: Trait, hardware: Trait) -> Traits:
    """Say what trained weights are like: what they know stands in them, until they are trained anew."""
    parts = candidate.parts
    sees = "questions, the prompt and the passages found" if "knowledge" in parts else "questions and the prompt"
    own = Receiver(name=parts["model"]["name"], does="answers", sees=sees, place=HERE)
    receivers = (own, *(searching(parts, workshop) if "knowledge" in parts else ()))
    fresh, freshness = _freshness(parts, workshop)
    return Traits(
        way=candidate.way,
        receivers=receivers,
        fresh=fresh,
        freshness=freshness,
        erased="retraining",
        erasure=Trait(
            says="Not erasable without retraining from the data without them.",
            because=("what was learned from a row stands in all weights at once", *_beside(parts)),
        ),
        people=people,
        hardware=hardware,
        memory=Trait(
            says="Possible: what was learned by heart may be drawn out of the weights again.",
            because=("the rows were seen in training; rare ones seen often are kept best (Carlini et al. 2021)",),
        ),
    )


def _freshness(parts: Mapping[str, Any], workshop: Workshop) -> tuple[Freshness, Trait]:
    if "knowledge" not in parts:
        fact = "what it knows stands in weights; no documents are read when it answers"
        return "rebuild", Trait(says="A changed document answers only after training anew.", because=(fact,))
    fresh, found = freshness_of(parts["knowledge"], workshop)
    learned = "what it learned by heart stays as it was until it is trained anew"
    return fresh, Trait(says=found.says, because=(*found.because, learned))


def _beside(parts: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what of a document can be erased all the same."""
    if "knowledge" not in parts:
        return ()
    return (f"the passages that it reads are erased from '{parts['knowledge']['name']}' at once",)
