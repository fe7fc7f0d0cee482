"""`fourways data clean`, `split`, `make`: rows mended, parted, and made out of documents and feedback."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourways.cli import data_shown as shown
from fourways.cli.data import BaseName, Columns, Desk, Form, Names, Out, opened, verbs
from fourways.cli.terminal import AsJson, DryRun, bars, folder_of, print_json
from fourways.core.errors import InvalidRequest

if TYPE_CHECKING:
    from fourways.control.gathering import Gathered


@verbs.command("clean")
def clean(
    context: typer.Context,
    names: Names,
    out: Out = None,
    form: Form = "",
    column: Columns = None,
    base: BaseName = None,
    longest: Annotated[
        int | None, typer.Option("--longest", min=1, help="Drop longer rows: tokens with --base, else characters.")
    ] = None,
    near: Annotated[float, typer.Option(min=0, max=1, help="Drop rows so like an earlier one; 0 keeps them.")] = 0.8,
    language: Annotated[list[str] | None, typer.Option(help="Keep only this language: en; repeatable.")] = None,
    personal: Annotated[str, typer.Option(help="Personal data: mask, drop, keep.")] = "mask",
    cap: Annotated[int | None, typer.Option(min=1, help="Rows of one group, document or file at most.")] = None,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Mend or drop rows; what was done to each stands in a log beside what is written.

    In order: unreadable, encoding, empty, contaminated (a test case), language, too long,
    duplicate, near-duplicate, personal, cap.

    Examples:  fourways data clean rows.jsonl   ·   fourways data clean ours -o clean.jsonl
    ·   fourways data clean rows.jsonl --language en --cap 200 --personal drop --dry-run
    """
    from fourways.training.data.cleaning import Rules

    if personal not in {"mask", "drop", "keep"}:
        raise InvalidRequest(f"--personal {personal}: right would be mask, drop or keep", param="personal")
    rules = Rules(near=near, longest=longest, languages=tuple(language or ()), personal=personal, cap=cap)  # type: ignore[arg-type] # checked
    told = asyncio.run(_clean(folder_of(context), names, out, form, column or (), base, rules, dry_run=dry_run))
    if as_json:
        print_json(told)
    else:
        shown.tell_cleaned(told)


async def _clean(
    folder: Path, names: list[str], out: Path | None, form: str, columns: Sequence[str], base: str | None, rules: Any,  # noqa: ANN401 - Rules
    *, dry_run: bool,
) -> Mapping[str, Any]:  # fmt: skip
    from fourways.control.data_checks import known_of
    from fourways.core.ids import canonical
    from fourways.training.data.cleaning import clean as cleaned
    from fourways.training.data.rows import written

    async with opened(folder) as desk:
        gathered = await desk.gathered(names, form, columns)
        known = await known_of(gathered.rows, desk.suites, desk.base(base, None))
    done = await asyncio.to_thread(cleaned, gathered.rows, rules, known=known, problems=gathered.problems)
    to = out or Path(f"{Path(names[0]).stem}.clean.jsonl")
    log = to.with_name(f"{to.name.removesuffix('.jsonl')}.log.jsonl")
    if not dry_run:
        to.write_bytes(written(done.rows))
        log.write_bytes(b"".join(canonical(entry.plain) + b"\n" for entry in done.log))
    return {
        "read": len(gathered.rows) + len(gathered.problems),
        "left": len(done.rows),
        "rules": [{"rule": rule, "done": what, "rows": count} for (rule, what), count in done.counts.items()],
        "examples": [entry.plain for entry in _one_each(done.log)],
        "file": str(to),
        "log": str(log),
        "dry_run": dry_run,
    }


def _one_each(log: Sequence[Any]) -> list[Any]:
    return list({entry.rule: entry for entry in reversed(log)}.values())[::-1]


# ---------------------------------------------------------------- split


