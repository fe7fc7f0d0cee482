"""From a recipe to a run's folder: its data put as questions will be, its paths filled in, `run.toml` written last."""

import asyncio
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from fourways.control.worker import Note
from fourways.core.errors import InvalidRequest
from fourways.core.ids import digest
from fourways.core.reading import NOT_SAID
from fourways.evals.abstaining import says_nothing
from fourways.launch.base import RUN
from fourways.store.datasets import RestsOn
from fourways.training.runs import Data, Run, write_run
from fourways.ways.citations import quoted
from fourways.ways.putting import Put, Putting
from fourways.ways.recipes import Recipe, Role

TRAIN, VALID, GENERAL, CHAT, CHAT_VALID, PREFERENCES = (
    "train.jsonl",
    "valid.jsonl",
    "general.jsonl",
    "chat.jsonl",
    "chat_valid.jsonl",
    "preferences.jsonl",
)
AT_ONCE = 16
"""Questions searched for together: the engine embeds them in one batch."""
SHORT = 8
"""Words up to which an answer that a reader is to learn must stand in the passages it is shown."""
ROWS = "rows.json"
"""What was put into the folder: how many rows, from where, how many were left out."""

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Rows of an ingredient, as they lie on disk: those learned from and those only watched."""

    train: Sequence[Line]
    valid: Sequence[Line] = ()


class Fetch(Protocol):
    """Brings the rows of all of a recipe's ingredients of one role."""

    async def __call__(self, recipe: Recipe, role: Role, note: Note, /) -> Lines:
        """Return them; raises InvalidDataset where a row may not be learned from."""
        ...


@dataclass(slots=True, kw_only=True)
class Filled:
    """What a run's folder was filled with.

    Attributes:
        digest: of all rows.
        rests_on: rows by what they rest on: (kind, knowledge, source).
        left_out: rows a reader could only have learned to make up.
    """

    digest: str
    rows: int
    left_out: int = 0
    rests_on: dict[tuple[str, str, str], int] = field(default_factory=dict)

    @property
    def sources(self) -> list[RestsOn]:
        """The same as rows of the store."""
        return [
            RestsOn(kind=kind, knowledge=knowledge, source=source, rows=rows)
            for (kind, knowledge, source), rows in self.rests_on.items()
        ]


async def fill(recipe: Recipe, folder: Path, run: Run, fetch: Fetch, putting: Putting, note: Note) -> Filled:
    """Write a run's data and, last, its `run.toml`; a folder that has one is left as it is.

    Args:
        run: with its paths filled in.
        fetch: brings rows.
        putting: puts questions as they will be put.
        note: is told how far it is.

    Raises:
        InvalidRequest: no row is left to learn from.
    """
    if (folder / RUN).is_file():
        return read_filled(folder)
    await asyncio.to_thread(_emptied, folder)
    writer = _Writer(folder, putting, note, reads=recipe.base is not None and recipe.base.reads)
    if run.method == "pretrain":
        run = await _pretraining(recipe, run, fetch, writer)
    else:
        run = await _tuning(recipe, run, fetch, writer)
    filled = writer.filled()
    body = {"digest": filled.digest, "rows": filled.rows, "left_out": filled.left_out}
    sources = [[*key, rows] for key, rows in sorted(filled.rests_on.items())]
    await asyncio.to_thread(_write, folder / ROWS, json.dumps(body | {"sources": sources}))
    await asyncio.to_thread(write_run, run, folder)
    return filled


def read_filled(folder: Path) -> Filled:
    """Return what a folder was filled with."""
    body = json.loads((folder / ROWS).read_text(encoding="utf-8"))
    rests_on = {(kind, knowledge, source): rows for kind, knowledge, source, rows in body["sources"]}
    return Filled(digest=body["digest"], rows=body["rows"], left_out=body["left_out"], rests_on=rests_on)


async def _tuning(recipe: Recipe, run: Run, fetch: Fetch, writer: "_Writer") -> Run:
    lines = await fetch(recipe, "train", writer.note)
    data = Data(train=TRAIN)
    await writer.put(TRAIN, lines.train, "rows")
    if lines.valid and await writer.put(VALID, lines.valid, "rows to watch"):
        data = msgspec.structs.replace(data, valid=VALID)
    if recipe.of_role("general"):
        general = await fetch(recipe, "general", writer.note)
        if await writer.put(GENERAL, [*general.train, *general.valid], "general cases"):
            data = msgspec.structs.replace(data, general=GENERAL)
    return msgspec.structs.replace(run, data=data)


