"""Cost over traffic: the curve is what was said of it, no change of places is missed, nobody is beaten by chance."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourways.evals.comparing.economics import (
    HOURS_A_MONTH,
    BreakEven,
    Economy,
    Place,
    all_break_evens,
    break_evens,
    curve,
    pareto,
)


def service(usd: float = 0.002, **given: float) -> Economy:
    """A provider's model: each answer has its price, the gateway costs nothing to speak of."""
    return Economy(**{"name": "service", "usd_per_answer": usd, "machine_seconds": 0.0, "usd_per_hour": 0.0, **given})  # type: ignore[arg-type]


def own(seconds: float = 1.0, usd_per_hour: float = 1.0, **given: float) -> Economy:
    """A model of one's own: machines, and nothing else."""
    usual = {"name": "own", "usd_per_answer": 0.0, "machine_seconds": seconds, "usd_per_hour": usd_per_hour}
    return Economy(**{**usual, **given})  # type: ignore[arg-type]


def tenth(usd_per_hour: float = 1.0, **given: float) -> Economy:
    """A model of one's own of which a machine carries exactly 100,000 answers a month."""
    return own(HOURS_A_MONTH * 3600 / 100_000, usd_per_hour, utilisation=1.0, peak=1.0, **given)


# ---------------------------------------------------------------- what a month costs


def test_a_service_costs_by_the_answer_and_a_machine_by_the_month():
    assert service().monthly(50_000) == 100.0
    assert own().monthly(50_000) == HOURS_A_MONTH


def test_building_is_spread_over_the_months():
    assert service(build_usd=1200.0).monthly(0) == 100.0
    assert service(build_usd=1200.0, months=24.0).monthly(0) == 50.0


def test_a_machine_is_full_at_its_utilisation_in_the_busiest_hour():
    assert own(2.0).capacity == pytest.approx(HOURS_A_MONTH * 3600 / 2 * 0.7 / 3)
    assert [tenth().machines(traffic) for traffic in (0, 100_000, 100_001, 200_000, 250_000)] == [1, 1, 2, 2, 3]


def test_what_takes_no_machine_time_never_needs_a_second_machine():
    assert math.isinf(service().capacity)
    assert service().machines(1e12) == 1


def test_a_thousand_answers_cost_price_and_machine_time():
    both = Economy(name="both", usd_per_answer=0.001, machine_seconds=3.6, usd_per_hour=2.0)
    assert both.usd_per_thousand == pytest.approx(1.0 + 2.0)


def test_an_unknown_price_is_never_taken_for_nothing():
    unknown = Economy(name="unknown", usd_per_answer=None, machine_seconds=0.0, usd_per_hour=0.2)
    assert (unknown.monthly(1000), unknown.usd_per_thousand, unknown.priced) == (None, None, False)
    with pytest.raises(ValueError, match="unknown costs is not known"):
        curve(unknown, 1, 10)
    assert all_break_evens([unknown, service()], 1, 10) == ()


# ---------------------------------------------------------------- where two change places


def test_cheap_to_start_and_dear_under_load_cross_once():
    """730 $ a month for one machine that carries 2,044,000 answers / 1 s; 0.002 $ an answer: 365,000 answers."""
    assert break_evens(service(), own(0.3), 100, 1e6) == (
        BreakEven(traffic=365_000.0, usd=730.0, below="service", above="own"),
    )


def test_steps_make_two_ways_change_places_again_and_again():
    """0.008 $ an answer against 730 $ a machine of 100,000 answers.

    The service is dearer from 91,250 on, until a second machine is needed; and so on, until at 1,003,750 it has
    fallen behind by more than a machine.
    """
    found = break_evens(service(0.008), tenth(), 1000, 1e7)
    assert [(one.traffic, one.above) for one in found[:4]] == [
        (91_250.0, "own"),
        (100_000.0, "service"),
        (182_500.0, "own"),
        (200_000.0, "service"),
    ]
    assert (found[-1].traffic, found[-1].above) == (1_003_750.0, "own")
    assert len(found) == 21


def test_the_cost_at_a_break_even_is_what_the_cheaper_one_costs_from_there_on():
    first, second = break_evens(service(0.008), tenth(), 1000, 150_000)
    assert (first.usd, second.usd) == (730.0, 800.0)


def test_equal_ways_never_change_places():
    assert break_evens(service(name="a"), service(name="b"), 1, 1e9) == ()  # type: ignore[arg-type]


