"""How a training shows in the terminal: what it will take, a curve that falls while it runs, what came out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fourways.cli.terminal import ERR, OUT, table

if TYPE_CHECKING:
    from fourways.builder import Outcome
    from fourways.control.forecasting import Forecast
    from fourways.control.searching import Searched

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40
"""Characters of a curve."""
MINUTE = 60
STAGES = {
    "rows": "rows",
    "sft": "tuning",
    "dpo": "preferences",
    "kto": "thumbs",
    "distill": "distilling",
    "pretrain": "pretraining",
    "instruct": "instructions",
    "prefer": "preferences",
    "keep": "keeping",
    "search": "searching",
}
"""What a stage is called."""
SETTLED = ("base", "method", "parameters", "steps", "tokens", "tokens in all", "learning_rate", "batch")
"""Settings that are told where there is no room for all."""


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Draw a curve in characters: each the mean of its stretch, from the lowest to the highest."""
    if not values:
        return ""
    cut = min(width, len(values))
    edges = [round(number * len(values) / cut) for number in range(cut + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(edges)]
    floor, span = min(means), (max(means) - min(means)) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int((value - floor) / span * len(BARS)))] for value in means)


# ---------------------------------------------------------------- while it runs


class Watching:
    """Shows a job's progress until the block ends; where nobody watches, a line now and then.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.last: Mapping[str, Any] = {}
        self._quiet = quiet
        self._live = Live(console=ERR, refresh_per_second=5, transient=False)
        self._begun = time.monotonic()
        self._told = 0.0

    def __enter__(self) -> Self:
        if not self._quiet and ERR.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live.is_started:
            self._live.stop()

    def see(self, progress: Mapping[str, Any]) -> None:
        """Show a job's progress."""
        if not progress:
            return
        self.last = progress
        if self._live.is_started:
            self._live.update(_shown(progress, time.monotonic() - self._begun))
        elif not self._quiet and time.monotonic() - self._told > MINUTE / 6:
            self._told = time.monotonic()
            ERR.print(_line(progress), markup=False, soft_wrap=True)


def _shown(progress: Mapping[str, Any], elapsed: float) -> Group:
    done, total = progress.get("done", 0), progress.get("total", 0)
    stage = str(progress.get("stage", ""))
    head = Table.grid(padding=(0, 1))
    count = f"{done:,}/{total:,}" if total else ""
    left = progress.get("eta")
    timing = clock(elapsed) + (f", {clock(left)} left" if left else "")
    head.add_row(
        Spinner("dots"),
        f"{STAGES.get(stage, stage):<12}",
        ProgressBar(total=total or 1, completed=done, width=28, pulse=not total),
        count,
        Text(timing, style="dim"),
    )
    lines: list[Any] = [head]
    curve, watched = ([value for _, value in progress.get(name, ())] for name in ("curve", "valid_curve"))
    if curve:
        lines.append(_curve("loss", curve, "cyan", _speed(progress)))
    if watched:
        lines.append(_curve("valid", watched, "green", f"best {min(watched):.3f}"))
    if not curve:
        lines.append(Text(f"  {progress.get('what', '')}", style="dim"))
    return Group(*lines)


def _curve(name: str, values: Sequence[float], colour: str, more: str) -> Text:
    figure = (f"{values[-1]:6.3f}  ", "bold")
    return Text.assemble(f"  {name:<6}", figure, (f"{sparkline(values):<{WIDTH}}", colour), (f"  {more}", "dim"))


def _speed(progress: Mapping[str, Any]) -> str:
    rate, tokens = progress.get("tokens_per_second"), progress.get("tokens")
    said = [f"{rate:,.0f} tokens/s"] if rate else []
    said += [f"{tokens:,} tokens"] if tokens else []
    return " · ".join(said)


def _line(progress: Mapping[str, Any]) -> str:
    stage, done, total = progress.get("stage", ""), progress.get("done", 0), progress.get("total", 0)
    valid = f", valid {progress['valid_loss']:.3f}" if progress.get("valid_loss") is not None else ""
    left = f", {clock(progress['eta'])} left" if progress.get("eta") else ""
    return f"{STAGES.get(stage, stage)} {done:,}/{total:,} {progress.get('what', '')}{valid}{left}"


