"""What an answer costs: the project's price, then the table's; local models nothing; unknown is unknown."""

import threading

import pytest

from fourways.config.tree import Price
from fourways.core.trace import Usage
from fourways.models.dialects import DIALECTS
from fourways.models.prices import Prices, by_price, load_table

USED = Usage(input_tokens=1000, output_tokens=100, cached_tokens=400, reasoning_tokens=60)


def table(provider, model, usage):
    return {("openai", "m"): 1.5}.get((provider, model))


def loaded(**settings):
    prices = Prices(load=lambda: table)
    cost = prices.cost(**{"provider": "openai", "model": "m", "prices": {}, "local": False, **settings})
    prices.wait()
    return cost(USED)


def test_cached_tokens_have_their_own_price_and_thinking_costs_as_output():
    cost = by_price(Price(input=10, output=100, cached_input=1))
    assert cost(USED) == pytest.approx((600 * 10 + 400 * 1 + 100 * 100) / 1e6)


def test_without_a_price_for_cached_tokens_they_cost_as_input():
    assert by_price(Price(input=10, output=0))(USED) == pytest.approx(0.01)


def test_the_projects_price_goes_before_the_table_and_before_being_local():
    own = {"m": Price(input=1, output=0)}
    assert loaded(prices=own) == loaded(prices=own, local=True) == pytest.approx(0.001)


def test_the_table_knows_what_the_project_does_not():
    assert loaded() == 1.5


def test_local_models_cost_nothing():
    assert loaded(local=True) == 0.0


@pytest.mark.parametrize("unknown", [{"model": "other"}, {"provider": ""}])
def test_unknown_is_unknown(unknown):
    assert loaded(**unknown) is None


def test_nobody_waits_for_the_table():
    gate = threading.Event()

    def load():
        gate.wait(10)
        return table

    prices = Prices(load=load)
    cost = prices.cost(provider="openai", model="m", prices={}, local=False)
    assert cost(USED) is None
    gate.set()
    prices.wait()
    assert cost(USED) == 1.5


def test_the_table_is_not_loaded_for_models_that_do_without():
    loads: list[str] = []

    def load():
        loads.append("loaded")
        return table

    prices = Prices(load=load)
    prices.cost(provider="", model="m", prices={}, local=True)
    prices.cost(provider="", model="m", prices={}, local=False)
    prices.cost(provider="openai", model="m", prices={"m": Price(input=1, output=1)}, local=False)
    assert "prices" not in {thread.name for thread in threading.enumerate()}
    assert loads == []


@pytest.mark.slow
def test_the_real_table_prices_the_models_that_are_chosen_unasked():
    look_up = load_table()
    for dialect in DIALECTS.values():
        if dialect.default_model and dialect.prices not in {"", "openrouter"}:
            assert look_up(dialect.prices, dialect.default_model, USED), dialect.name
    assert look_up("openai", "no-such-model", USED) is None
    assert look_up("no-such-provider", "m", USED) is None