async def _pretraining(recipe: Recipe, run: Run, fetch: Fetch, writer: "_Writer") -> Run:
    corpus = await fetch(recipe, "corpus", writer.note)
    writer.keep(TRAIN, [*map(_as_text, corpus.train), *map(_as_text, corpus.valid)])
    dial = dict(run.pretrain)
    if recipe.of_role("instructions"):
        chats = await fetch(recipe, "instructions", writer.note)
        if await writer.put(CHAT, chats.train, "instructions"):
            dial["chat"] = CHAT
        if chats.valid and await writer.put(CHAT_VALID, chats.valid, "instructions to watch"):
            dial["chat_valid"] = CHAT_VALID
    if recipe.of_role("preferences"):
        liked = await fetch(recipe, "preferences", writer.note)
        if await writer.put(PREFERENCES, [*liked.train, *liked.valid], "preferences"):
            dial["preferences"] = PREFERENCES
    return msgspec.structs.replace(run, data=Data(train=TRAIN), pretrain=dial)


class _Writer:
    """Writes rows into a folder, and remembers what they rest on."""

    def __init__(self, folder: Path, putting: Putting, note: Note, *, reads: bool) -> None:
        self._folder, self._putting, self.note, self._reads = folder, putting, note, reads
        self._digests: dict[str, str] = {}
        self._rows = self._left_out = 0
        self._rests_on: dict[tuple[str, str, str], int] = {}

    async def put(self, name: str, lines: Sequence[Line], what: str) -> int:
        """Put the questions of rows as people's will be, and write them; return how many there are."""
        kept: list[Line] = []
        for begin in range(0, len(lines), AT_ONCE):
            self.note({"stage": "rows", "done": begin, "total": len(lines), "what": f"putting {what}"})
            made = await asyncio.gather(*map(self._put, lines[begin : begin + AT_ONCE]))
            kept += [line for line in made if line is not None]
        self.note({"stage": "rows", "done": len(lines), "total": len(lines), "what": f"putting {what}"})
        self._left_out += len(lines) - len(kept)
        if name == TRAIN and not kept:
            raise InvalidRequest(f"none of {len(lines)} rows is left to learn from: see `fourways data check`")
        self.keep(name, kept)
        return len(kept)

    def keep(self, name: str, lines: Sequence[Line]) -> None:
        """Write rows as they are."""
        text = "".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines)
        self._digests[name] = digest(text.encode())
        self._rows += len(lines)
        for line in lines:
            for key in {*_sources(line)}:
                self._rests_on[key] = self._rests_on.get(key, 0) + 1
        _write(self._folder / name, text)

    def filled(self) -> Filled:
        """Say what was written in all."""
        return Filled(digest=digest(self._digests), rows=self._rows, left_out=self._left_out, rests_on=self._rests_on)

    async def _put(self, line: Line) -> Line | None:
        if "messages" not in line:
            return line
        messages = line["messages"]
        answered = "chosen" not in line and "completion" not in line
        asked, said = (messages[:-1], messages[-1:]) if answered else (messages, [])
        put, answer = await self._putting(asked), _answer(line, said)
        abstains = says_nothing(answer)
        if put is None or (not abstains and _made_up(put, answer)):
            return None
        if abstains and said and self._reads:
            said = [{**said[-1], "content": NOT_SAID}]
        seen = list(dict.fromkeys((hit.passage.knowledge, hit.passage.document) for hit in put.sources))
        shown = {"shown": [list(one) for one in seen]} if seen else {}
        return {**line, "messages": [*map(dict, put.messages), *said], **shown}


def _answer(line: Line, said: Sequence[Mapping[str, Any]]) -> str:
    return str(said[-1].get("content") or "") if said else str(line.get("chosen") or line.get("completion") or "")


def _made_up(put: Put, answer: str) -> bool:
    """Whether a reader could learn this short answer only by heart: it stands in none of the passages it is shown."""
    return bool(put.sources) and 0 < len(answer.split()) <= SHORT and not quoted(answer, put.sources)


def _sources(line: Line) -> Iterator[tuple[str, str, str]]:
    source = line.get("source")
    if isinstance(source, Mapping):
        yield str(source.get("kind", "file")), str(source.get("knowledge", "")), str(source.get("name", ""))
    for knowledge, document in line.get("shown", ()):
        yield "document", knowledge, document


def _as_text(line: Line) -> Line:
    """Make text of a conversation that stands in a corpus."""
    if "text" in line:
        return line
    said: Iterable[Mapping[str, Any]] = line.get("messages", ())
    return {**line, "text": "\n".join(str(one.get("content") or "") for one in said)}


def _emptied(folder: Path) -> None:
    """Make a folder, without what an earlier run left in it whose weights are gone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
