"""`fourways ingest`, `search`, `erase`: documents in, passages out, a document gone for good."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from fourways.cli.terminal import ERR, FAILED, OUT, AsJson, DryRun, bars, folder_of, heading_path, print_json
from fourways.control.keys import COMMAND_LINE
from fourways.core.errors import NotFound

if TYPE_CHECKING:
    from fourways.bootstrap import House
    from fourways.store.trainings import WeightsRow

SHOWN = 240
"""Characters of a passage in the list of hits."""


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("ingest")(ingest)
    app.command("search")(search)
    app.command("erase")(erase)


def ingest(
    context: typer.Context,
    knowledge: Annotated[list[str] | None, typer.Argument(help="Which knowledge; all of them otherwise.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Bring knowledge up to date with its sources. Only what changed is read; a killed ingest goes on at the next.

    Examples:  fourways ingest   ·   fourways ingest handbook --json
    """
    results = asyncio.run(_ingest(folder_of(context), knowledge))
    if as_json:
        print_json(results)
    else:
        for name, result in results.items():
            _told(name, result)
    if any(result.get("error") for result in results.values()):
        raise typer.Exit(FAILED)


async def _ingest(folder: Path, names: list[str] | None) -> dict[str, Any]:
    from fourways.bootstrap import open_house

    house = open_house(folder)
    await house.start(background=False)
    try:
        return await ingest_shown(house, names)
    finally:
        await house.close()


async def ingest_shown(house: "House", names: list[str] | None = None) -> dict[str, Any]:
    """Sync knowledge with a progress bar for each, and return each one's result by name.

    Raises:
        NotFound: there is no such knowledge.
    """
    known = house.project.knowledge
    for name in names or ():
        if name not in known:
            raise NotFound.named("knowledge", name, known)
    with bars() as shown:

        def on_change(name: str, progress: Mapping[str, Any]) -> None:
            shown.move(name, progress.get("done", 0), progress.get("total", 0), progress.get("what", ""))

        return await house.ingest(names or list(known), on_change)


def _told(name: str, result: Mapping[str, Any]) -> None:
    if result.get("error"):
        ERR.print(f"[red]✗[/] {name}: {escape(result['error'])}")
        return
    counts = ", ".join(
        f"{result[key]} {key}" for key in ("added", "changed", "removed", "unchanged") if result.get(key)
    )
    OUT.print(
        f"[green]✓[/] {name}: snapshot {result['snapshot']}, {result['passages']} passages ({counts or 'no documents'})"
    )
    for uri, reason in dict(result.get("failed") or {}).items():
        ERR.print(f"  [yellow]![/] {escape(str(uri))}: {escape(str(reason))}")


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    knowledge: Annotated[str | None, typer.Option(help="Which knowledge; the project's first otherwise.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many passages.")] = 5,
    label: Annotated[
        list[str] | None, typer.Option(help="Search as someone who may read this label; repeatable.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Find passages, with their scores.

    Examples:  fourways search "vpn on a mac"   ·   fourways search "severance pay" --label hr --json
    """
    hits = asyncio.run(_search(folder_of(context), query, knowledge, limit, frozenset(label or ())))
    if as_json:
        print_json(hits)
        return
    if not hits:
        OUT.print("Nothing was found. Was it ingested? [bold]fourways ingest[/]")
    for number, hit in enumerate(hits, 1):
        passage = hit.passage
        page = f", page {passage.page}" if passage.page else ""
        path = heading_path(passage.title, passage.headings)
        OUT.print(f"[bold]{number}[/] {escape(path)}{page} [dim]{escape(passage.document)}[/]")
        OUT.print(f"  [dim]score {hit.score:.3f} · meaning {hit.dense:.3f} · words {hit.lexical:.2f}[/]")
        OUT.print(f"  {escape(' '.join(passage.text.split())[:SHOWN])}")


async def _search(folder: Path, query: str, name: str | None, limit: int, labels: frozenset[str]) -> list[Any]:
    from fourways.bootstrap import open_house

    house = open_house(folder)
    await house.start(background=False)
    try:
        known = house.project.knowledge
        name = name or next(iter(known), "")
        if name not in known:
            raise NotFound.named("knowledge", name, known)
        return list(await house.library(name).search(query, labels=labels, limit=limit))
    finally:
        await house.close()


def erase(
    context: typer.Context,
    document: Annotated[str, typer.Argument(help="The document's name, as citations show it: docs/vpn.md.")],
    knowledge: Annotated[str | None, typer.Option(help="Which knowledge; the project's first otherwise.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Erase a document: text, vectors and full-text entries, from the disk too. A later ingest does not bring it back.

    Example:  fourways erase docs/old-policy.md
    """
    asyncio.run(_erase(folder_of(context), document, knowledge, yes=yes, dry_run=dry_run, as_json=as_json))


async def _erase(folder: Path, document: str, name: str | None, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    from fourways.bootstrap import open_house

    house = open_house(folder)
    await house.start(background=False)
    try:
        name = name or next(iter(house.project.knowledge), "")
        passages = house.library(name).erasable(document).passages
        if not (dry_run or yes or as_json):
            typer.confirm(f"Erase {document} ({passages} passages) from {name} for good?", abort=True)
        learned = await asyncio.to_thread(house.librarian.learned_from, name, document)
        report = None if dry_run else await house.erase(name, document, actor=COMMAND_LINE)
    finally:
        await house.close()
    if as_json:
        found = asdict(report) if report else {"document": document, "passages": passages, "dry_run": True}
        print_json(found | {"weights": [row.digest for row in learned]})
    elif report is None:
        OUT.print(f"Would erase {document}: {passages} passages. Nothing was done.")
    else:
        OUT.print(f"Erased {document}: {passages} passages with vectors and full text. It will not come back.")
    if learned and not as_json:
        _tell_learned(learned)


def _tell_learned(rows: "Sequence[WeightsRow]") -> None:
    """Say which weights keep what they learned from a document."""
    OUT.print("These weights learned from it; what they learned is not erasable without retraining without it:")
    for row in rows:
        again = f"fourways {'tune' if row.base else 'train'} {row.app}" if row.app else "tune it again without it"
        OUT.print(f"  {row.digest[:12]} {row.name or f'{row.app}:{row.way}'}: [bold]{again}[/]")
