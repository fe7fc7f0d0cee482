"""`fourways tune` and `fourways train`: weights of one's own, planned, trained with live progress, gone on with."""

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fourways.cli.place import only_app
from fourways.cli.terminal import ERR, AsJson, DryRun, folder_of, print_json
from fourways.cli.tune_shown import Watching, plain, tell_forecast, tell_result, tell_search
from fourways.core.errors import InvalidRequest

if TYPE_CHECKING:
    from fourways.bootstrap import House
    from fourways.control.forecasting import Forecast

WAYS = {"tune": "finetune", "train": "pretrain"}
"""The way that each verb builds."""
MINUTES, USD = 15.0, 5.0
"""What may be spent without asking, likely."""

App = Annotated[str | None, typer.Argument(help="Which app; the project's only one otherwise.")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help=f"Do not ask, though it takes over {MINUTES:g} minutes or ${USD:g}.")
]
Search = Annotated[
    int | None,
    typer.Option(
        min=1, help="Try so many settings of rate, batch and rank; show the good and cheap ones. Tunes nothing."
    ),
]
Cancel = Annotated[bool, typer.Option("--cancel", help="End what waits or runs, wherever it does.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("tune")(tune)
    app.command("train")(train)


def tune(
    context: typer.Context,
    app: App = None,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    cancel: Cancel = False,
    search: Search = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune an app's base model on its datasets (way `finetune`), and make a candidate of what comes out.

    Interrupted or killed, it goes on from its newest checkpoint at the next call; a search, from its newest trial.

    Examples:  fourways tune   ·   fourways tune helpdesk --dry-run   ·   fourways tune --search 12   ·
    fourways tune --cancel
    """
    if search is not None:
        if cancel or dry_run:
            raise InvalidRequest("--search goes with neither --cancel nor --dry-run", param="search")
        work = _Work(folder=folder_of(context), verb="tune", app=app, yes=yes, as_json=as_json)
        work.trials = search
        asyncio.run(work.run(work.search))
        return
    _verb(context, "tune", app, dry_run=dry_run, yes=yes, cancel=cancel, as_json=as_json)


def train(
    context: typer.Context,
    app: App = None,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    cancel: Cancel = False,
    as_json: AsJson = False,
) -> None:
    """Train a model from scratch on an app's corpus (way `pretrain`), and make a candidate of what comes out.

    Interrupted or killed, it goes on from its newest checkpoint at the next call.

    Examples:  fourways train   ·   fourways train helpdesk --dry-run   ·   fourways train --yes
    """
    _verb(context, "train", app, dry_run=dry_run, yes=yes, cancel=cancel, as_json=as_json)


def _verb(
    context: typer.Context, verb: str, app: str | None, *, dry_run: bool, yes: bool, cancel: bool, as_json: bool
) -> None:
    folder = folder_of(context)
    work = _Work(folder=folder, verb=verb, app=app, yes=yes, as_json=as_json)
    if cancel:
        asyncio.run(work.run(work.cancel))
        return
    try:
        asyncio.run(work.run(work.forecast_only if dry_run else work.train))
    except KeyboardInterrupt:
        again = f"fourways {verb}" + (f" {app}" if app else "")
        says = f"[bold]{again}[/] goes on from its newest checkpoint, and so does a server of this project"
        ERR.print(f"\nStopped{work.where}. {says} by itself; [bold]{again} --cancel[/] ends it.", soft_wrap=True)
        raise typer.Exit(130) from None


class _Work:
    """One call of a verb."""

    def __init__(self, *, folder: Path, verb: str, app: str | None, yes: bool, as_json: bool) -> None:
        self.folder, self.verb, self.app, self.yes, self.as_json = folder, verb, app, yes, as_json
        self.way = WAYS[verb]
        self.watching: Watching | None = None
        self.trials = 0

    @property
    def where(self) -> str:
        """How far it came, for people."""
        shown = self.watching.last if self.watching else {}
        return f" at step {shown['done']:,} of {shown['total']:,}" if shown.get("total") else ""

    async def run(self, work: Any) -> None:  # noqa: ANN401 - one of the methods below
        from fourways.bootstrap import open_house

        house = open_house(self.folder)
        await house.start(background=False)
        try:
            await work(house, only_app(house.project.apps, self.app))
        finally:
            await house.close()

    async def cancel(self, house: "House", app: str) -> None:
        """Cancel the job of the way, if there is one."""
        row = await asyncio.to_thread(house.builder.cancel, app, self.way)
        if self.as_json:
            print_json({"job": row.id, "state": row.state})
        else:
            ERR.print(f"Cancelled {row.id}; its program ends within a second. What it learned so far is kept.")

    async def forecast_only(self, house: "House", app: str) -> None:
        """Say what it would take."""
        self._shown(await house.builder.forecast(app, self.way))

    async def train(self, house: "House", app: str) -> None:
        """Say what it takes, ask where it is much, do it, and say what came out."""
        ahead = await house.builder.forecast(app, self.way)
        if ahead.trained is None and not self.as_json:
            tell_forecast(ahead, briefly=True)
        self._ask(ahead)
        begun = time.monotonic()
        with Watching(quiet=self.as_json) as self.watching:
            row = await house.build(app, self.way, self.watching.see)
        found = await asyncio.to_thread(house.builder.outcome, row)
        if self.as_json:
            print_json(plain(found) | {"wall_seconds": round(time.monotonic() - begun, 1)})
        else:
            tell_result(found, app, self.way, fresh=ahead.trained is None)

    async def search(self, house: "House", app: str) -> None:
        """Say what the trials may take, ask where it is much, try, and show which settings are good and which cheap."""
        ahead = await house.builder.forecast(app, self.way)
        self._ask(ahead, times=self.trials)
        with Watching(quiet=self.as_json) as self.watching:
            found = await house.builder.search(ahead.recipe, self.trials, self.watching.see)
        if self.as_json:
            print_json(found)
        else:
            tell_search(found)

    def _shown(self, ahead: "Forecast") -> None:
        if self.as_json:
            print_json(plain(ahead))
        else:
            tell_forecast(ahead)

    def _ask(self, ahead: "Forecast", *, times: int = 1) -> None:
        """Ask whether to go on, where it takes long or costs much, so many times over.

        Raises:
            InvalidRequest: nobody is there to be asked.
            Exit: it is not to go on.
        """
        minutes, usd = ahead.minutes.likely * times, ahead.usd.likely * times
        if self.yes or (ahead.trained is not None and times == 1) or not (minutes > MINUTES or usd > USD):
            return
        says = f"this takes about {minutes:,.0f} minutes and ${usd:,.2f}"
        if not sys.stdin.isatty() or self.as_json:
            raise InvalidRequest(f"{says}; --yes goes on without asking, --dry-run says why", param="yes")
        if not typer.confirm(f"{says[0].upper()}{says[1:]}. Go on?", err=True):
            raise typer.Exit(1)
