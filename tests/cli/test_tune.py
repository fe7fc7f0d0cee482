"""How a training shows: curves in characters, clocks, and what a forecast says before anything begins."""

import pytest

from fourways.cli.tune_shown import clock, sparkline


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([2.0, 2.0], "▁▁"),
        ([8, 7, 6, 5, 4, 3, 2, 1], "█▇▆▅▄▃▂▁"),
        ([4, 4, 1, 1], "██▁▁"),
    ],
)
def test_a_curve_is_drawn_from_its_lowest_to_its_highest(values, drawn):
    assert sparkline(values) == drawn


def test_a_long_curve_is_drawn_in_as_many_characters_as_there_are():
    assert len(sparkline([float(number) for number in range(1000)], 40)) == 40
    assert sparkline([0.0] * 500 + [9.0] * 500, 4) == "▁▁██"


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (45.4, "0:45"), (723, "12:03"), (3723, "1:02:03")])
def test_durations_are_said_as_a_clock_does(seconds, said):
    assert clock(seconds) == said
