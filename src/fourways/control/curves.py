"""A training's step reports as a job's progress: loss, its curve in few points, speed, how long it will still take."""

from collections.abc import Mapping
from typing import Any

from fourways.control.worker import Note

POINTS = 60
"""Of a curve, as it is kept with the job; `steps.jsonl` has them all."""
SHOWN = ("stage", "loss", "lr", "tokens", "tokens_per_second", "valid_loss", "general", "peak")


class Curves:
    """Folds reports into one progress, told at each of them.

    Args:
        note: takes the job's progress.
    """

    def __init__(self, note: Note) -> None:
        self._note = note
        self._losses: list[tuple[int, float]] = []
        self._valid: list[tuple[int, float]] = []
        self._first: Mapping[str, Any] | None = None
        self.shown: dict[str, Any] = {}

    def report(self, report: Mapping[str, Any]) -> None:
        """Take one report; one of a step before the last means that it went back to a checkpoint."""
        step, of = int(report.get("step", 0)), int(report.get("of", 0))
        if report.get("stage") != self.shown.get("stage") or (self._losses and step < self._losses[-1][0]):
            self._first = report
            stage_changed = report.get("stage") != self.shown.get("stage")
            for curve in (self._losses, self._valid):
                curve[:] = [] if stage_changed else [point for point in curve if point[0] < step]
        for name, curve in (("loss", self._losses), ("valid_loss", self._valid)):
            if isinstance(report.get(name), int | float):
                curve.append((step, round(float(report[name]), 4)))
        told = {name: report[name] for name in SHOWN if report.get(name) is not None}
        self.shown = {
            **{key: value for key, value in self.shown.items() if key in {"valid_loss", "general"}},
            **told,
            "done": step,
            "total": of,
            "what": _words(report),
            "eta": self._eta(report, step, of),
            "curve": thinned(self._losses),
            "valid_curve": thinned(self._valid),
        }
        self._note(self.shown)

    def _eta(self, report: Mapping[str, Any], step: int, of: int) -> float | None:
        """Return the seconds that the stage will still take, at the pace since this process began to look."""
        first = self._first or report
        steps, seconds = step - int(first.get("step", 0)), float(report.get("at", 0)) - float(first.get("at", 0))
        return round((of - step) * seconds / steps, 1) if steps > 0 and seconds > 0 else None


def thinned(points: list[tuple[int, float]], most: int = POINTS) -> list[list[float]]:
    """Return at most so many of a curve's points, evenly, the last among them."""
    if len(points) <= most:
        return [list(point) for point in points]
    stride = (len(points) - 1) / (most - 1)
    return [list(points[round(number * stride)]) for number in range(most)]


def _words(report: Mapping[str, Any]) -> str:
    loss, rate = report.get("loss"), report.get("tokens_per_second")
    said = [f"loss {loss:.3f}"] if isinstance(loss, int | float) else []
    said += [f"{rate:,.0f} tokens/s"] if isinstance(rate, int | float) else []
    return ", ".join(said)
