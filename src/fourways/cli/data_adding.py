"""`fourways data add`: rows that people write, one by one or as they are asked for; each looked at first."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourways.cli.data import opened, verbs
from fourways.cli.terminal import OUT, AsJson, folder_of, print_json
from fourways.core.errors import InvalidRequest

if TYPE_CHECKING:
    from fourways.cli.data import Desk


@verbs.command("add")
def add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file of rows (JSON Lines); made where it is not there.")],
    question: Annotated[
        str | None, typer.Option("--question", "-q", help="What is asked; asked for otherwise.")
    ] = None,
    answer: Annotated[str | None, typer.Option("--answer", "-a", help="The right answer.")] = None,
    worse: Annotated[str | None, typer.Option("--instead-of", help="A worse answer: a preference is added.")] = None,
    thumb: Annotated[str | None, typer.Option(help="up or down: a judgement of the answer is added.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Add rows that people write. A test case is refused, and what stands there already is not added again.

    Without --question, questions and answers are asked for until nothing is typed.

    Examples:  fourways data add rows.jsonl   ·   fourways data add rows.jsonl -q "Which port?" -a "51820"   ·
    fourways data add better.jsonl -q "Which port?" -a "51820" --instead-of "I do not know."
    """
    if (question is None) != (answer is None):
        raise InvalidRequest("give both --question and --answer, or neither to be asked for them")
    if thumb not in {None, "up", "down"} or (thumb and worse):
        raise InvalidRequest("--thumb is up or down, and goes without --instead-of", param="thumb")
    typed = _asked_for() if question is None else iter([(question, answer or "")])
    added = asyncio.run(_add(folder_of(context), file, typed, worse, thumb))
    if as_json:
        print_json({"file": str(file), "added": added})
    else:
        OUT.print(f"[green]✓[/] {added} added to {file}" if added else "Nothing was added: it stands there already.")


def _asked_for() -> Iterator[tuple[str, str]]:
    """Ask for questions and answers until nothing is typed."""
    while question := typer.prompt("question (nothing to end)", default="", show_default=False).strip():
        yield question, typer.prompt("  answer").strip()


async def _add(folder: Path, file: Path, typed: Iterator[tuple[str, str]], worse: str | None, thumb: str | None) -> int:
    added = 0
    async with opened(folder) as desk:
        for question, answer in typed:
            added += await asyncio.to_thread(_add_one, desk, file, _value(question, answer, worse, thumb))
    return added


def _value(question: str, answer: str, worse: str | None, thumb: str | None) -> Mapping[str, Any]:
    if worse is not None:
        return {"prompt": question, "chosen": answer, "rejected": worse}
    if thumb is not None:
        return {"prompt": question, "completion": answer, "label": thumb == "up"}
    return {"question": question, "answer": answer}


def _add_one(desk: "Desk", file: Path, value: Mapping[str, Any]) -> bool:
    """Add a row to a file; False where it is there already.

    Raises:
        InvalidDataset: it is no row, not of the kind of the others, or a test case.
    """
    from fourways.control.suites_apart import assert_apart
    from fourways.training.data.reading import read_rows, rows_of

    before = file.read_bytes() if file.is_file() else b""
    before += b"" if not before or before.endswith(b"\n") else b"\n"
    line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
    *others, new = rows_of([read_rows(str(file), before + line)])
    assert_apart([new], desk.suites)
    if new.digest in {one.digest for one in others}:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(before + line)
    return True
