"""`fourways release status`, `diff`, `log`: where releases stand, how they differ, who moved them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourways.cli.place import Place, opened
from fourways.cli.release import App, verbs
from fourways.cli.release_shown import tell, tell_all, tell_differences, tell_log, tell_verdict
from fourways.cli.terminal import AsJson, print_json

if TYPE_CHECKING:
    from fourways.control.showing import Shown


@verbs.command("status")
def status(
    context: typer.Context,
    release: Annotated[str | None, typer.Argument(help="One release with its verdicts; all of them otherwise.")] = None,
    app: App = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show where releases stand, or one with everything that judged it.

    Examples:  fourways release status   ·   fourways release status r3   ·   fourways release status --json
    """
    from fourways.control import showing

    if release is None:
        with opened(context, app, any_app=True) as place:
            listed = showing.list_releases(place.database, place.tenant, place.app or None)
        print_json(listed) if as_json else tell_all(listed)
        return
    with opened(context, app) as place:
        shown = showing.show(place.database, place.tenant, place.app, showing.number_of(release))
        now = _as_of_now(place, shown)
    if as_json:
        print_json({**asdict(shown), "waits_for": shown.waits_for, "now": now})
        return
    tell(shown)
    tell_verdict("The gate", shown.standing.gate)
    if now is not None:
        tell_verdict(f"The canary as of now, after {shown.standing.looks} looks", now)
    else:
        tell_verdict(f"The canary, after {shown.standing.looks} looks", shown.standing.verdict)


def _as_of_now(place: Place, shown: "Shown") -> dict[str, Any] | None:
    """Judge a running canary by what is known at this moment; None where it is none."""
    if shown.standing.state != "canary" or not shown.standing.shifts:
        return None
    from fourways.control.judging import judge

    return judge(place.database, place.tenant, shown.release, shown.standing).verdict.plain()


@verbs.command("diff")
def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(help="A release: r2.")],
    after: Annotated[str, typer.Argument(help="Another: r3.")],
    app: App = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what differs between what two releases pin: model, prompt, knowledge, retrieval, decoding.

    Example:  fourways release diff r2 r3
    """
    from fourways.control import showing

    with opened(context, app) as place:
        found = showing.diff(
            place.database, place.tenant, place.app, showing.number_of(before), showing.number_of(after)
        )
    print_json(found) if as_json else tell_differences(found, before, after)


@verbs.command("log")
def log(
    context: typer.Context,
    app: App = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many rows.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """Show every move of every release: who, when, why; and whether the log's chain holds.

    Example:  fourways release log
    """
    from fourways.store import releases

    with opened(context, app, any_app=True) as place, place.database.reading() as connection:
        rows = releases.events(connection, place.tenant, app=place.app or None, limit=limit)
        broken = releases.verify(connection, place.tenant).broken
    if as_json:
        print_json({"rows": rows, "broken": broken})
    else:
        tell_log(rows, broken)
    if broken:
        raise typer.Exit(1)
