"""Rows looked at before they are learned from: what all parts know of them, gathered; and what stops the job."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from fourways.control.suites_apart import Contaminated, contaminated
from fourways.core.errors import InvalidRequest, Problem, Unavailable
from fourways.evals.cases import Suite
from fourways.knowledge.parse.language import detect_language
from fourways.training.data import checking
from fourways.training.data.checking import UNEVEN, Checkup
from fourways.training.data.cleaning import Known
from fourways.training.data.near import NEAR
from fourways.training.data.rows import Row, asked_alone
from fourways.training.data.template import ChatTemplate, Rendered, read_template

COUNTER = "fourways.training.count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model that rows are meant for.

    Attributes:
        length: tokens of a row at most, where its own window is not meant.
    """

    folder: Path
    template: ChatTemplate
    length: int | None = None

    @property
    def window(self) -> int | None:
        """Tokens of a row at most."""
        return self.length or self.template.window


def base_named(name: str, folder: Path, *, length: int | None = None) -> Base:
    """Find a base: a folder, from the project's on, or one that travels with fourways.

    Raises:
        InvalidRequest: there is no such folder, or it has no chat template.
    """
    packaged = Path(str(files("fourways"))) / "weights" / name
    found = next((path for path in (folder / name, Path(name), packaged) if path.is_dir()), None)
    if found is None:
        raise InvalidRequest(f"there is no base {name}: right would be a folder with tokenizer.json and config.json")
    return Base(folder=found, template=read_template(found), length=length)


async def check(
    rows: Sequence[Row], problems: Sequence[Problem], suites: Sequence[Suite], base: Base | None
) -> Checkup:
    """Look at rows.

    Args:
        rows: those that could be read.
        problems: what is wrong with the others.
        suites: test suites that none of them may be in.
        base: the model that they are meant for; without one, lengths are in characters.

    Raises:
        Unavailable: the base's tokenizer cannot be run.
    """
    shown, refused = rendered_all(rows, base) if base is not None else ({}, [])
    if base is None:
        counts = [sum(map(len, row.texts)) for row in rows]
    else:
        counts = await count_tokens(base.folder, [one.text for one in shown.values()])
    found = await asyncio.to_thread(_looked, rows, problems, suites)
    window = base.window if base is not None else None
    found = replace(
        found,
        lengths=checking.lengths_of(counts, "tokens" if base is not None else "characters"),
        window=window,
        truncated=sum(count > window for count in counts) if window else 0,
        refused=[(checking.name(rows[number]), why) for number, why in refused],
    )
    return replace(found, stops=_stops(found), warnings=_warnings(found))


def rendered_all(rows: Sequence[Row], base: Base) -> tuple[dict[int, Rendered], list[tuple[int, str]]]:
    """Render rows by a base's template; return what came of them by place, and why others are not taken."""
    shown: dict[int, Rendered] = {}
    refused: list[tuple[int, str]] = []
    for number, row in enumerate(rows):
        try:
            shown[number] = base.template.rendered(row)
        except ValueError as error:
            refused.append((number, str(error)))
    return shown, refused


async def count_tokens(folder: Path, texts: Sequence[str]) -> list[int]:
    """Count texts' tokens in a process of its own: a tokenizer is nothing that this one should load.

    Raises:
        Unavailable: the process fails.
    """
    if not texts:
        return []
    lines = "".join(f"{json.dumps(text)}\n" for text in texts).encode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", COUNTER, str(folder),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate(lines)
    if process.returncode:
        last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise Unavailable(f"tokens of {folder} cannot be counted: {last[0]}")
    return [int(line) for line in out.split()]


async def known_of(rows: Sequence[Row], suites: Sequence[Suite], base: Base | None) -> Known:
    """Gather what cleaning goes by: lengths, languages, and the test cases that stand in rows."""
    if base is None:
        lengths = {number: sum(map(len, row.texts)) for number, row in enumerate(rows)}
    else:
        shown, _ = rendered_all(rows, base)
        counts = await count_tokens(base.folder, [one.text for one in shown.values()])
        lengths = dict(zip(shown, counts, strict=True))
    found = await asyncio.to_thread(contaminated, rows, suites)
    languages = {number: _language(row) for number, row in enumerate(rows)}
    cases = {one.row: f"{one.how} as test case {one.case} ({one.suite})" for one in found}
    return Known(lengths=lengths, languages=languages, contaminated=cases)


def _language(row: Row) -> str:
    return detect_language("\n".join(map(asked_alone, row.texts)))


def _looked(rows: Sequence[Row], problems: Sequence[Problem], suites: Sequence[Suite]) -> Checkup:
    same, near = checking.same_and_near(rows, near=NEAR)
    personal, veiled = checking.personal_of(rows)
    return Checkup(
        rows=len(rows),
        kinds=dict(Counter(row.kind for row in rows).most_common()),
        problems=problems,
        turns=sum(len(row.answers) for row in rows) / max(1, len(rows)),
        lengths=None,
        languages=checking.languages_of(rows, detect_language),
        labels=checking.labels_of(rows),
        sources=checking.sources_of(rows),
        same=same,
        near=near,
        conflicts=checking.conflicts_of(rows),
        calls=sum(any(one.get("tool_calls") for one in row.messages) for row in rows),
        personal=personal,
        veiled=veiled,
        contaminated=[_said(rows, one) for one in contaminated(rows, suites)],
        suites=[f"{suite.name} ({len(suite.cases)} cases)" for suite in suites],
    )


def _said(rows: Sequence[Row], one: Contaminated) -> str:
    return f"{checking.name(rows[one.row])} {one.how} as test case {one.case} ({one.suite})"


def _stops(found: Checkup) -> list[str]:
    """Say what must be mended before anything is learned from the rows."""
    stops = []
    if not found.rows:
        stops.append("there is no row to learn from")
    if found.problems:
        stops.append(f"rows that cannot be read: {len(found.problems):,}")
    if len(found.kinds) > 1:
        stops.append(f"rows of several kinds stand together: {', '.join(found.kinds)}; part them in several files")
    if found.contaminated:
        stops.append(
            f"rows that hold test cases: {len(found.contaminated):,}; what was learned before measures nothing"
        )
    if found.refused:
        stops.append(f"rows that the base's chat template does not take: {len(found.refused):,}")
    return stops


def _warnings(found: Checkup) -> list[str]:
    """Say what is worth a look before anything is learned from the rows."""
    told = []
    if found.truncated:
        told.append(f"rows longer than {found.window:,} tokens, which would be cut off: {found.truncated:,}")
    if found.same.count or found.near.count:
        told.append(
            f"rows that stand twice: {found.same.count:,}, or nearly: {found.near.count:,}; they count for more"
        )
    if found.conflicts:
        told.append(f"questions that are answered in several ways: {len(found.conflicts):,}")
    if found.personal:
        told.append("there is personal data in it: what is learned cannot be taken back without training anew")
    if found.calls:
        told.append(f"rows that call tools: {found.calls:,}; the tuning programs here learn their text, not the calls")
    if "secret" in found.personal:
        told.append("there are keys or passwords in it: revoke them")
    if found.labels is not None and found.labels.ratio > UNEVEN:
        told.append(f"the commonest label stands {found.labels.ratio:.0f} times for each of the rarest")
    if not found.suites:
        told.append("no test suite was there to be held against: name the tests of an app")
    return told
