"""Ranges with sources, and counts as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.errors import InvalidRequest
from fourways.training.planning.figures import Figure, read_count, read_figure

POSITIVE = st.floats(1e-6, 1e12)
FIGURES = st.lists(POSITIVE, min_size=3, max_size=3).map(
    lambda three: Figure(**dict(zip(("low", "likely", "high"), sorted(three), strict=True)), source="drawn")
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("65B", 65e9),
        ("65 b", 65e9),
        ("1.4T", 1.4e12),
        ("700B", 700e9),
        ("20M", 20e6),
        ("50k", 50e3),
        ("1,022,362", 1_022_362),
        ("1_022_362", 1_022_362),
        ("3e9", 3e9),
        ("7G", 7e9),
    ],
)
def test_counts_are_read_as_people_write_them(text, count):
    assert read_count(text, "tokens") == pytest.approx(count, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "B", "8BB", "many", "-8B", "0", "8 billion", "8B tokens", "1e999", "1.4.4T", "nan"]
)
def test_nonsense_is_refused_with_what_would_be_right(text):
    with pytest.raises(InvalidRequest, match="right would be a count such as 65B") as caught:
        read_count(text, "tokens")
    assert caught.value.param == "tokens"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("4", 4, 4), ("$2.50", 2.5, 2.5), ("40%", 0.4, 0.4), (".4", 0.4, 0.4), ("2-4", 2, 4), ("30%–50%", 0.3, 0.5),
     ("2 .. 4", 2, 4)],
)  # fmt: skip
def test_numbers_percentages_and_ranges_are_read(text, low, high):
    figure = read_figure(text, "price")
    assert (figure.low, figure.high, figure.source) == (low, high, "given")
    assert figure.likely == pytest.approx((low + high) / 2)


@pytest.mark.parametrize("text", ["", "cheap", "-4", "0", "4-2", "2-", "2-3-4", "4 dollars"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InvalidRequest, match="right would be"):
        read_figure(text, "price")


@pytest.mark.parametrize("three", [(2, 1, 3), (1, 4, 3), (0, 1, float("inf")), (float("nan"), 1, 2)])
def test_a_range_is_in_order_and_finite(three):
    with pytest.raises(InvalidRequest):
        Figure(low=three[0], likely=three[1], high=three[2], source="")


@given(FIGURES, FIGURES)
def test_products_and_quotients_hold_every_product_and_quotient(a, b):
    product, quotient = a.times(b, ""), a.over(b, "")
    for x in (a.low, a.likely, a.high):
        for y in (b.low, b.likely, b.high):
            assert product.low <= x * y <= product.high
            assert quotient.low <= x / y <= quotient.high
