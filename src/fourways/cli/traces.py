"""`fourways trace`: what happened while a request was answered, as a waterfall."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from fourways.cli.terminal import OUT, AsJson, folder_of, milliseconds, moment, print_json, table

WIDTH = 44
"""Characters of the waterfall."""
SHOWN = 60
"""Characters of a question in the list."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("trace")(trace)


def trace(
    context: typer.Context,
    trace_id: Annotated[
        str | None, typer.Argument(help="A trace's id, or its first characters; the newest ones otherwise.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many are listed.")] = 20,
    app: Annotated[str | None, typer.Option(help="Of this app only.")] = None,
    status: Annotated[str | None, typer.Option(help="ok, error or cancelled only.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the newest traces, or show one as a waterfall.

    Examples:  fourways trace   ·   fourways trace 4bf92f35   ·   fourways trace --status error --json
    """
    from fourways.control.state import database_of
    from fourways.core.ids import DEFAULT_TENANT
    from fourways.store import traces

    with database_of(folder_of(context)) as database, database.reading() as connection:
        if trace_id is None:
            rows = traces.recent_traces(connection, DEFAULT_TENANT, limit=limit, app=app, status=status)
        else:
            rows = [traces.get_trace(connection, DEFAULT_TENANT, trace_id)]
    if as_json:
        print_json(rows if trace_id is None else rows[0])
    elif trace_id is None:
        _list(rows)
    else:
        _show(rows[0])


def _list(rows: list[Any]) -> None:
    if not rows:
        OUT.print("There is no trace yet. Ask something: [bold]fourways chat[/]")
        return
    columns = ["trace", "when", "app", "way", "status", "first token", "whole", "tokens", "question, or error"]
    cells = [
        (
            row.id[:12],
            moment(row.started_at),
            row.app or row.model,
            row.way,
            row.status if row.status == "ok" else f"[red]{row.status}[/]",
            milliseconds(row.first_token),
            milliseconds(row.duration),
            _tokens(row),
            escape((row.error or row.question or "").replace("\n", " ")[:SHOWN]),
        )
        for row in rows
    ]
    OUT.print(table("Traces, newest first", columns, cells, right=["first token", "whole", "tokens"]))


def _show(row: Any) -> None:  # noqa: ANN401 - a TraceRow, imported late
    OUT.print(
        f"[bold]{row.id}[/]  {moment(row.started_at)}  [{'green' if row.status == 'ok' else 'red'}]{row.status}[/]"
    )
    for name, value in (
        ("model", f"{row.app}:{row.way}@{row.candidate}" if row.app else row.model),
        ("asked by", row.user or row.key_id or "this machine, without a key"),
        ("question", row.question),
        ("answer", row.answer),
        ("error", row.error),
        ("tokens", _tokens(row)),
        ("cost", None if row.cost_usd is None else f"${row.cost_usd:.6f}"),
    ):
        if value:
            OUT.print(f"[dim]{name:>9}[/]  {escape(str(value))}")
    OUT.print(_waterfall(row))
    found = [hit for span in row.spans for hit in span["attributes"].get("hits", ())]
    if found:
        cells = [
            (number, hit["document"], *(f"{hit[score]:.3f}" for score in ("score", "dense", "lexical")))
            for number, hit in enumerate(found, 1)
        ]
        columns = ["", "document", "score", "meaning", "words"]
        OUT.print()
        OUT.print(table("Found", columns, cells, right=["", "score", "meaning", "words"]))


def _waterfall(row: Any) -> Table:  # noqa: ANN401 - a TraceRow, imported late
    total = row.duration or 1e-9
    made = Table(box=None, pad_edge=False, header_style="dim")
    made.add_column("step")
    made.add_column(f"0 … {milliseconds(total)}", width=WIDTH, no_wrap=True)
    made.add_column("took", justify="right")
    made.add_column("facts", overflow="fold")
    made.add_row("request", _bar(0, total, total, "cyan"), milliseconds(total), _first_token(row))
    for span in row.spans:
        end = span["end"] if span["end"] is not None else total
        colour = "red" if span["error"] else "green"
        name = "  " * (1 + _depth(row.spans, span)) + span["name"]
        facts = span["error"] or _facts(span["attributes"])
        made.add_row(name, _bar(span["start"], end, total, colour), milliseconds(end - span["start"]), escape(facts))
    return made


def _bar(start: float, end: float, total: float, colour: str) -> str:
    first = min(WIDTH - 1, int(start / total * WIDTH))
    length = max(1, min(WIDTH - first, round((end - start) / total * WIDTH)))
    return f"{' ' * first}[{colour}]{'█' * length}[/]"


def _depth(spans: list[Mapping[str, Any]], span: Mapping[str, Any]) -> int:
    depth = 0
    while span["parent"] is not None:
        span = spans[span["parent"]]
        depth += 1
    return depth


def _facts(attributes: Mapping[str, Any]) -> str:
    """Say a step's facts in a line; lists by their length, since the whole is in `--json`."""
    said = (f"{name}={len(value) if isinstance(value, list | dict) else value}" for name, value in attributes.items())
    return "  ".join(said)


def _first_token(row: Any) -> str:  # noqa: ANN401 - a TraceRow, imported late
    return f"first token after {milliseconds(row.first_token)}" if row.first_token is not None else ""


def _tokens(row: Any) -> str:  # noqa: ANN401 - a TraceRow, imported late
    return "" if row.input_tokens is None else f"{row.input_tokens}→{row.output_tokens}"
