"""What disturbances did, as tables: each with its interval, ways side by side by how much held, and the worst cases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourways.core.report import Estimate
from fourways.evals.perturbations import PERTURBATIONS
from fourways.evals.rendering.charts import heat
from fourways.evals.rendering.tables import Entry, Head, Table, percent, spanned, table

SHOWN_EXAMPLES = 12
HELD = "held"


def robustness(found: Mapping[str, Any]) -> Table | None:
    """Return one candidate's disturbances (`Report.robustness`), the worst first; None where there are none."""
    effects = sorted(found.get("effects", ()), key=lambda effect: float(effect["invariance"]["value"]))
    entries = [
        Entry(
            name=effect["name"],
            line=_line(effect),
            estimates=(_estimate(effect),),
            say=percent,
            last=lost(effect["drop"]),
        )
        for effect in effects
    ]
    return table([Head(name=HELD)], entries, cases=found["cases"], last="score lost") if entries else None


def lost(drop: Mapping[str, Any] | None) -> str:
    """Say how much of the score was lost, "" where nothing was scored."""
    return f"{drop['value']:+.2f} ({drop['low']:+.2f} to {drop['high']:+.2f})" if drop is not None else ""


def _line(effect: Mapping[str, Any]) -> str:
    known = PERTURBATIONS.get(effect["name"])
    line = known.line if known is not None else ""
    return line if effect["holds"] == "same answer" else f"{line}; held where it was not obeyed"


def _estimate(effect: Mapping[str, Any]) -> Estimate:
    one = effect["invariance"]
    return Estimate(value=one["value"], low=one["low"], high=one["high"], n=effect["n"])


# ---------------------------------------------------------------- side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """How much held under one disturbance of one way; `heat` from 0, hardly anything lost, to 4."""

    figure: str
    note: str
    heat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One disturbance, a cell for each way; None where that way was not disturbed so."""

    name: str
    line: str
    cells: tuple[HeatCell | None, ...]


def heat_table(found: Sequence[Mapping[str, Any]]) -> list[HeatRow]:
    """Return the disturbances of several ways side by side, a mapping (`Report.robustness`) for each way."""
    by_way = [{effect["name"]: effect for effect in one.get("effects", ())} for one in found]
    known = {name: effect for effects in by_way for name, effect in effects.items()}
    return [
        HeatRow(name=name, line=_line(effect), cells=tuple(_cell(effects.get(name)) for effects in by_way))
        for name, effect in known.items()
    ]


def _cell(effect: Mapping[str, Any] | None) -> HeatCell | None:
    if effect is None:
        return None
    one = _estimate(effect)
    note = f"{spanned(percent(one.low), percent(one.high))}, of {one.n}"
    return HeatCell(figure=percent(one.value), note=note, heat=heat(one.value))


# ---------------------------------------------------------------- where it did not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallen:
    """A case that did not hold under a disturbance."""

    name: str
    case: str
    disturbed: str
    before: str
    after: str


def fallen(found: Mapping[str, Any]) -> list[Fallen]:
    """Return the worst cases, of each disturbance in turn."""
    return list(_fallen(found))[:SHOWN_EXAMPLES]


def _fallen(found: Mapping[str, Any]) -> Iterator[Fallen]:
    worst = {effect["name"]: effect.get("worst", ()) for effect in found.get("effects", ())}
    for place in range(max(map(len, worst.values()), default=0)):
        for name, examples in worst.items():
            for one in examples[place : place + 1]:
                yield Fallen(
                    name=name, case=one["case"], disturbed=one["disturbed"], before=one["before"], after=one["after"]
                )
