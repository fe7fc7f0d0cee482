"""Answers without any language model: quotes the sentences of the sources that best answer the question, or abstains.

Whatever it says between its marks is a slice of a source, letter by letter: it cannot invent. It reads
`ChatRequest.sources` and nothing else; finding them is the work of whoever asks it.
"""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from fourways.core.chat import Answerer, ChatRequest, Chunk, question_of
from fourways.core.data import Hit
from fourways.core.errors import Unavailable, UpstreamError
from fourways.core.trace import Span, Trace, Usage
from fourways.models.extractive_cutting import Quotable, quotables
from fourways.models.extractive_scoring import MOST, Scored, choose, in_reading_order, rank
from fourways.models.extractive_writing import write_pieces
from fourways.models.remembered import RememberedEmbedder

if TYPE_CHECKING:
    from fourways.models.embedders import Embedder

NAME = "extractive"
ABSTAIN_TEXT = "I could not find this in the documents I was given."
FLOOR = 0.8
"""A best sentence that scores less has little of the question: half the sentences found for a foreign question do,
5 in 1,000 of those found for a fitting one."""
EMBEDDED = 32
"""Sentences compared by meaning, at most: those whose words and passage promise most."""
CHARACTERS_A_TOKEN = 4


def extractive(embedder: "Embedder | None", *, most: int = MOST, floor: float = FLOOR) -> Answerer:
    """Return what answers by quoting; the same request gets the same answer.

    Args:
        embedder: compares question and sentences by meaning; by words alone where None, or where it is down.
        most: sentences quoted, at most.
        floor: abstain where the best sentence scores less.
    """
    embed = RememberedEmbedder(embedder) if embedder else None

    async def answer(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        trace.model = trace.model or NAME
        with trace.span("model") as span:
            ranked = await _ranked(question_of(request.messages), request.sources, embed, span)
            answering = bool(ranked) and ranked[0].score >= floor
            chosen = choose(ranked, most=most) if answering else []
            span.set(model=NAME, quotes=[_seen(scored, request.sources) for scored in chosen])
            if not chosen:
                trace.attributes["abstained"] = True
            for chunk in _chunks(request, in_reading_order(chosen)):
                yield chunk

    return answer


async def _ranked(question: str, sources: Sequence[Hit], embedder: "Embedder | None", span: Span) -> Sequence[Scored]:
    """Rank the sources' sentences: by words first, then the most promising by meaning too. Words alone have to meet."""
    candidates = quotables(sources)
    by_words = rank(question, sources, candidates)
    if embedder is None or not by_words:
        return [scored for scored in by_words if scored.covered]
    promising = [scored.quotable for scored in by_words[:EMBEDDED]]
    try:
        vectors = await embedder([question, *(quotable.text for quotable in promising)])
    except (Unavailable, UpstreamError) as error:
        span.set(by_words_alone=error.message)
        return [scored for scored in by_words if scored.covered]
    similarities: list[float] = (vectors[1:] @ vectors[0]).tolist()
    return rank(question, sources, promising, similarities)


def _chunks(request: ChatRequest, quoted: Sequence[Quotable]) -> list[Chunk]:
    """Write the answer: a chunk a quotation, the last with citations and usage."""
    pieces = list(write_pieces(quoted, request.sources))
    *first, last = [piece.text for piece in pieces] or [ABSTAIN_TEXT]
    read = sum(len(hit.passage.text) for hit in request.sources) + len(question_of(request.messages))
    usage = Usage(
        input_tokens=read // CHARACTERS_A_TOKEN,
        output_tokens=sum(map(len, [*first, last])) // CHARACTERS_A_TOKEN,
        cost_usd=0.0,
    )
    citations = tuple(citation for piece in pieces for citation in piece.citations)
    return [
        *(Chunk(text=text) for text in first),
        Chunk(text=last, finish="stop", usage=usage, citations=citations),
    ]


def _seen(scored: Scored, sources: Sequence[Hit]) -> dict[str, object]:
    quotable = scored.quotable
    begin = sources[quotable.source].passage.start
    place = {"source": quotable.source + 1, "start": begin + quotable.start, "end": begin + quotable.end}
    return {**place, "score": round(scored.score, 4)}
