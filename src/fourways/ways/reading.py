"""Answering from passages: condense, search, abstain or show what was found, answer, cite."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from fourways.config.durations import say_duration
from fourways.config.tree import Search
from fourways.config.ways import READER, Finding
from fourways.core.chat import Answerer, ChatRequest, Chunk, Message, close
from fourways.core.data import Citation, Hit
from fourways.core.reading import NOT_SAID
from fourways.core.trace import Trace, Usage
from fourways.core.traits import Freshness, Receiver, Trait
from fourways.knowledge.tokens import approximate_tokens
from fourways.models import strength
from fourways.ways.citations import MARK, cited, quoted
from fourways.ways.condense import condense_by_model, condense_by_rule, needs_condensing
from fourways.ways.context import fence_of, with_passages, with_sources, within_budget
from fourways.ways.describing import embedding, reranking
from fourways.ways.prompting import Prompt, open_prompt
from fourways.ways.workshop import Searcher, Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a model is shown passages, and how what it says is told to come from them.

    Attributes:
        show: puts hits into messages, given the delimiter of this request and the words to abstain with; None where
            the model takes them from the request itself.
        cite: finds the places that an answer rests on; None where the model says so itself.
        rewrites: whether it can be asked to make one question of a conversation.
    """

    show: Callable[[Sequence[Message], Sequence[Hit], str, str], list[Message]] | None
    cite: Callable[[str, Sequence[Hit]], tuple[Citation, ...]] | None
    rewrites: bool = False


FOLLOWS = Manner(show=with_sources, cite=cited, rewrites=True)
"""A model that follows instructions: rules, fenced sources, marks in its answer."""
QUOTES = Manner(show=None, cite=None)
"""`extractive`, which reads `request.sources` and cites by itself."""
READS = Manner(show=with_sources, cite=quoted)
"""`fourways-reader`, which reads each source by itself; its words are looked for in them."""
MANNERS: Mapping[str, Manner] = MappingProxyType({"extractive": QUOTES, READER: READS})
"""Of models that follow no instructions, by name; every other one follows them."""
TUNED = Manner(show=lambda messages, hits, _fence, _abstain: with_passages(messages, hits), cite=quoted)
"""A model that was trained on passages as plain as it is shown them here; its own words are looked for in them."""


def pin_reading(spec: Finding, knowledge: str, workshop: Workshop) -> dict[str, Any]:
    """Pin a knowledge with its snapshot and search settings, and how what is found is handed on."""
    node = workshop.project.knowledge[knowledge]
    return {
        "knowledge": {
            "name": knowledge,
            "snapshot": spec.snapshot,
            "embedding": node.embedding.model,
            "search": node.search.model_dump(mode="json"),
        },
        "retrieval": {
            "limit": spec.limit or node.search.limit,
            "context_tokens": spec.context_tokens,
            "min_score": strength.THRESHOLD if spec.min_score is None else spec.min_score,
            "condense": spec.condense,
            "abstain_text": spec.abstain_text,
        },
    }


def reader(model: Answerer, parts: Mapping[str, Any], workshop: Workshop, manner: Manner) -> "Reader":
    """Open what answers from a candidate's knowledge with a model."""
    return Reader(
        model=model,
        manner=manner,
        prompt=open_prompt(parts["prompt"]),
        decoding=parts["decoding"],
        knowledge=workshop.knowledge(parts["knowledge"]["name"]),
        snapshot=parts["knowledge"]["snapshot"],
        settings=Search.model_validate(parts["knowledge"]["search"]),
        **parts["retrieval"],
    )


def searching(parts: Mapping[str, Any], workshop: Workshop) -> tuple[Receiver, ...]:
    """Return the servers that see something of what is searched and found."""
    pin = parts["knowledge"]
    return (
        *embedding(workshop, pin["embedding"], "questions and all documents"),
        *reranking(workshop, pin["search"].get("reranker"), "questions and the passages proposed for them"),
    )