def test_ways_that_only_touch_do_not_change_places():
    """0.0078125 $ an answer is exactly what a full machine costs (570.3125 $ for 73,000 answers), and less below."""
    touching = own(36.0, 0.78125, utilisation=1.0, peak=1.0)
    assert touching.monthly(73_000) == service(0.0078125).monthly(73_000) == 570.3125
    assert break_evens(service(0.0078125), touching, 1000, 450_000) == ()


def test_the_range_must_be_one():
    for low, high in ((0, 1), (5, 5), (7, 3)):
        with pytest.raises(ValueError, match="no range of traffic"):
            break_evens(service(), own(), low, high)


economies = st.builds(
    Economy,
    name=st.sampled_from(["a"]),
    usd_per_answer=st.sampled_from([0.0, 0.0003, 0.002, 0.01, 0.05]),
    machine_seconds=st.sampled_from([0.0, 0.05, 1.0, 7.3, 40.0]),
    usd_per_hour=st.sampled_from([0.0, 0.2, 1.0, 4.0]),
    build_usd=st.sampled_from([0.0, 500.0, 20_000.0]),
    standing=st.integers(0, 3),
)


@settings(max_examples=60)
@given(economies, economies)
def test_between_two_break_evens_one_way_is_cheaper_and_at_each_it_is_the_other(first: Economy, second: Economy):
    low, high = 100.0, 1e6
    second = replace(second, name="b")
    found = break_evens(first, second, low, high)
    assert all(before.above == after.below for before, after in pairwise(found))
    edges = [low, *(each.traffic for each in found), high]
    named = [*(each.below for each in found), *(each.above for each in found[-1:])]
    for place, (begin, end) in enumerate(pairwise(edges)):
        if end - begin < 1e-6 * end:  # a step that falls on a crossing, but for rounding: nothing lies between the two
            continue
        seen = set(filter(None, (cheaper(first, second, begin + (end - begin) * part / 30) for part in range(1, 30))))
        assert len(seen) <= 1
        assert not named or seen <= {named[place]}


def cheaper(first: Economy, second: Economy, traffic: float) -> str | None:
    """Return who costs less at a traffic; None where rounding could not tell."""
    one, other = first.monthly(traffic), second.monthly(traffic)
    assert one is not None
    assert other is not None
    return None if math.isclose(one, other) else first.name if one < other else second.name


@given(economies)
def test_a_curve_passes_through_what_a_month_costs_and_never_falls(economy: Economy):
    points = curve(economy, 100.0, 2e6).points
    assert points[0].traffic == 100.0
    assert points[-1].traffic == 2e6
    assert all(before.usd <= after.usd * (1 + 1e-12) for before, after in pairwise(points))
    assert all(point.usd == pytest.approx(economy.monthly(point.traffic)) for point in points[:1])


def test_a_step_of_a_curve_is_two_points_at_one_traffic():
    points = curve(tenth(), 50_000, 250_000).points
    assert [(point.traffic, point.usd) for point in points if point.traffic in {100_000, 200_000}] == [
        (100_000.0, 730.0),
        (100_000.0, 1460.0),
        (200_000.0, 1460.0),
        (200_000.0, 2190.0),
    ]


# ---------------------------------------------------------------- all round


def test_the_front_is_what_nothing_beats_all_round():
    good = Place(name="good", quality=0.9, usd=5.0, seconds=2.0)
    cheap = Place(name="cheap", quality=0.5, usd=1.0, seconds=1.0)
    worse = Place(name="worse", quality=0.5, usd=5.0, seconds=2.0)
    found = {place.name: place.beaten_by for place in pareto([good, cheap, worse])}
    assert found == {"good": (), "cheap": (), "worse": ("good", "cheap")}


def test_equals_do_not_beat_each_other_and_an_unknown_price_beats_nobody():
    one = Place(name="one", quality=0.5, usd=1.0, seconds=1.0)
    other = Place(name="other", quality=0.5, usd=1.0, seconds=1.0)
    unknown = Place(name="unknown", quality=0.9, usd=None, seconds=0.1)
    assert all(place.on_front for place in pareto([one, other, unknown]))


places = st.lists(
    st.builds(
        Place,
        name=st.uuids().map(str),
        quality=st.sampled_from([0.1, 0.5, 0.9]),
        usd=st.sampled_from([1.0, 2.0, 3.0]),
        seconds=st.sampled_from([0.1, 1.0, 9.0]),
    ),
    min_size=1,
    max_size=8,
)


@given(places)
def test_somebody_is_on_the_front_and_whoever_is_not_is_beaten_by_somebody_on_it(given: list[Place]):
    found = pareto(given)
    front = {place.name for place in found if place.on_front}
    assert front
    assert all(front & set(place.beaten_by) for place in found if not place.on_front)
