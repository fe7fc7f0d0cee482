"""Search: what both sides of the index propose, fused, reordered, and made into hits with their neighbours."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fourways.config import tree
from fourways.core.data import Hit, Passage
from fourways.core.errors import InvalidRequest, Unavailable
from fourways.knowledge.filters import compile_filter, visible
from fourways.knowledge.fusion import fuse, reorder
from fourways.knowledge.index import Found, Index
from fourways.store import shown
from fourways.store.catalog import Place
from fourways.store.database import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
Key = tuple[str, int]
"""A passage's place: the version of its document, its ordinal there."""

Rerank = Callable[[str, Sequence[str]], Awaitable[Sequence[float]]]
"""`await rerank(question, texts)`: the relevance of each text, higher for better."""

SUPERSEDED = frozenset({"superseded", "archived", "deprecated", "obsolete", "outdated", "withdrawn"})
"""What a document's `status` may say when another has taken its place."""

_LOOKED_AT = 3
"""Candidates whose status is looked at, in results: one lowered further down would not have been shown."""

LONGEST = 4000
"""Characters of a question that are looked for; no embedding model here reads more."""

MOST = 100
"""Passages in one result."""

_DEPTH = 4
"""For each candidate, rows asked for their BM25: few that only their meaning proposed go without."""

_SPARE = 8
"""Candidates read beyond the limit, for those that have vanished since they were found."""

_TRIES = 3


class Run(Protocol):
    """Runs a blocking function in one of the library's few threads."""

    async def __call__(self, work: Callable[..., T], /, *args: object) -> T:
        """Return what the function returns, or raise what it raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and by whom.

    Attributes:
        vector: of the text, of unit length.
        number: the snapshot that is searched.
    """

    text: str
    vector: "NDArray[np.float32]"
    labels: frozenset[str]
    filters: Mapping[str, Any] | None
    number: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidates:
    """Each candidate's cosine, and BM25 where words matched."""

    dense: Mapping[Key, float]
    lexical: Mapping[Key, float]


