"""Charts are well-formed, keep within their frame, name what they show, and let no label cover another."""

from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.report import Estimate
from fourways.evals.rendering import charts, drawing
from fourways.evals.rendering.text import legal

SHARE = st.floats(0, 1)
AMOUNT = st.floats(1e-4, 1e6)
NAME = st.text(min_size=1, max_size=20).map(lambda name: legal(name).replace("\r", "?"))  # XML reads \r as \n


def say(value: float) -> str:
    return f"{value:.3g}"


AXES = charts.Axes(across="x", up="y", say_x=say, say_y=say)


def percents(root: Element) -> list[float]:
    """Every place across, in per cent of the width."""
    found = [node.get(name, "") for node in root.iter() for name in ("x", "x1", "x2")]
    return [float(place.removesuffix("%")) for place in found if place.endswith("%")]


def estimate(ends: tuple[float, float]) -> Estimate:
    low, high = sorted(ends)
    return Estimate(value=(low + high) / 2, low=low, high=high, n=9)


@given(st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=6), NAME)
def test_intervals_stay_within_the_frame_and_are_named(ends: list[tuple[float, float]], name: str):
    dots = [charts.Dot(estimate=estimate(one), series=series) for series, one in enumerate(ends)]
    root = fromstring(charts.intervals(name, dots, drawing.linear(0, 1), at=[0, 0.5, 1], said="in words"))
    assert all(0 <= place <= 100 for place in percents(root))
    assert (root.findtext("title"), root.findtext("desc"), root.get("role")) == (name, "in words", "img")


def test_each_series_has_its_shape_beside_its_colour():
    dots = [charts.Dot(estimate=estimate((0.1, 0.9)), series=series) for series in range(4)]
    root = fromstring(charts.intervals("t", dots, drawing.linear(0, 1), at=[]))
    assert len({path.get("d") for path in root.iter("path")}) == 4
    assert drawing.series_class(5) == "s1"


@given(st.lists(st.tuples(AMOUNT, SHARE), min_size=1, max_size=4))
def test_a_scatter_names_every_point_and_no_label_covers_another(points: list[tuple[float, float]]):
    spots = [charts.Spot(label=f"way {place}", x=x, y=y, series=place) for place, (x, y) in enumerate(points)]
    root = fromstring(charts.scatter("costs", spots, AXES))
    placed = [node for node in root.iter("text") if (node.text or "").startswith("way ")]
    assert {node.text for node in placed} == {spot.label for spot in spots}
    assert all(charts.TOP < float(node.get("y", "0")) < charts.TALL - charts.FOOT for node in placed)
    boxes = [box(node) for node in placed]
    for place, (start, end, y) in enumerate(boxes):
        for first, last, other in boxes[place + 1 :]:
            assert abs(y - other) >= drawing.LINE - 1e-6 or start >= last or first >= end


def box(node: Element) -> tuple[float, float, float]:
    """Where a label is on a phone: from, to, down."""
    at, wide = float(node.get("x", "").removesuffix("%")) / 100 * drawing.NARROW, len(node.text or "") * drawing.LETTER
    start = at - {"start": 0.0, "middle": wide / 2, "end": wide}[node.get("text-anchor", "")]
    return start, start + wide, float(node.get("y", "0"))


@given(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=2, max_size=20, unique_by=lambda point: point[0]))
def test_lines_and_their_marks_stay_within_the_frame(points: list[tuple[float, float]]):
    drawn = charts.Line(label="a", points=tuple(sorted(points)))
    mark = charts.Mark(x=points[0][0], y=points[0][1], label="here")
    root = fromstring(charts.lines("t", [drawn], [mark], AXES))
    assert "here" in {node.text for node in root.iter("text")}
    path = next(root.iter("polyline")).get("points", "")
    corners = [tuple(map(float, corner.split(","))) for corner in path.split()]
    assert all(0 <= x <= 1000 and charts.TOP <= y <= charts.TALL - charts.FOOT for x, y in corners)


def test_costs_that_hardly_differ_look_level():
    flat = charts.Line(label="a", points=((1.0, 146.0), (1e6, 147.0)))
    path = next(fromstring(charts.lines("t", [flat], [], AXES)).iter("polyline")).get("points", "")
    heights = [float(corner.split(",")[1]) for corner in path.split()]
    assert abs(heights[0] - heights[1]) < 2


def test_a_distribution_ends_at_its_largest_value_and_is_not_drawn_endlessly():
    root = fromstring(charts.steps("t", [("this", [0.001 * n for n in range(1, 5_001)])], AXES))
    corners = next(root.iter("polyline")).get("points", "").split()
    assert len(corners) == 2 * charts.DRAWN
    assert corners[-1] == f"1000.0,{charts.TOP}"


@pytest.mark.parametrize("sample", [[0.3], [0.0, 0.0], [1e-4] * 99 + [60.0]])
def test_any_sample_can_be_drawn(sample: list[float]):
    fromstring(charts.steps("t", [("this", sample)], AXES))


def test_parts_of_a_bar_add_up_to_its_width():
    rows = [charts.Bar(label="a", parts=(1.0, 3.0), said="4"), charts.Bar(label="b", parts=(2.0,), said="2")]
    root = fromstring(charts.bars("t", rows))
    assert [rect.get("width") for rect in root.iter("rect")] == ["25.00%", "75.00%", "50.00%"]
    assert root.findtext("desc") == "a: 4; b: 2"


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_within(low: float, span: float):
    found = drawing.ticks(low, low + span)
    assert len(found) <= 6
    assert all(low - span * 1e-6 <= value <= low + span * (1 + 1e-6) for value in found)


@given(st.floats(1e-6, 1e6), st.floats(1.05, 1e6))
def test_a_logarithmic_axis_has_values_on_it(low: float, factor: float):
    found = drawing.decades(low, low * factor)
    assert 1 <= len(found) <= 13
    assert all(low * 0.999 <= value <= low * factor * 1.001 for value in found)


def test_decades_are_round():
    assert drawing.decades(1e3, 1e7) == [1e3, 1e4, 1e5, 1e6, 1e7]
    assert drawing.decades(2e3, 5e4) == [3e3, 1e4, 3e4]


@pytest.mark.parametrize(("share", "heat"), [(1.0, 0), (0.95, 0), (0.9, 1), (0.8, 2), (0.6, 3), (0.1, 4)])
def test_what_held_less_is_hotter(share: float, heat: int):
    assert charts.heat(share) == heat