def freshness_of(pin: Mapping[str, Any], workshop: Workshop) -> tuple[Freshness, Trait]:
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
class Reader:
    """condense → search → abstain, or show the sources → answer → cite: one method each."""

    model: Answerer
    manner: Manner
    prompt: Prompt
    decoding: dict[str, Any]
    knowledge: Searcher
    snapshot: int | Literal["latest"]
    settings: Search
    limit: int
    context_tokens: int
    min_score: float
    condense: bool
    abstain_text: str

    async def __call__(self, request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        """Answer from what is found."""
        query = await self._query(request, trace)
        hits = await self._retrieve(query, request, trace)
        if strength.abstains(query, hits, self.min_score):
            trace.attributes["abstained"] = True
            yield Chunk(text=self.abstain_text, finish="stop", usage=Usage(cost_usd=0.0))
            return
        filled = self._fill(request, hits, trace)
        answer = self.model(filled, trace)
        cite = self.manner.cite
        answered = self._in_own_words(answer, trace)
        shown = answered if cite is None else _citing(answered, hits, cite, trace)
        try:
            async for chunk in shown:
                yield chunk
        finally:
            for each in (shown, answered, answer):
                await close(each)

    async def find(self, question: str, labels: frozenset[str]) -> tuple[Hit, ...]:
        """Return the passages that a question is answered from, within the budget."""
        found = await self.knowledge.search(
            question, labels=labels, limit=self.limit, snapshot=self.snapshot, settings=self.settings
        )
        return within_budget(found, self.context_tokens, approximate_tokens)

    async def _in_own_words(self, answer: AsyncIterator[Chunk], trace: Trace) -> AsyncIterator[Chunk]:
        """Pass an answer on; where a reader found nothing to quote, abstain in the app's own words."""
        async for chunk in answer:
            if chunk.text == NOT_SAID:
                trace.attributes["abstained"] = True
            abstained = trace.attributes.get("abstained") and chunk.text
            yield replace(chunk, text=self.abstain_text, raw=None) if abstained else chunk

    async def _query(self, request: ChatRequest, trace: Trace) -> str:
        if not (self.condense and needs_condensing(request.messages)):
            return condense_by_rule(request.messages[-1:])
        if not self.manner.rewrites:
            return condense_by_rule(request.messages)
        return await condense_by_model(self.model, request, trace)

    async def _retrieve(self, query: str, request: ChatRequest, trace: Trace) -> tuple[Hit, ...]:
        with trace.span("retrieve") as span:
            hits = trace.sources = await self.find(query, request.principal.labels)
            span.set(query=query, hits=[_seen(hit) for hit in hits])
        return hits

    def _fill(self, request: ChatRequest, hits: tuple[Hit, ...], trace: Trace) -> ChatRequest:
        with trace.span("prompt"):
            if self.manner.show is None:
                return replace(request, sources=hits)
            messages = self.prompt.messages(request, self.prompt.examples)
            shown = self.manner.show(messages, hits, fence_of(trace.id), self.abstain_text)
            return replace(request, messages=shown, options=self.prompt.options(self.decoding, request), sources=hits)


def _seen(hit: Hit) -> dict[str, Any]:
    scores = {"score": round(hit.score, 4), "dense": round(hit.dense, 4), "lexical": round(hit.lexical, 4)}
    return {"document": hit.passage.document, "passage": hit.passage.id, **scores}


async def _citing(
    answer: AsyncIterator[Chunk],
    hits: tuple[Hit, ...],
    cite: Callable[[str, Sequence[Hit]], tuple[Citation, ...]],
    trace: Trace,
) -> AsyncIterator[Chunk]:
    """Pass an answer's chunks on, and add to each choice's last one the places that it cites."""
    texts: dict[int, list[str]] = {}
    async for chunk in answer:
        text = texts.setdefault(chunk.index, [])
        text.append(chunk.text)
        if chunk.finish is None:
            yield chunk
            continue
        whole = "".join(text)
        citations = cite(whole, hits)
        unknown = {int(number) for number in MARK.findall(whole)} - {citation.number for citation in citations}
        if unknown:
            trace.attributes["cited_unknown"] = sorted(unknown)
        yield replace(chunk, citations=citations, raw=None) if citations else chunk