def check_question(text: str, limit: int) -> str:
    """Return the text that is looked for.

    Raises:
        InvalidRequest: it is empty, or the limit is out of bounds.
    """
    if not text.strip():
        raise InvalidRequest("the query is empty; a text with at least one word would be right", param="query")
    if not 1 <= limit <= MOST:
        raise InvalidRequest(f"a search returns from 1 to {MOST} passages, not {limit}", param="limit")
    return text.strip()[:LONGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searcher:
    """Searches one knowledge's index.

    Attributes:
        settings: `search:` of the knowledge.
        run: where blocking calls go.
    """

    index: Index
    database: Database
    place: Place
    settings: tree.Search
    run: Run
    rerank: Rerank | None = None

    async def __call__(self, question: Question) -> list[Hit]:
        """Return the best passages, best first.

        Raises:
            InvalidRequest: the filters are none.
            Unavailable: the index cannot be read; also whatever the reranker raises.
        """
        where = visible(question.number, question.labels)
        condition = compile_filter(question.filters)
        candidates = await self._candidates(question, f"{where} AND {condition}" if condition else where)
        ranked = fuse(candidates.dense, candidates.lexical, alpha=self.settings.alpha)
        if self.rerank is not None and ranked:
            ranked = await self._reranked(question, ranked, self.rerank)
        return await self.run(self._hits, question, ranked, candidates)

    async def _candidates(self, question: Question, where: str) -> _Candidates:
        """Return what both sides propose, with both scores of each; tried again where rows moved in between."""
        count = max(self.settings.candidates, question.limit)
        for _ in range(_TRIES):
            near, matched = await asyncio.gather(
                self.run(self.index.nearest, question.vector, where, count),
                self.run(self.index.matching, question.text, where, _DEPTH * count),
            )
            dense = {_key(one): one.score for one in near}
            missing = [one for one in matched[:count] if _key(one) not in dense]
            cosines = await self.run(self.index.cosines, question.vector, missing)
            known = {_key(one): cosine for one, cosine in zip(missing, cosines, strict=True) if cosine is not None}
            if len(known) == len(missing):
                return _Candidates(dense=dense | known, lexical={_key(one): one.score for one in matched})
        raise Unavailable(f"the index of '{self.place.knowledge}' changes too fast to be read; try again")

    async def _reranked(
        self, question: Question, ranked: Sequence[tuple[Key, float]], rerank: Rerank
    ) -> list[tuple[Key, float]]:
        first = [key for key, _ in ranked[: self.settings.candidates]]
        passages = await self.run(self._read, question, first)
        keys = [key for key in first if key in passages]
        return reorder(keys, await rerank(question.text, [passages[key].text for key in keys])) if keys else []

    def _hits(self, question: Question, ranked: Sequence[tuple[Key, float]], found: _Candidates) -> list[Hit]:
        """Return the best passages that can still be read, each with its neighbours where they are wanted."""
        reach, step = self.settings.neighbours, question.limit + _SPARE
        hits: dict[Key, Hit] = {}
        ranked, passages = self._demoted(question, ranked)
        runs: dict[Key, range] = {}
        for at in range(0, len(ranked), step):
            some = ranked[at : at + step]
            unread = [key for key in _around([key for key, _ in some], reach) if key not in passages]
            passages |= self._read(question, unread) if unread else {}
            hits |= {key: _hit(passages[key], score, key, found) for key, score in some if key in passages}
            runs = _runs(hits, passages, reach)
            if len(runs) >= question.limit:
                break
        chosen = list(islice(runs.items(), question.limit))
        if not reach:
            return [hits[key] for key, _ in chosen]
        return [self._widened(question, hits[key], [passages[key[0], n] for n in run], key[0]) for key, run in chosen]

    def _demoted(
        self, question: Question, ranked: Sequence[tuple[Key, float]]
    ) -> tuple[list[tuple[Key, float]], dict[Key, Passage]]:
        """Lower the first candidates that their own documents call superseded; return all, and what was read for it."""
        first, rest = ranked[: _LOOKED_AT * question.limit], ranked[_LOOKED_AT * question.limit :]
        passages = self._read(question, [key for key, _ in first])
        factor = {key: self.settings.superseded for key, one in passages.items() if is_superseded(one)}
        lowered = sorted(((key, score * factor.get(key, 1.0)) for key, score in first), key=lambda item: -item[1])
        return [*lowered, *rest], passages

    def _read(self, question: Question, keys: Iterable[Key]) -> dict[Key, Passage]:
        """Return passages; labels are looked at once more, should the index lag behind."""
        wanted: dict[str, set[int]] = {}
        for version, ordinal in keys:
            wanted.setdefault(version, set()).add(ordinal)
        with self.database.reading() as connection:
            found = shown.passages_at(connection, self.place, wanted, question.number)
        return {key: one for key, one in found.items() if not one.acl or one.acl & question.labels}

    def _widened(self, question: Question, hit: Hit, run: Sequence[Passage], version: str) -> Hit:
        """Return a hit whose passage reaches over its run of neighbours; what they share of the headings stays."""
        start, end = min(one.start for one in run), max(one.end for one in run)
        with self.database.reading() as connection:
            text = shown.slice_at(connection, self.place, version, question.number, start, end)
        if text is None:
            return hit
        headings = _shared([one.headings for one in run])
        wide = replace(hit.passage, text=text, start=start, end=end, headings=headings, page=run[0].page)
        return replace(hit, passage=wide)


def is_superseded(passage: Passage) -> bool:
    """Whether its document says of itself (`status:`) that another has taken its place."""
    return str(passage.metadata.get("status", "")).casefold() in SUPERSEDED


def _key(found: Found) -> Key:
    return found.document, found.ordinal


def _hit(passage: Passage, score: float, key: Key, found: _Candidates) -> Hit:
    cosine = min(max(found.dense[key], -1.0), 1.0)
    return Hit(passage=passage, score=score, dense=cosine, lexical=max(found.lexical.get(key, 0.0), 0.0))


def _around(keys: Iterable[Key], reach: int) -> list[Key]:
    """Return keys with their neighbours."""
    return [(version, near) for version, at in keys for near in range(max(at - reach, 0), at + reach + 1)]


def _runs(hits: Iterable[Key], passages: Mapping[Key, Passage], reach: int) -> dict[Key, range]:
    """Return the ordinals each hit is handed on with: no passage twice, a hit inside a better one's run not at all."""
    taken: set[Key] = set()
    runs: dict[Key, range] = {}
    for version, at in hits:
        if (version, at) in taken:
            continue
        first = last = at
        while at - first < reach and (version, first - 1) in passages and (version, first - 1) not in taken:
            first -= 1
        while last - at < reach and (version, last + 1) in passages and (version, last + 1) not in taken:
            last += 1
        runs[version, at] = range(first, last + 1)
        taken.update((version, each) for each in range(first, last + 1))
    return runs


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the heading path that all have in common."""
    shared = []
    for names in zip(*paths, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return tuple(shared)
