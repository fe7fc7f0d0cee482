"""How `fourways data` shows what it found: tables that fit a terminal, examples, and what stops the job last."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from fourways.cli.terminal import OUT, moment, table
from fourways.training.data.checking import Alike, Balance, Checkup
from fourways.training.data.template import Rendered

if TYPE_CHECKING:
    from fourways.control.datasets import Prepared
    from fourways.control.gathering import Gathered
    from fourways.store.datasets import DatasetRow

SHOWN = 10
"""Lines of a list."""
LONGEST = 1600
"""Characters of a rendered row."""
BAR = 24
DIGEST = 12
"""Characters of a digest that people are shown."""


def tell_found(gathered: "Gathered") -> None:
    """Say what was read."""
    for name, form, count in gathered.found:
        OUT.print(f"[bold]{escape(name)}[/] [dim]{form}[/] {_rows(count)}")
    if gathered.left_out:
        OUT.print(f"[dim]{_rows(gathered.left_out)} that a test case asks for were left out while they were made[/]")
    OUT.print()


def tell(found: Checkup) -> None:
    """Say all that was found in rows; what stops the job stands last, where it is seen."""
    OUT.print(_facts(found))
    for title, balance in (("Labels", found.labels), ("Sources", found.sources)):
        if balance is not None and len(balance.counts) > 1:
            OUT.print()
            OUT.print(_balance(title, balance))
    _list("Twice", _pairs(found.same))
    _list("Nearly twice", _pairs(found.near))
    _list("Answered in several ways", [f"“{asked}”: {count} answers" for asked, count in found.conflicts])
    _list("Personal data", [f"{kind}: {one}" for kind, some in found.veiled.items() for one in some])
    _list("Not taken by the base's template", [f"{name}: {why}" for name, why in found.refused])
    _list("Cannot be read", list(map(str, found.problems)))
    _list("Test cases among the rows", found.contaminated)
    OUT.print()
    for warning in found.warnings:
        OUT.print(f"[yellow]![/] {escape(warning)}")
    for stop in found.stops:
        OUT.print(f"[red]✗[/] {escape(stop)}")
    if not found.stops:
        OUT.print("[green]✓[/] Nothing stops it from being learned from.")


def _facts(found: Checkup) -> Table:
    rows: list[tuple[str, str]] = [
        ("rows", ", ".join(f"{count:,} {kind}" for kind, count in found.kinds.items()) or "0")
    ]
    if found.turns != 1 and found.rows:
        rows.append(("answers a row", f"{found.turns:.1f}"))
    if found.lengths is not None:
        one = found.lengths
        rows.append(
            ("length", f"median {one.median:,}, p95 {one.p95:,}, at most {one.most:,} {one.unit}; {one.total:,} in all")
        )
    if found.window is not None:
        rows.append(("cut off", f"{found.truncated:,} of {found.rows:,} (longer than {found.window:,} tokens)"))
    languages = {code or "too short to tell": count for code, count in found.languages.items()}
    rows.append(("languages", _counted(languages)))
    rows.append(("duplicates", f"{found.same.count:,} the same, {found.near.count:,} nearly the same"))
    rows.append(("personal data", _counted(found.personal) or "none found (names are not looked for)"))
    rows.append(("held against", "; ".join(found.suites) or "no test suite"))
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for what, value in rows:
        made.add_row(what, escape(value))
    return made


def _balance(title: str, balance: Balance) -> Table:
    """Show how often each stands, with a bar; where some were left out, a line says how many."""
    most = max(balance.counts.values())
    made = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    made.add_column(overflow="ellipsis", no_wrap=True, max_width=52)
    made.add_column(justify="right")
    made.add_column()
    last_two = len(balance.counts) - 2
    for number, (name, count) in enumerate(balance.counts.items()):
        if balance.more and number == last_two:
            made.add_row(f"[dim]… {balance.more:,} more[/]", "", "")
        bar = "▇" * max(1, round(BAR * count / most))
        made.add_row(escape(" ".join(name.split()) or "(none)"), f"{count:,}", f"[cyan]{bar}[/]")
    return made


def _pairs(found: Alike) -> list[str]:
    lines = [
        f"{row} = {earlier}" + (f" ({likeness:.2f})" if likeness < 1 else "")
        for row, earlier, likeness in found.examples
    ]
    return lines if found.count <= len(lines) else [*lines, f"and {found.count - len(lines):,} more"]


def _list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    OUT.print(f"\n[bold]{title}[/]")
    for line in lines[:SHOWN]:
        OUT.print(f"  {escape(line)}")
    if len(lines) > SHOWN:
        OUT.print(f"  [dim]and {len(lines) - SHOWN:,} more[/]")


def tell_example(example: Rendered, number: int) -> None:
    """Show a row as the base reads it, what is learned of it marked."""
    text = Text()
    at = 0
    for start, end in example.learned:
        text.append(example.text[at:start], style="dim")
        text.append(example.text[start:end], style="bold green")
        at = end
    text.append(example.text[at:], style="dim")
    OUT.print(f"\n[bold]Row {number} as the base reads it[/] [dim]([/][bold green]learned[/][dim])[/]")
    if not example.exact:
        OUT.print("[yellow]![/] the template changes the answer's own text: the green places are only about right")
    OUT.print(text[:LONGEST])
    if len(text) > LONGEST:
        OUT.print(f"[dim]… {len(text) - LONGEST:,} characters more[/]")


def tell_cleaned(told: Mapping[str, Any]) -> None:
    """Say what each rule did, and where rows and log stand."""
    if told["rules"]:
        rows = [(one["rule"], one["done"], f"{one['rows']:,}") for one in told["rules"]]
        OUT.print(table("What was done", ("rule", "", "rows"), rows, right=("rows",)))
        OUT.print()
        for one in told["examples"]:
            OUT.print(f"  [dim]{one['rule']}[/] {escape(one['row'])}: {escape(one['why'])}")
        OUT.print()
    left = f"{told['left']:,} of {told['read']:,} rows are left"
    if told["dry_run"]:
        OUT.print(f"{left}. Nothing was written.")
    else:
        OUT.print(f"[green]✓[/] {left}: {escape(told['file'])}; what was done to the others: {escape(told['log'])}")


def tell_parted(told: Mapping[str, Any]) -> None:
    """Say how rows were parted."""
    groups = told["groups"]
    rows = [(side, f"{told[side]:,}", f"{groups[side]:,}") for side in ("train", "valid")]
    OUT.print(table("", ("side", "rows", "groups"), rows, right=("rows", "groups")))
    where = "Nothing was written." if told["dry_run"] else f"In {escape(told['folder'])}."
    OUT.print(f"\nDataset {told['digest'][:DIGEST]}. {where}")


def tell_made(told: Mapping[str, Any]) -> None:
    """Say what was made, with some of it."""
    for one in told.get("examples", ()):
        messages = one.get("messages", ())
        asked = next((turn["content"] for turn in reversed(messages) if turn["role"] == "user"), "")
        said = one.get("chosen") or one.get("completion") or (messages[-1]["content"] if messages else "")
        OUT.print(
            f"  [dim]{escape(one['source']['name'])}[/]  {escape(_short(asked))} → [green]{escape(_short(said))}[/]"
        )
    if told.get("examples"):
        OUT.print()
    if told.get("left_out"):
        OUT.print(f"[dim]{_rows(told['left_out'])} that a test case asks for were left out[/]")
    if "digest" in told:
        sides = f"{told['train_rows']:,} to learn from, {told['valid_rows']:,} to watch"
        OUT.print(f"[green]✓[/] Dataset {told['digest'][:DIGEST]}: {sides}, from {told['sources']:,} sources")
        OUT.print(f"  [dim]{escape(told['folder'])}[/]")
    else:
        OUT.print(f"[green]✓[/] {_rows(told['rows'])}: {escape(told['file'])}")


def prepared_plain(prepared: "Prepared") -> Mapping[str, Any]:
    """Say what a prepared dataset is, for `--json`."""
    return {
        "digest": prepared.digest,
        "kind": prepared.kind,
        "train_rows": prepared.train_rows,
        "valid_rows": prepared.valid_rows,
        "left_out": prepared.left_out,
        "sources": len(prepared.lineage),
        "licences": dict(prepared.licences),
        "suites": dict(prepared.suites),
        "folder": str(prepared.folder),
    }


def datasets_table(rows: "Sequence[DatasetRow]") -> Table:
    """List datasets."""
    lines = [(row.digest[:DIGEST], ", ".join(row.names), f"{row.rows:,}", moment(row.created_at)) for row in rows]
    return table("", ("dataset", "made of", "rows", "made"), lines, right=("rows",))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _short(text: str) -> str:
    line = " ".join(text.rsplit("Question: ", 1)[-1].split())
    return line if len(line) <= 90 else f"{line[:89]}…"  # noqa: PLR2004 - fits a line
