"""`fourways release`: a candidate on its way to people: made, approved, promoted, rolled back, compared."""

import asyncio
import getpass
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourways.cli.place import only_app, opened
from fourways.cli.release_shown import tell, tell_verdict
from fourways.cli.terminal import ERR, OUT, SAID_NO, AsJson, DryRun, bars, folder_of, print_json

if TYPE_CHECKING:
    from fourways.bootstrap import House
    from fourways.control.showing import Shown

App = Annotated[str | None, typer.Option("--app", "-a", help="Of which app; the project's only one otherwise.")]
Which = Annotated[str, typer.Argument(help="The release: r3.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; stands in the log.")]

verbs = typer.Typer(no_args_is_help=True, help="Take a candidate to people, in steps, and back.")


def register(app: typer.Typer) -> None:
    """Add the verb with its own verbs."""
    from fourways.cli import release_looking, release_transfers  # noqa: F401 - they add status, diff, log, export, import

    app.add_typer(verbs, name="release")


def actor() -> str:
    """Name who acts, for the log: whoever is logged in on this machine."""
    return f"{getpass.getuser()} (command line)"


@verbs.command("create")
def create(
    context: typer.Context,
    app: Annotated[str | None, typer.Argument(help="Which app; the project's only one otherwise.")] = None,
    way: Annotated[str | None, typer.Option(help="Release the newest candidate of this way.")] = None,
    candidate: Annotated[
        str | None, typer.Option(help="Release this candidate: the first characters of its id.")
    ] = None,
    stage: Annotated[str, typer.Option(help="staging or production.")] = "production",
    note: Annotated[str, typer.Option("--note", "-m", help="What is new in it.")] = "",
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a release: the candidate is evaluated, and the gate lets it through or rejects it (exit 3).

    Examples:  fourways release create   ·   fourways release create helpdesk --way rag -m "shorter answers"
    """
    shown = asyncio.run(_create(folder_of(context), app, way, candidate, stage, note, dry_run=dry_run, quiet=as_json))
    if as_json:
        print_json(shown)
    elif dry_run:
        OUT.print("Nothing was done.")
    else:
        tell(shown)
        tell_verdict("The gate", shown.standing.gate)
    if not dry_run and shown.standing.state == "rejected":
        raise typer.Exit(SAID_NO)


async def _create(
    folder: Path,
    app: str | None,
    way: str | None,
    candidate: str | None,
    stage: str,
    note: str,
    *,
    dry_run: bool,
    quiet: bool,
) -> Any:  # noqa: ANN401 - a Shown, or what would be released
    from fourways.bootstrap import open_house
    from fourways.control import releases
    from fourways.control.builds import default_way
    from fourways.control.policies import checked_stage, policy_of

    house = open_house(folder)
    await house.start(background=False)
    try:
        name = only_app(house.project.apps, app)
        wanted = way or default_way(house.project, name)
        chosen = releases.candidate_named(house.database, house.tenant, name, candidate, wanted)
        if dry_run:
            policy = policy_of(house.project.apps[name], checked_stage(stage))
            OUT.print(f"Would release {name}:{chosen.way}@{chosen.id} to {stage}; approval: {policy.approval}.")
            return {"app": name, "way": chosen.way, "candidate": chosen.digest, "policy": policy.plain()}
        made = releases.create(
            house.database, house.tenant, house.project, chosen, stage=stage, actor=actor(), now=time.time(), note=note
        )
        if not quiet:
            ERR.print(f"[bold]{made.name}[/] of {name} is a draft of {chosen.way}@{chosen.id}; evaluating it.")
        return await wait_for_gate(house, name, made.number, quiet=quiet)
    finally:
        await house.close()


async def wait_for_gate(house: "House", app: str, number: int, *, quiet: bool) -> "Shown":
    """Wait for a draft's evaluation, whoever does it, with its progress; return where the release then stands."""
    from fourways.control import showing

    with bars() as shown:

        def on_change(progress: Mapping[str, Any]) -> None:
            if not quiet:
                shown.move("evaluating", progress.get("done", 0), progress.get("total", 0), progress.get("what", ""))

        await house.gate(app, number, on_change)
    return showing.show(house.database, house.tenant, app, number)


# ---------------------------------------------------------------- moves


@verbs.command("approve")
def approve(
    context: typer.Context, release: Which, app: App = None, reason: Reason = "", *, as_json: AsJson = False
) -> None:
    """Approve a release that passed its gate. Where two must approve, another person has to do it again.

    Example:  fourways release approve r3
    """
    from fourways.control import releases

    _move(context, app, release, releases.approve, reason, as_json=as_json)


@verbs.command("reject")
def reject(
    context: typer.Context, release: Which, app: App = None, reason: Reason = "", *, as_json: AsJson = False
) -> None:
    """Say no to a release that nobody has met yet.

    Example:  fourways release reject r3 -m "the tone is wrong"
    """
    from fourways.control import releases

    _move(context, app, release, releases.reject, reason or "rejected by a person", as_json=as_json)


@verbs.command("promote")
def promote(
    context: typer.Context, release: Which, app: App = None, reason: Reason = "", *, as_json: AsJson = False
) -> None:
    """Make a canary live at once, on your word; or take what is live in staging on to production, as a new release.

    Example:  fourways release promote r3 -m "too few users for the statistics"
    """
    from fourways.control import releases, showing

    with opened(context, app) as place:
        shown = releases.promote(
            place.database,
            place.tenant,
            place.project,
            place.app,
            showing.number_of(release),
            actor=actor(),
            now=time.time(),
            reason=reason,
        )
    _moved(shown, as_json=as_json)


@verbs.command("rollback")
def rollback(
    context: typer.Context,
    release: Annotated[
        str | None, typer.Argument(help="The release; the canary, or else what is live, otherwise.")
    ] = None,
    app: App = None,
    stage: Annotated[str, typer.Option(help="staging or production, where no release is named.")] = "production",
    reason: Reason = "rolled back by a person",
    *,
    as_json: AsJson = False,
) -> None:
    """Take a canary or a live release back. The one before answers again within a second.

    Examples:  fourways release rollback   ·   fourways release rollback r3 -m "wrong prices"
    """
    from fourways.control import releases, showing

    number = None if release is None else showing.number_of(release)
    with opened(context, app) as place:
        shown = releases.roll_back(
            place.database,
            place.tenant,
            place.app,
            number,
            stage=stage,
            actor=actor(),
            now=time.time(),
            reason=reason,
        )
    _moved(shown, as_json=as_json)


def _move(
    context: typer.Context, app: str | None, release: str, move: Callable[..., "Shown"], reason: str, *, as_json: bool
) -> None:
    from fourways.control import showing

    with opened(context, app) as place:
        number = showing.number_of(release)
        shown = move(place.database, place.tenant, place.app, number, actor=actor(), now=time.time(), reason=reason)
    _moved(shown, as_json=as_json)


def _moved(shown: "Shown", *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        tell(shown)
