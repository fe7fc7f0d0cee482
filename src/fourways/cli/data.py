"""`fourways data`: rows to tune on, looked at; what was made of them, listed. Changing them is in `data_changing`."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourways.cli import data_shown as shown
from fourways.cli.terminal import ERR, FAILED, OUT, AsJson, bars, folder_of, print_json
from fourways.core.errors import InvalidRequest

if TYPE_CHECKING:
    from fourways.control.data_checks import Base
    from fourways.control.datasets import Datasets
    from fourways.control.gathering import Gathered
    from fourways.evals.cases import Suite
    from fourways.training.data.rows import Row

Names = Annotated[list[str], typer.Argument(help="Datasets of the project file, or files of rows.")]
Form = Annotated[
    str, typer.Option("--format", help="chat, sharegpt, alpaca, preference, openai_preference, kto, pairs, text.")
]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="Which column is what: question=body, answer=queue; repeatable.")
]
BaseName = Annotated[
    str | None, typer.Option("--base", help="The model it is meant for, a folder: lengths are then its tokens.")
]
Length = Annotated[int | None, typer.Option(min=1, help="Tokens of a row at most; the base's window otherwise.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write it.", dir_okay=False)]

verbs = typer.Typer(no_args_is_help=True, help="Look at rows to tune on; clean, part and make them.")


def register(app: typer.Typer) -> None:
    """Add the verb with its own verbs."""
    from fourways.cli import data_adding, data_changing  # noqa: F401 - they add add, clean, split, make

    app.add_typer(verbs, name="data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the verbs work with: the project where there is one, and its test suites."""

    folder: Path
    datasets: "Datasets | None" = None
    suites: "Sequence[Suite]" = ()

    async def gathered(self, names: Sequence[str], form: str = "", columns: Sequence[str] = ()) -> "Gathered":
        """Return the rows that are meant, with a progress bar where they are made."""
        from fourways.control.gathering import gather

        with bars() as moving:

            def on_made(done: int, total: int, what: str) -> None:
                moving.move("rows", done, total, what)

            return await gather(
                names,
                self.folder,
                self.datasets.inputs if self.datasets is not None else None,
                self.suites,
                form=form,
                columns=read_columns(columns),
                on_made=on_made,
            )

    def base(self, name: str | None, length: int | None) -> "Base | None":
        """Return the base that is meant."""
        from fourways.control.data_checks import base_named

        if name is None and length is not None:
            raise InvalidRequest("--length is in a base's tokens: name it with --base FOLDER", param="length")
        return None if name is None else base_named(name, self.folder, length=length)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Desk]:
    """Open the project, where there is one: files can be looked at without."""
    if not (folder / "fourways.yaml").is_file():
        yield Desk(folder=folder)
        return
    from fourways.bootstrap import open_house
    from fourways.control.datasets import datasets_of
    from fourways.control.state import state_folder
    from fourways.control.suites_apart import suites_of

    house = open_house(folder)
    await house.start(background=False)
    try:
        workshop = house.fittings.workshop
        datasets = datasets_of(workshop, folder, house.database, house.tenant, state_folder(folder))
        yield Desk(folder=folder, datasets=datasets, suites=suites_of(house.project, folder))
    finally:
        await house.close()


def read_columns(said: Sequence[str]) -> Mapping[str, str]:
    """Read `question=body` and the like.

    Raises:
        InvalidRequest: one has no `=`, or names no part of a row.
    """
    known = ("question", "answer", "context", "system", "group", "text")
    found = {}
    for one in said:
        key, is_one, value = one.partition("=")
        if not is_one or key not in known:
            raise InvalidRequest(
                f"--column {one}: right would be question=NAME; known: {', '.join(known)}", param="column"
            )
        found[key] = value
    return found


# ---------------------------------------------------------------- check


@verbs.command("check")
def check(
    context: typer.Context,
    names: Names,
    form: Form = "",
    column: Columns = None,
    base: BaseName = None,
    length: Length = None,
    row: Annotated[int, typer.Option(min=1, help="Which row is shown as the base's template renders it.")] = 1,
    *,
    as_json: AsJson = False,
) -> None:
    """Look at rows before anything is learned from them; exit 1 where something must be mended first.

    How many, how long, in which languages and balance; duplicates, test cases among them, personal data, what is cut
    off, and what the base's chat template makes of a row.

    Examples:  fourways data check pairs   ·   fourways data check rows.jsonl --base models/small   ·
    fourways data check mails.csv --column question=body --column answer=queue --json
    """
    stops = asyncio.run(_check(folder_of(context), names, form, column or (), base, length, row, as_json=as_json))
    if stops:
        raise typer.Exit(FAILED)


async def _check(
    folder: Path, names: list[str], form: str, columns: Sequence[str], base: str | None, length: int | None, row: int,
    *, as_json: bool,
) -> Sequence[str]:  # fmt: skip
    from fourways.control.data_checks import check as checked

    async with opened(folder) as desk:
        model = desk.base(base, length)
        gathered = await desk.gathered(names, form, columns)
        found = await checked(gathered.rows, gathered.problems, desk.suites, model)
    example = _example(gathered.rows, model, row)
    if as_json:
        print_json({"found": gathered.found, "left_out": gathered.left_out, "checkup": found, "example": example})
    else:
        shown.tell_found(gathered)
        shown.tell(found)
        if example is not None:
            shown.tell_example(example, row)
    return found.stops


def _example(rows: "Sequence[Row]", base: "Base | None", number: int) -> Any:  # noqa: ANN401 - a Rendered, or None
    """Render a row by the base's template; None where there is none, or it is not taken."""
    if base is None or not rows:
        return None
    if number > len(rows):
        raise InvalidRequest(f"there is no row {number}; there are {len(rows)}", param="row")
    try:
        return base.template.rendered(rows[number - 1])
    except ValueError:
        return None


# ---------------------------------------------------------------- list


@verbs.command("list")
def listed(
    context: typer.Context,
    document: Annotated[str | None, typer.Option(help="Only those with rows of this document: docs/vpn.md.")] = None,
    trace: Annotated[str | None, typer.Option(help="Only those with rows of this trace.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the datasets that were made, newest first; or those that hold rows of a document or a trace.

    Examples:  fourways data list   ·   fourways data list --document docs/vpn.md
    """
    from fourways.control.state import database_of
    from fourways.core.ids import DEFAULT_TENANT
    from fourways.store import datasets

    with database_of(folder_of(context)) as database, database.reading() as connection:
        if document is not None:
            rows = datasets.datasets_resting_on(connection, DEFAULT_TENANT, "document", document)
        elif trace is not None:
            rows = datasets.datasets_resting_on(connection, DEFAULT_TENANT, "trace", trace)
        else:
            rows = datasets.recent_datasets(connection, DEFAULT_TENANT)
    if as_json:
        print_json(rows)
    elif not rows:
        ERR.print(
            "No dataset holds rows of it." if document or trace else "No dataset was made yet: fourways data make NAME"
        )
    else:
        OUT.print(shown.datasets_table(rows))