def clock(seconds: float) -> str:
    """Say a duration as a clock does: 0:45, 12:03, 1:02:03."""
    minutes, rest = divmod(round(seconds), MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# ---------------------------------------------------------------- before and after


def tell_forecast(ahead: "Forecast", *, briefly: bool = False) -> None:
    """Say what a training would take: every value that follows, or those that matter first."""
    console = ERR if briefly else OUT
    learned = ", ".join(f"{one.name} ({one.role})" for one in ahead.recipe.ingredients)
    console.print(f"[bold]{ahead.app}:{ahead.way}[/] learns from {escape(learned)}: {ahead.rows:,} rows, "
                  f"{ahead.characters:,} characters", soft_wrap=True)  # fmt: skip
    if ahead.trained is not None:
        console.print(f"[green]✓[/] trained already: weights {ahead.trained.digest[:12]}", soft_wrap=True)
    if briefly:
        told = [f"{name} {value}" for name, value, _ in ahead.settings if name in SETTLED]
        console.print(f"  {' · '.join(told)}", style="dim", soft_wrap=True)
    else:
        console.print(table("", ("", "value", "by"), ahead.settings, right=("value",)))
    low, likely, high = (getattr(ahead.minutes, end) for end in ("low", "likely", "high"))
    between = f"[dim]({low:,.1f} to {high:,.1f}; {escape(ahead.minutes.source)})[/]"
    console.print(f"  about [bold]{likely:,.1f} minutes[/], ${ahead.usd.likely:,.2f} {between}", soft_wrap=True)
    if not briefly:
        if ahead.begun:
            console.print("  It was begun and goes on from its newest checkpoint.")
        console.print("[dim]Nothing was trained. On other hardware: `fourways plan`.[/]")


def tell_result(found: "Outcome", app: str, way: str, *, fresh: bool) -> None:
    """Say what came out: loss before and after, the card, what next."""
    result = found.figures
    loss = result.get("loss") or {}
    took = f"in {clock(result['seconds'])}, {result.get('steps', 0):,} steps" if result.get("seconds") else ""
    trained = "is trained" if fresh else "was trained before"
    OUT.print(f"[green]✓[/] [bold]{app}:{way}[/] {trained} {took}", soft_wrap=True)
    if loss.get("valid_first") is not None:
        before, after = loss["valid_first"], loss["valid_best"]
        OUT.print(f"  loss on rows it never learned from: {before:.3f} before, [bold]{after:.3f}[/] after")
    elif loss.get("first") is not None:
        OUT.print(f"  loss on what it learns: {loss['first']:.3f} at first, [bold]{loss['last']:.3f}[/] at last")
    general = result.get("general") or {}
    if general:
        before, after = general["before"], general["after"]
        OUT.print(f"  loss on general cases: {before:.3f} before, [bold]{after:.3f}[/] after")
    if result.get("stopped") == "early":
        OUT.print("  [dim]It stopped early: the loss on rows it never learned from had ceased to fall.[/]")
    OUT.print(f"  weights  {found.weights[:12]}   candidate  {found.candidate[:12]}")
    OUT.print(f"  card     {escape(found.card)}", soft_wrap=True)
    verbs = (f"chat {app}:{way}", f"eval {app}:{way}", f"compare {app}", f"release create {app} --way {way}")
    OUT.print(f"Next: {' · '.join(f'[bold]fourways {verb}[/]' for verb in verbs)}", soft_wrap=True)


def tell_search(found: "Searched") -> None:
    """Say what a search found: the trials of which no other is both better and cheaper first."""
    keys = [key for key in ("learning_rate", "micro_batch_size", "lora_r") if key in found.trials[0].settings]
    rows = [
        (
            "[green]●[/]" if one.best else "",
            *(f"{one.settings[key]:g}" for key in keys),
            "–" if one.valid_loss is None else f"{one.valid_loss:.3f}",
            f"{one.cpu_seconds:,.1f}",
            f"[dim]given up at {one.share:.0%}[/]" if one.given_up else "",
        )
        for one in found.trials
    ]
    OUT.print(table("", ("", *keys, "loss", "CPU-seconds", ""), rows, right=(*keys, "loss", "CPU-seconds")))
    OUT.print("[green]●[/] no other trial is both better and cheaper; the loss is on rows it never learned from.")
    best = ", ".join(f"{key}: {found.trials[0].settings[key]:g}" for key in keys)
    OUT.print(f"To take the best: write [bold]{best}[/] under the way, then [bold]fourways tune[/].", soft_wrap=True)


def plain(value: Any) -> Any:  # noqa: ANN401 - a dataclass of any kind
    """Return a dataclass as JSON, the recipe by its digest."""
    body = {name: getattr(value, name) for name in value.__dataclass_fields__}
    if "recipe" in body and is_dataclass(body["recipe"]):
        body["recipe"] = value.recipe.digest
    return {name: asdict(one) if is_dataclass(one) and not isinstance(one, type) else one for name, one in body.items()}
