"""Way 2: passages of a knowledge are found, and a model answers from them, citing; or abstains."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fourways.config.durations import say_duration
from fourways.config.tree import RagWay, Search
from fourways.core.chat import Answerer, ChatRequest, Chunk, close
from fourways.core.data import Hit
from fourways.core.specs import Candidate
from fourways.core.trace import Trace, Usage
from fourways.core.traits import Freshness, Receiver, Trait, Traits
from fourways.knowledge.tokens import approximate_tokens
from fourways.models import strength
from fourways.ways.citations import MARK, cited
from fourways.ways.condense import condense_by_model, condense_by_rule, needs_condensing
from fourways.ways.context import fence_of, with_sources, within_budget
from fourways.ways.describing import answering, embedding, hardware_of, memory_of, reranking
from fourways.ways.prompting import Prompt, open_prompt, pin_prompt
from fourways.ways.workshop import Searcher, Workshop

QUOTES_ITSELF = "extractive"
"""The model that reads `request.sources` and quotes them: it needs no prompt and cites by itself."""


class RetrievalWay:
    """Builds and opens retrieval-augmented answerers."""

    name = "rag"

    async def build(self, app: str, spec: RagWay, workshop: Workshop) -> Candidate:
        """Pin the model, the prompt, the knowledge with its snapshot and search settings, and the decoding."""
        search = workshop.project.knowledge[spec.knowledge].search
        parts = {
            "model": workshop.pin_model(spec.model),
            "prompt": pin_prompt(spec, workshop),
            "decoding": dict(spec.options),
            "knowledge": {
                "name": spec.knowledge,
                "snapshot": spec.snapshot,
                "embedding": workshop.project.knowledge[spec.knowledge].embedding.model,
                "search": search.model_dump(mode="json"),
            },
            "retrieval": {
                "limit": spec.limit or search.limit,
                "context_tokens": spec.context_tokens,
                "min_score": strength.THRESHOLD if spec.min_score is None else spec.min_score,
                "condense": spec.condense,
                "abstain_text": spec.abstain_text,
            },
        }
        return Candidate(app=app, way=self.name, parts=parts)

    def open(self, candidate: Candidate, workshop: Workshop) -> Answerer:
        """Answer from the candidate's knowledge with its model."""
        parts = candidate.parts
        return _Rag(
            model=workshop.open_model(parts["model"]),
            quotes_itself=parts["model"]["name"] == QUOTES_ITSELF,
            prompt=open_prompt(parts["prompt"]),
            decoding=parts["decoding"],
            knowledge=workshop.knowledge(parts["knowledge"]["name"]),
            snapshot=parts["knowledge"]["snapshot"],
            settings=Search.model_validate(parts["knowledge"]["search"]),
            **parts["retrieval"],
        )

    def traits(self, candidate: Candidate, workshop: Workshop) -> Traits:
        """Say what retrieval is like: what it knows stands in a knowledge, beside the model."""
        pin = candidate.parts["knowledge"]
        fresh, freshness = _freshness(pin, workshop)
        receivers = _receivers(candidate, workshop)
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


def _receivers(candidate: Candidate, workshop: Workshop) -> tuple[Receiver, ...]:
    model, pin = candidate.parts["model"], candidate.parts["knowledge"]
    return (
        *answering(workshop, model, "questions, the prompt and the passages found"),
        *embedding(workshop, pin["embedding"], "questions and all documents"),
        *reranking(workshop, pin["search"].get("reranker"), "questions and the passages proposed for them"),
    )


