"""Documents whose every passage says which document, version and part it is: half a document cannot hide."""

import contextlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.e2e.processes import ProjectFolder

PARTS = 5
MARK = re.compile(r"zq(\d\d)v(\d\d\d)s(\d)")
WORDS = (
    "harbour lantern copper meadow signal window garden ledger station winter bridge pepper violin canyon basket "
    "mirror thunder pocket ribbon saddle anchor candle forest marble needle orchard pillow quarry rocket shelter"
).split()
YAML = """\
project: corpus
knowledge:
  library:
    sources:
      - paths: [docs]
    chunk: {size: 80}
    keep_snapshots: 2
apps:
  reader:
    ways:
      prompt: {model: echo}
      rag: {model: extractive, knowledge: library}
"""

State = int | None
"""A document's version; None where there is no such document."""


@dataclass(kw_only=True)
class Corpus:
    """Documents on disk that change between kills.

    Attributes:
        states: of each document, all that it has been since readers last were seen to have one; the last is on disk.
    """

    project: ProjectFolder
    random: Random
    count: int = 60
    states: dict[int, list[State]] = field(default_factory=dict)

    def write_all(self) -> None:
        self.project.write("fourways.yaml", YAML)
        for number in range(self.count):
            self.states[number] = [None]
            self._put(number, 1)

    def edit(self, some: int) -> None:
        """Write the next version of some documents; now and then take one away, or bring it back."""
        for number in self.random.sample(range(self.count), some):
            newest = max(state or 0 for state in self.states[number])
            gone = self.states[number][-1] is not None and self.random.random() < 0.1
            self._put(number, None if gone else newest + 1)

    def _put(self, number: int, version: State) -> None:
        name = f"docs/{number:02}.md"
        if version is None:
            (self.project.folder / name).unlink()
        else:
            self.project.write(name, self._text(number, version))
        self.states[number].append(version)

    def _text(self, number: int, version: int) -> str:
        lines = ["---", f"title: Document {number:02}", f"number: {number}", "---", f"# Document {number:02}", ""]
        for part in range(PARTS):
            words = " ".join(self.random.choices(WORDS, k=45))
            lines += [f"## Part {part}", "", f"Here stands zq{number:02}v{version:03}s{part}. {words}.", ""]
        return "\n".join(lines)

    def confirm(self, number: int, seen: State) -> None:
        """Check that readers see one whole version, no older than before; forget what came before it."""
        history = self.states[number]
        assert seen in history, f"document {number}: readers see version {seen}, which is none of {history}"
        newest = len(history) - 1 - history[::-1].index(seen)
        self.states[number] = history[newest:] if seen is not None else history

    def settle(self) -> None:
        """After a sync that was done: what is on disk is what readers must see."""
        self.states = {number: history[-1:] for number, history in self.states.items()}


def whole(number: int, texts: Iterable[str]) -> State:
    """Return the version that passages of a document make up: each part once, of one version; None for no passages."""
    marks = [tuple(map(int, mark)) for text in texts for mark in MARK.findall(text)]
    if not marks:
        return None
    versions = {version for _, version, _ in marks}
    assert {document for document, _, _ in marks} == {number}
    assert len(versions) == 1, f"document {number} answers from several versions: {sorted(versions)}"
    assert sorted(part for _, _, part in marks) == list(range(PARTS)), f"half of document {number} answers: {marks}"
    return versions.pop()


def check_readers(corpus: Corpus, search: Callable[..., Any]) -> None:
    """Search for every document by its number: each answers whole or not at all."""
    for number in range(corpus.count):
        filters = {"type": "eq", "key": "number", "value": number}
        page = search("library", query=f"Document {number:02}", filters=filters, max_num_results=50)
        corpus.confirm(number, whole(number, (found.content[0].text for found in page.data)))


def check_stores(corpus: Corpus) -> None:
    """Look into database and index after a sync that was done: everything is there exactly once."""
    import lancedb

    project = corpus.project
    [newest] = project.rows("select number from snapshots where state = 'published' order by number desc limit 1")
    number = newest["number"]
    assert project.rows("select number from snapshots where state <> 'published'") == []
    shown = project.rows(
        "select id, uri from documents where added_in <= ? and (removed_in is null or removed_in > ?)", number, number
    )
    expected = sorted(f"docs/{name:02}.md" for name, history in corpus.states.items() if history[-1] is not None)
    assert sorted(row["uri"] for row in shown) == expected
    for uri, text in ((row["uri"], row["text"]) for row in project.rows("select uri, text, id from documents")):
        name = int(uri[5:7])
        assert whole(name, [text]) is not None
    [table] = [path for path in (project.state / "index").glob("*.lance") if path.is_dir()]
    rows = lancedb.connect(project.state / "index").open_table(table.stem).search().select(["document", "ordinal"])
    held = sorted((row["document"], row["ordinal"]) for row in rows.limit(None).to_list())
    kept = project.rows("select document_id, ordinal from passages")
    assert held == sorted((row["document_id"], row["ordinal"]) for row in kept)
    assert len(set(held)) == len(held)
    with contextlib.suppress(KeyError):
        assert project.rows("pragma integrity_check")[0]["integrity_check"] == "ok"
