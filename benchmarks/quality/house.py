"""A real project around the data: its folder, its running house, and one question asked through the real gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.quality.corpora import write_cranfield, write_handbook, write_helpdesk, write_sec_10q, write_xquad
from fourways.bootstrap import House, open_house
from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.data import Citation
from fourways.core.trace import Trace

CORPORA: Mapping[str, Callable[[Path], None]] = {
    "xquad": write_xquad,
    "cranfield": write_cranfield,
    "sec_10q": write_sec_10q,
    "handbook": write_handbook,
    "helpdesk": write_helpdesk,
}
AT_ONCE = 8
"""Questions under way together."""

Progress = Callable[[str, int, int], None]
"""What, done, total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of one question.

    Attributes:
        found: documents of the passages found, best first.
        quotes: places quoted, best first; heads of tables, which come with their rows, last.
        seconds: from question to last chunk, others being under way beside it.
    """

    text: str
    found: tuple[str, ...]
    quotes: tuple[Citation, ...]
    abstained: bool
    seconds: float


def write_project(folder: Path, names: Sequence[str], model: str) -> None:
    """Write a project with one knowledge and one app for each corpus; all settings are the defaults."""
    for name in names:
        documents = folder / "docs" / name
        if not documents.exists():
            documents.mkdir(parents=True)
            CORPORA[name](documents)
    project = {
        "project": "quality",
        "knowledge": {name: {"sources": [{"type": "files", "paths": [f"docs/{name}"]}]} for name in names},
        "apps": {name: {"ways": {"rag": {"knowledge": name, "model": model}}} for name in names},
    }
    (folder / "fourways.yaml").write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")


@asynccontextmanager
async def running_house(folder: Path) -> AsyncIterator[House]:
    """Run the project's house, without its background work."""
    house = open_house(folder)
    await house.start(background=False)
    try:
        yield house
    finally:
        await house.close()


async def ask(house: House, app: str, question: str) -> Asked:
    """Ask an app as a client would."""
    trace = Trace()
    request = ChatRequest(model=app, messages=[{"role": "user", "content": question}], principal=Principal())
    answer = await collect(house.gateway(request, trace))
    spans = {span.name: span.attributes for span in trace.spans}
    hits = spans["retrieve"]["hits"]
    ranks = {(one["source"], one["start"]): at for at, one in enumerate(spans.get("model", {}).get("quotes", ()))}
    quotes = sorted(answer.citations, key=lambda citation: ranks.get((citation.number, citation.start), len(ranks)))
    return Asked(
        text=answer.text,
        found=tuple(hit["document"] for hit in hits),
        quotes=tuple(quotes),
        abstained=bool(trace.attributes.get("abstained")),
        seconds=trace.elapsed,
    )


async def ask_all(house: House, app: str, questions: Sequence[str], progress: Progress, what: str) -> list[Asked]:
    """Ask many questions, a few at a time."""
    room = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one(question: str) -> Asked:
        nonlocal done
        async with room:
            asked = await ask(house, app, question)
        done += 1
        progress(what, done, len(questions))
        return asked

    return list(await asyncio.gather(*(one(question) for question in questions)))