def _freshness(pin: Mapping[str, Any], workshop: Workshop) -> tuple[Freshness, Trait]:
    """Say when a changed document answers: never while a snapshot is pinned, else after the next sync."""
    name, node = pin["name"], workshop.project.knowledge.get(pin["name"])
    if pin["snapshot"] != "latest":
        fact = f"the project file pins snapshot {pin['snapshot']} of '{name}'"
        return "edit", Trait(says=f"Never, while snapshot {pin['snapshot']} is pinned.", because=(fact,))
    if node is None or node.refresh is None:
        fact = f"'{name}' has no `refresh:`"
        return "sync", Trait(says="A changed document answers after the next `fourways ingest`.", because=(fact,))
    every = say_duration(node.refresh)
    fact = f"'{name}' says `refresh: {every}`, and only what changed is read"
    return "sync", Trait(says=f"A changed document answers within {every} and the time of a sync.", because=(fact,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rag:
    """condense → search → abstain, or show the sources → answer → cite: one method each."""

    model: Answerer
    quotes_itself: bool
    prompt: Prompt
    decoding: dict[str, Any]
    knowledge: Searcher
    snapshot: int | str
    settings: Search
    limit: int
    context_tokens: int
    min_score: float
    condense: bool
    abstain_text: str

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        query = await self._query(request, trace)
        hits = await self._retrieve(query, request, trace)
        if strength.abstains(query, hits, self.min_score):
            trace.attributes["abstained"] = True
            yield Chunk(text=self.abstain_text, finish="stop", usage=Usage(cost_usd=0.0))
            return
        filled = self._fill(request, hits, trace)
        answer = self.model(filled, trace)
        shown = self._quoting(answer, trace) if self.quotes_itself else _citing(answer, hits, trace)
        try:
            async for chunk in shown:
                yield chunk
        finally:
            await close(shown)
            await close(answer)

    async def _quoting(self, answer: AsyncIterator[Chunk], trace: Trace) -> AsyncIterator[Chunk]:
        """Pass quotes on; where there was nothing to quote, abstain in the app's own words."""
        async for chunk in answer:
            abstained = trace.attributes.get("abstained") and chunk.text
            yield replace(chunk, text=self.abstain_text, raw=None) if abstained else chunk

    async def _query(self, request: ChatRequest, trace: Trace) -> str:
        if not (self.condense and needs_condensing(request.messages)):
            return condense_by_rule(request.messages[-1:])
        if self.quotes_itself:
            return condense_by_rule(request.messages)
        return await condense_by_model(self.model, request, trace)

    async def _retrieve(self, query: str, request: ChatRequest, trace: Trace) -> tuple[Hit, ...]:
        with trace.span("retrieve") as span:
            found = await self.knowledge.search(
                query,
                labels=request.principal.labels,
                limit=self.limit,
                snapshot=self.snapshot,
                settings=self.settings,
            )
            hits = trace.sources = within_budget(found, self.context_tokens, approximate_tokens)
            span.set(query=query, hits=[_seen(hit) for hit in hits])
        return hits

    def _fill(self, request: ChatRequest, hits: tuple[Hit, ...], trace: Trace) -> ChatRequest:
        with trace.span("prompt"):
            if self.quotes_itself:
                return replace(request, sources=hits)
            messages = self.prompt.messages(request, self.prompt.examples)
            shown = with_sources(messages, hits, fence_of(trace.id), self.abstain_text)
            return replace(request, messages=shown, options=self.prompt.options(self.decoding, request), sources=hits)


def _seen(hit: Hit) -> dict[str, Any]:
    scores = {"score": round(hit.score, 4), "dense": round(hit.dense, 4), "lexical": round(hit.lexical, 4)}
    return {"document": hit.passage.document, "passage": hit.passage.id, **scores}


async def _citing(answer: AsyncIterator[Chunk], hits: tuple[Hit, ...], trace: Trace) -> AsyncIterator[Chunk]:
    """Pass an answer's chunks on, and add to each choice's last one the places that it cites."""
    texts: dict[int, list[str]] = {}
    async for chunk in answer:
        text = texts.setdefault(chunk.index, [])
        text.append(chunk.text)
        if chunk.finish is None:
            yield chunk
            continue
        whole = "".join(text)
        citations = cited(whole, hits)
        unknown = {int(number) for number in MARK.findall(whole)} - {citation.number for citation in citations}
        if unknown:
            trace.attributes["cited_unknown"] = sorted(unknown)
        yield replace(chunk, citations=citations, raw=None) if citations else chunk
