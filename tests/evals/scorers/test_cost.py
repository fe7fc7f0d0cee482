"""What an answer took."""

from tests.evals.scorers.marks import mark, value

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Tools

TOOK = Answered(text="so", seconds=2.5, first_token=0.4, input_tokens=100, output_tokens=20, cost_usd=0.003)


def test_figures_are_read_off_the_answer():
    assert value("latency", TOOK) == 2.5
    assert value("first_token", TOOK) == 0.4
    assert value("tokens", TOOK) == 120
    assert value("output_tokens", TOOK) == 20
    assert value("cost", TOOK) == 0.003


def test_what_is_not_known_is_not_nothing():
    assert mark("cost", Answered(text="so")).reason == "no price is known for the model"
    assert mark("cost", Answered(text="so")).value is None
    assert mark("first_token", Answered(text="so")).value is None


async def test_they_pass_only_where_a_bound_is_asserted_and_up_to_it():
    case = Case(id="one", messages=({"role": "user", "content": "?"},))
    row = SCORERS["latency"]
    free = await row.score(case, [TOOK], Assertion(type="latency"), Tools())
    kept = await row.score(case, [TOOK], Assertion(type="latency", threshold=2.5), Tools())
    missed = await row.score(case, [TOOK], Assertion(type="latency", threshold=2.0), Tools())
    assert (free.passed, kept.passed, missed.passed) == (None, True, False)
    assert {SCORERS[name].unit for name in ("latency", "first_token")} == {"s"}
    assert SCORERS["cost"].unit == "USD"
