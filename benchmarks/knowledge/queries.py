"""Query latency among many passages: the whole search, from a text to hits, one caller and four at a time."""
# ruff: noqa: SLF001 - a benchmark fills a knowledge past its door

import asyncio
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.knowledge.ingest import DIMENSIONS, open_library
from fourways.core.data import Document
from fourways.knowledge.library import Library
from fourways.knowledge.mirror import embedded_text, text_digest
from fourways.models.embedders import HashEmbedder
from fourways.store import catalog
from fourways.store.catalog import NewPassage, Version
from fourways.store.vectors import keep_vectors

PASSAGE_WORDS, PASSAGES = 120, 20
"""Words in a passage, passages in a document."""


async def measure(work: Path, rows: int, count: int) -> dict[str, float]:
    """Fill a knowledge, and ask it."""
    embed = HashEmbedder(DIMENSIONS)
    library = open_library(work, "many", embed)
    words = [word for path in sorted((work / "docs").glob("*.md")) for word in path.read_text().split()]
    began = time.perf_counter()
    await asyncio.to_thread(_fill, library, words, rows)
    filled = time.perf_counter()
    await library.rebuild()
    figures: dict[str, float] = {
        "passages": rows,
        "rows written, s": filled - began,
        "index made from the database, s": time.perf_counter() - filled,
    }
    questions: Sequence[str] = (json.loads((work / "queries.json").read_text()) * 10)[:count]
    for question in questions[:10]:
        await library.search(question, labels=())
    for name, labels, filters in (
        ("", (), None),
        (", with labels and a filter", ("hr", "it"), {"type": "gte", "key": "year", "value": 2010}),
    ):
        took = [await _asked(library, question, labels, filters) for question in questions]
        figures |= _percentiles(f"one at a time{name}", took)
    gate = asyncio.Semaphore(4)

    async def gated(question: str) -> float:
        async with gate:
            return await _asked(library, question, (), None)

    figures |= _percentiles("four at a time", await asyncio.gather(*map(gated, questions)))
    began = time.perf_counter()
    await library.delete("page7.md")
    figures["deletion of one document, s"] = time.perf_counter() - began
    return figures


async def _asked(library: Library, question: str, labels: tuple[str, ...], filters: dict[str, object] | None) -> float:
    began = time.perf_counter()
    hits = await library.search(question, labels=labels, filters=filters)
    assert hits
    return time.perf_counter() - began


def _percentiles(name: str, took: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(took, [50, 99]) * 1000
    return {f"p50 ms, {name}": float(p50), f"p99 ms, {name}": float(p99)}


def _fill(library: Library, words: Sequence[str], rows: int) -> None:
    """Write documents and cached vectors as a sync would; vectors are mixed so that some lie near others."""
    chance, numbers = random.Random(0), np.random.default_rng(0)
    centres = numbers.standard_normal((500, DIMENSIONS))
    place = library._place
    with library._database.transaction() as connection:
        number = catalog.begin(connection, place, now=0.0)
        for page in range(rows // PASSAGES):
            title, pieces, parts, at = f"Page {page}", [], [], 0
            for ordinal in range(PASSAGES):
                text = " ".join(chance.choices(words, k=PASSAGE_WORDS))
                digest = text_digest(embedded_text(title, (), text))
                pieces.append(
                    NewPassage(
                        id=digest[:24],
                        ordinal=ordinal,
                        digest=digest,
                        start=at,
                        end=at + len(text),
                        page=None,
                        headings=(),
                    )
                )
                parts.append(text)
                at += len(text) + 2
            mixed = centres[numbers.integers(0, 500, PASSAGES)] + 0.7 * numbers.standard_normal((PASSAGES, DIMENSIONS))
            unit = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype("<f4")
            made = {piece.digest: vector.tobytes() for piece, vector in zip(pieces, unit, strict=True)}
            keep_vectors(connection, library._embed.name, made, now=0.0)
            acl = frozenset({"hr"}) if page % 10 == 0 else frozenset[str]()
            document = Document(
                uri=f"page{page}.md",
                title=title,
                text="\n\n".join(parts),
                content_hash="",
                acl=acl,
                metadata={"year": 2000 + page % 25},
                language="en",
            )
            version = Version(
                id=f"v{page:08}",
                uri=document.uri,
                added_in=number,
                removed_in=None,
                content_hash="",
                recipe="",
                token="",
                passages=PASSAGES,
                language="en",
                acl=acl,
            )
            catalog.write_version(connection, place, version, document, pieces)
        catalog.publish(
            connection, place, number, counts={"documents": 0, "passages": rows, "index": library._index.name}, now=0.0
        )
