"""`fourways release export` and `import`: a release as one signed folder, from one machine to another."""

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from fourways.cli.place import only_app, opened
from fourways.cli.release import App, Which, actor, verbs, wait_for_gate
from fourways.cli.release_shown import tell, tell_verdict
from fourways.cli.terminal import ERR, OUT, SAID_NO, AsJson, folder_of, print_json

if TYPE_CHECKING:
    from fourways.control.bundles import Bundle


@verbs.command("export")
def export(
    context: typer.Context,
    release: Which,
    to: Annotated[Path | None, typer.Option(help="The new folder; named after the release otherwise.")] = None,
    app: App = None,
    *,
    without_weights: Annotated[bool, typer.Option(help="Leave tuned or trained weights out.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a release as one signed folder: candidate, weights, report, project file, prompts, tests, documents.

    Example:  fourways release export r3 --to /media/usb/helpdesk-r3
    """
    from fourways.control import transfers
    from fourways.control.shelf import weights_folders
    from fourways.control.showing import number_of

    with opened(context, app) as place, ERR.status("copying and signing …"):
        number = number_of(release)
        target = to or Path(f"{place.app}-r{number}")
        bundle = transfers.export(
            place.database,
            place.tenant,
            place.project,
            folder_of(context),
            place.app,
            number,
            to=target,
            now=time.time(),
            weights=None if without_weights else weights_folders(folder_of(context)),
        )
    if as_json:
        print_json({"folder": str(target), "signer": bundle.signature.fingerprint, "files": len(bundle.manifest.files)})
        return
    OUT.print(f"Wrote [bold]{escape(str(target))}[/]: {len(bundle.manifest.files)} files.")
    for name, known in bundle.manifest.knowledge.items():
        left = f"; {len(known.left_out)} are no files and have to be fetched there" if known.left_out else ""
        OUT.print(f"  knowledge {name}: {known.documents} documents{left}")
    OUT.print(f"  signed by [bold]{bundle.signature.fingerprint}[/]; tell whoever imports it, by another way")


@verbs.command("import")
def import_(
    context: typer.Context,
    bundle: Annotated[Path, typer.Argument(help="The exported folder.")],
    into: Annotated[Path | None, typer.Option(help="A new folder, for the project that the bundle carries.")] = None,
    trust: Annotated[list[str] | None, typer.Option(help="The signer's fingerprint; repeatable.")] = None,
    stage: Annotated[str, typer.Option(help="staging or production.")] = "production",
    *,
    as_json: AsJson = False,
) -> None:
    """Import an exported release: its signature is checked; then it is a draft, gated here like any other.

    Examples:  fourways release import helpdesk-r3   ·   fourways release import helpdesk-r3 --into desk --trust 3f9c…
    """
    folder = into or folder_of(context)
    shown = asyncio.run(_import(bundle, folder, trust or [], stage, fresh=into is not None, quiet=as_json))
    if as_json:
        print_json(shown)
    else:
        tell(shown)
        tell_verdict("The gate", shown.standing.gate)
    if shown.standing.state == "rejected":
        raise typer.Exit(SAID_NO)


async def _import(bundle: Path, folder: Path, trust: list[str], stage: str, *, fresh: bool, quiet: bool) -> Any:  # noqa: ANN401 - a Shown, imported late
    from fourways.bootstrap import open_house
    from fourways.cli.knowledge import ingest_shown
    from fourways.config.load import load_project
    from fourways.control import transfers
    from fourways.control.policies import checked_stage
    from fourways.control.shelf import weights_folders
    from fourways.control.weights_carried import bring

    checked_stage(stage)
    project = None if fresh else load_project(folder, os.environ)
    read = transfers.open_bundle(bundle, folder, project, trust)
    if fresh:
        written = transfers.make_project(read, folder, os.environ)
        ERR.print(f"Wrote {len(written)} files of the project into [bold]{escape(str(folder))}[/].")
    house = open_house(folder)
    await house.start(background=False)
    try:
        only_app(house.project.apps, read.candidate.app)
        if fresh:
            await ingest_shown(house)
        await asyncio.to_thread(bring, read, weights_folders(folder), house.database, house.tenant)
        pinned = read.candidate.parts.get("weights")
        if pinned and pinned["kind"] == "adapter":
            await asyncio.to_thread(house.workshop.weights, pinned["base"]["name"])
        _warn(read, transfers.fingerprints(house.database, house.tenant, house.project))
        made = transfers.take(
            house.database, house.tenant, house.project, read, stage=stage, actor=actor(), now=time.time()
        )
        return await wait_for_gate(house, made.release.app, made.release.number, quiet=quiet)
    finally:
        await house.close()


def _warn(bundle: "Bundle", here: Any) -> None:  # noqa: ANN401 - fingerprints by name
    from fourways.control.bundles import unknown_to

    for sentence in unknown_to(bundle, here):
        ERR.print(f"[yellow]![/] {escape(sentence)}; what is measured here counts", soft_wrap=True)
