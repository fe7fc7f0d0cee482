"""What a dataset of the project file is made from: files, documents of a knowledge, answers that people judged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from fourways.config.datasets import FeedbackDataset, FilesDataset, KnowledgeDataset
from fourways.config.references import matching
from fourways.config.tree import Project
from fourways.core.data import Passage
from fourways.core.errors import InvalidDataset, NotFound
from fourways.core.ids import TenantId, digest
from fourways.evals.suites import shown as file_shown
from fourways.store import catalog, feedback, shown
from fourways.store.catalog import Place, Stored
from fourways.store.database import Database
from fourways.training.data.asking import pairs_by_rules
from fourways.training.data.judged import Judged, good_of, rows_judged
from fourways.training.data.making import Pair, Read, asked_once, rows_from
from fourways.training.data.naming import lexicon_of
from fourways.training.data.reading import read_file, rows_of
from fourways.training.data.rows import Row, with_system

MAKER = 1
"""Of the rules by which rows are made: another number, and what was made before is made anew."""

AnyDataset = FilesDataset | KnowledgeDataset | FeedbackDataset
OnMade = Callable[[int, int, str], None]
"""Told (documents done, documents in all, which one)."""
Ask = Callable[[str, Read, int], Awaitable[Sequence[Pair]]]
"""Has a model, by name, write pairs about a document, at most so many of a passage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Where a project's datasets come from.

    Attributes:
        ask: has a model write questions.
        pin: says which model is meant by a name.
    """

    project: Project
    folder: Path
    database: Database
    tenant: TenantId
    ask: Ask
    pin: Callable[[str], Mapping[str, Any]]

    def node(self, name: str) -> AnyDataset:
        """Return a dataset's node; raises NotFound."""
        if name not in self.project.datasets:
            raise NotFound.named("dataset", name, self.project.datasets)
        return self.project.datasets[name]

    def definition(self, name: str) -> dict[str, Any]:
        """Say all that decides a dataset's rows, without making them: its node, and the digests of what it reads.

        Raises:
            NotFound: there is no such dataset.
            InvalidDataset: a file is not there.
        """
        node = self.node(name)
        said = {"node": node.model_dump(mode="json"), "maker": MAKER}
        if isinstance(node, FilesDataset):
            return said | {"files": [[one, digest(path.read_bytes())] for one, path in self.files_of(node)]}
        if isinstance(node, FeedbackDataset):
            return said | {"judged": digest([self._plain(one) for one in self._judged(node)])}
        documents = [[one.uri, one.content_hash, dict(one.metadata)] for one in self._documents(node)[1]]
        chunk = self.project.knowledge[node.knowledge].chunk.model_dump(mode="json")
        model = dict(self.pin(node.model)) if node.model else None
        return said | {"documents": digest(documents), "chunk": chunk, "model": model}

    async def rows(self, name: str, on_made: OnMade = lambda *_: None) -> list[Row]:
        """Make a dataset's rows.

        Raises:
            NotFound: there is no such dataset.
            InvalidDataset: a row is wrong, or there is none.
        """
        node = self.node(name)
        rows = await READERS[type(node)](self, node, on_made)
        if not rows:
            raise InvalidDataset(f"dataset '{name}' has no rows: {EMPTY[type(node)]}")
        return [with_system(row, node.system) for row in rows]

    # ------------------------------------------------------------ files

    def files_of(self, node: FilesDataset) -> list[tuple[str, Path]]:
        """Return the files of a dataset, with the names that people know them by; raises InvalidDataset."""
        found: dict[str, Path] = {}
        for pattern in node.files:
            paths = matching(pattern, self.folder)
            missing = next((path for path in paths if not path.is_file()), None)
            if missing is not None or not paths:
                raise InvalidDataset(f"no file matches {pattern} in {self.folder}")
            found |= {file_shown(path, self.folder): path for path in paths}
        return list(found.items())

    async def of_files(self, node: FilesDataset, on_made: OnMade) -> list[Row]:
        """Read the rows of files."""
        files = self.files_of(node)
        columns = {str(key): value for key, value in node.columns.items()}
        reads = []
        for number, (name, path) in enumerate(files, 1):
            on_made(number, len(files), name)
            form = node.format or ""
            reads.append(await asyncio.to_thread(read_file, path, file=name, format_=form, columns=columns))
        return rows_of(reads)

    # ------------------------------------------------------------ knowledge

    def _documents(self, node: KnowledgeDataset) -> tuple[int, list[shown.DocumentRow]]:
        """Return the newest snapshot's number, and those of its documents that may be learned from."""
        place = Place(tenant=self.tenant, knowledge=node.knowledge)
        with self.database.reading() as connection:
            published = catalog.published(connection, place)
            number = published[-1].number if published else 0
            documents = shown.documents_in(connection, place, number)
        return number, [one for one in documents if not one.acl or one.acl & set(node.labels)]

    def _stored(self, node: KnowledgeDataset) -> list[Stored]:
        """Return the documents that may be learned from, with their texts, by uri."""
        place = Place(tenant=self.tenant, knowledge=node.knowledge)
        number, documents = self._documents(node)
        wanted = {one.uri for one in documents}
        with self.database.reading() as connection:
            versions = catalog.versions(connection, place)
            ids = [one.id for one in versions if one.uri in wanted and _visible(one, number)]
            return sorted(catalog.stored(connection, ids), key=lambda one: one.version.uri)

    async def of_knowledge(self, node: KnowledgeDataset, on_made: OnMade) -> list[Row]:
        """Make rows of every document: questions with their answers, by a model or by rules."""
        stored = await asyncio.to_thread(self._stored, node)
        names = frozenset[str]().union(*(lexicon_of(one.document.text).names for one in stored))
        rows: list[Row] = []
        for done, one in enumerate(stored):
            read = _read(one, node.knowledge)
            on_made(done, len(stored), read.document.uri)
            if node.model:
                pairs = await self.ask(node.model, read, node.per_passage)
            else:
                pairs = await asyncio.to_thread(pairs_by_rules, read.document, names)
            rows += rows_from(read, pairs, per_passage=node.per_passage, context=node.context)
        on_made(len(stored), len(stored), "")
        return asked_once(rows)

    # ------------------------------------------------------------ feedback

    def _judged(self, node: FeedbackDataset) -> list[feedback.JudgedAnswer]:
        with self.database.reading() as connection:
            return feedback.judged_answers(connection, self.tenant, node.feedback)

    @staticmethod
    def _plain(one: feedback.JudgedAnswer) -> list[Any]:
        opinion = one.opinion
        return [one.trace_id, one.user, one.question, one.answer, opinion.thumb, opinion.stars, opinion.correction]

    async def of_feedback(self, node: FeedbackDataset, on_made: OnMade) -> list[Row]:
        """Make rows of what people said of answers."""
        answers = []
        judged = await asyncio.to_thread(self._judged, node)
        for trace, said in groupby(judged, key=lambda one: (one.trace_id, one.question, one.answer)):
            opinions = sorted(said, key=lambda one: one.updated_at)
            answers.append(
                Judged(
                    trace=trace[0],
                    question=trace[1],
                    answer=trace[2],
                    good=sum(good_of(one.opinion.thumb, one.opinion.stars) for one in opinions),
                    corrections=tuple(one.opinion.correction for one in opinions if one.opinion.correction),
                )
            )
        on_made(len(answers), len(answers), "")
        return list(rows_judged(answers, node.kind))


def _visible(version: catalog.Version, number: int) -> bool:
    return version.added_in <= number and (version.removed_in is None or version.removed_in > number)


def _read(stored: Stored, knowledge: str) -> Read:
    document = stored.document
    passages = tuple(
        Passage(
            id=one.id,
            knowledge=knowledge,
            document=document.uri,
            title=document.title,
            text=document.text[one.start : one.end],
            start=one.start,
            end=one.end,
            ordinal=one.ordinal,
            headings=one.headings,
            page=one.page,
        )
        for one in stored.passages
    )
    return Read(document=document, knowledge=knowledge, passages=passages)


READERS: Mapping[type, Callable[[Inputs, Any, OnMade], Awaitable[list[Row]]]] = {
    FilesDataset: Inputs.of_files,
    KnowledgeDataset: Inputs.of_knowledge,
    FeedbackDataset: Inputs.of_feedback,
}
EMPTY: Mapping[type, str] = {
    FilesDataset: "its files are empty",
    KnowledgeDataset: "was the knowledge ingested (`fourways ingest`), and may everybody read it?",
    FeedbackDataset: "nobody judged an answer of this app whose words are still kept",
}