@verbs.command("split")
def split(
    context: typer.Context,
    names: Names,
    valid: Annotated[float, typer.Option(min=0, max=1, help="The share that is only watched.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed, another parting.")] = 1,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for train.jsonl and valid.jsonl.")] = Path(),
    form: Form = "",
    column: Columns = None,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Part rows into those learned from and those only watched: no group, document or question is on both sides.

    Examples:  fourways data split rows.jsonl   ·
    fourways data split mails.csv --column group=customer --valid 0.2 -o parts
    """
    from fourways.training.data.parting import group_of, part
    from fourways.training.data.rows import digest_of, written

    gathered = asyncio.run(_gathered(folder_of(context), names, form, column or ()))
    parted = part(gathered.rows, valid=valid, seed=seed)
    if not dry_run:
        out.mkdir(parents=True, exist_ok=True)
        (out / "train.jsonl").write_bytes(written(parted.train))
        (out / "valid.jsonl").write_bytes(written(parted.valid))
    told = {
        "train": len(parted.train),
        "valid": len(parted.valid),
        "groups": {"train": len(set(map(group_of, parted.train))), "valid": len(set(map(group_of, parted.valid)))},
        "digest": digest_of(parted.train, parted.valid),
        "folder": str(out),
        "dry_run": dry_run,
    }
    if as_json:
        print_json(told)
    else:
        shown.tell_parted(told)


async def _gathered(folder: Path, names: list[str], form: str, columns: Sequence[str]) -> "Gathered":
    """Return rows, all of which must be right."""
    from fourways.training.data.reading import unread

    async with opened(folder) as desk:
        gathered = await desk.gathered(names, form, columns)
    unread(gathered.problems, len(gathered.rows))
    return gathered


# ---------------------------------------------------------------- make


@verbs.command("make")
def make(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Datasets of the project file.")] = None,
    knowledge: Annotated[str | None, typer.Option(help="Make pairs of this knowledge instead.")] = None,
    model: Annotated[str | None, typer.Option(help="The model that writes the questions; rules otherwise.")] = None,
    per_passage: Annotated[int, typer.Option(min=1, max=500, help="Pairs of one passage at most.")] = 40,
    reading: Annotated[bool, typer.Option("--context", help="Put the passage before each question.")] = False,
    feedback: Annotated[str | None, typer.Option(help="Make rows of what people said of this app.")] = None,
    kind: Annotated[str, typer.Option(help="Of feedback: sft, dpo, kto.")] = "sft",
    out: Out = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make rows: questions with answers out of documents, by a model or by rules; or out of people's feedback.

    A dataset of the project file is parted, kept apart from the tests, and written under its digest for tuning; with
    --out, or --knowledge and --feedback, one file is written instead.

    Examples:  fourways data make pairs   ·   fourways data make --knowledge handbook -o pairs.jsonl   ·
    fourways data make --knowledge handbook --model openai/gpt-5-mini   ·
    fourways data make --feedback helpdesk --kind dpo
    """
    given = {"knowledge": knowledge, "feedback": feedback}
    if sum(map(bool, (names, knowledge, feedback))) != 1:
        raise InvalidRequest("say what is made: datasets of the project file, or --knowledge NAME, or --feedback APP")
    node = None
    if knowledge is not None:
        node = {"knowledge": knowledge, "model": model, "per_passage": per_passage, "context": reading}
    elif feedback is not None:
        node = {"feedback": feedback, "kind": kind}
    named = next((value for value in given.values() if value), "")
    told = asyncio.run(_make(folder_of(context), names or [], node, out, named))
    if as_json:
        print_json(told)
    else:
        shown.tell_made(told)


async def _make(
    folder: Path, names: list[str], node: Mapping[str, Any] | None, out: Path | None, named: str
) -> Mapping[str, Any]:
    from fourways.control.datasets import with_dataset
    from fourways.training.data.rows import written

    async with opened(folder) as desk:
        if desk.datasets is None:
            raise InvalidRequest(
                f"there is no fourways.yaml in {folder}; rows are made of a project's knowledge or feedback"
            )
        if node is None and out is None:
            with bars() as moving:
                prepared = await desk.datasets.prepare(
                    names, lambda done, total, what: moving.move("rows", done, total, what)
                )
            return shown.prepared_plain(prepared)
        datasets = desk.datasets if node is None else with_dataset(desk.datasets, "made", node)
        here = Desk(folder=folder, datasets=datasets, suites=desk.suites)
        gathered = await here.gathered(names or ["made"])
    to = out or Path(f"{named}.jsonl")
    to.write_bytes(written(gathered.rows))
    examples = gathered.rows[:: max(1, len(gathered.rows) // 5)][:5]
    return {
        "rows": len(gathered.rows),
        "left_out": gathered.left_out,
        "file": str(to),
        "examples": [row.line for row in examples],
    }
