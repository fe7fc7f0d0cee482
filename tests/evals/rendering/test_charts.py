"""Charts are well-formed, keep within their frame, and say their values in words."""

import re
from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from fourways.core.report import Estimate
from fourways.evals.rendering import charts

SHARE = st.floats(0, 1)
AMOUNT = st.floats(1e-4, 1e6)


def say(value: float) -> str:
    return f"{value:.3g}"


def estimate(low: float, high: float) -> Estimate:
    return Estimate(value=(low + high) / 2, low=min(low, high), high=max(low, high), n=9)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), SHARE, SHARE), min_size=1, max_size=6))
def test_intervals_stay_within_the_frame(rows: list[tuple[str, float, float]]):
    drawn = charts.intervals(
        "<t>",
        [charts.Row(label=name, dots=(charts.Dot(estimate=estimate(a, b)),)) for name, a, b in _legal(rows)],
        say=say,
    )
    root = fromstring(drawn)
    places = [float(circle.get("cx", "nan")) for circle in root.iter("circle")]
    assert all(charts.LEFT <= place <= charts.WIDE - charts.RIGHT for place in places)
    assert root.findtext("title") == "<t>"


def _legal(rows: list[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    return [(re.sub(r"[^\w ]", "?", name, flags=re.ASCII), a, b) for name, a, b in rows]


@given(st.lists(st.tuples(AMOUNT, SHARE), min_size=2, max_size=5))
def test_a_scatter_names_every_point(points: list[tuple[float, float]]):
    spots = [charts.Spot(label=f"way {place}", x=x, y=y) for place, (x, y) in enumerate(points)]
    drawn = charts.scatter("costs", spots, across="usd", up="quality", say_x=say, say_y=say)
    labels = {node.text for node in fromstring(drawn).iter("text")}
    assert {spot.label for spot in spots} <= labels


def test_labels_of_points_that_lie_together_do_not_cover_each_other():
    spots = [charts.Spot(label="one and the same", x=1.0, y=0.5), charts.Spot(label="the other one", x=1.0, y=0.5)]
    drawn = fromstring(charts.scatter("t", spots, across="x", up="y", say_x=say, say_y=say))
    heights = [float(node.get("y", "0")) for node in drawn.iter("text") if node.text in {s.label for s in spots}]
    assert abs(heights[0] - heights[1]) >= 14


@given(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=2, max_size=20))
def test_lines_are_drawn_on_logarithmic_axes(points: list[tuple[float, float]]):
    drawn = charts.lines(
        "t",
        [charts.Line(label="a", points=tuple(sorted(points)))],
        [charts.Mark(x=points[0][0], y=points[0][1], label="here")],
        across="x",
        up="y",
        say_x=say,
        say_y=say,
    )
    fromstring(drawn)


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within(low: float, span: float):
    found = charts.ticks(low, low + span)
    assert len(found) <= 7
    assert all(low - span * 1e-6 <= value <= low + span * (1 + 1e-6) for value in found)
