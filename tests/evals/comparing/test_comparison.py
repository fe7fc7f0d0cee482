"""A comparison says what was measured, pair by pair, and no more than that."""

import math
from dataclasses import replace

import pytest

from fourways.config.testing import Facts
from fourways.core.report import Answered, CaseResult, Direction, Estimate, Measure, Report, Score
from fourways.core.traits import Receiver, Trait, Traits
from fourways.evals.comparing.comparison import Build, Comparison, Step, Timing, decode, encode, group_of
from fourways.evals.comparing.composing import Evidence, Setting, compose
from fourways.evals.comparing.pairs import Sample, Versus, versus
from fourways.evals.comparing.remarks import STAND_INS
from fourways.evals.comparing.timing import Clocked
from fourways.evals.statistics import wilson

STARTED = 1_700_000_000.0
HERE = Receiver(name="extractive", does="answers", sees="questions", place="this machine")
SERVER = Receiver(name="vllm/own", does="answers", sees="questions", place="this machine", address="http://127.0.0.1:1")


def traits(way: str, receiver: Receiver = HERE) -> Traits:
    words = dict.fromkeys(("freshness", "erasure", "people", "hardware", "memory"), Trait(says="So."))
    return Traits(way=way, receivers=(receiver,), fresh="edit", erased="text", **words)


def report(way: str, passed: list[bool], *, cost: float | None = 0.0, reused: bool = False, error: str = "") -> Report:
    results = tuple(
        CaseResult(
            id=f"case-{number}",
            input=f"question {number}",
            expected="yes",
            answers=(Answered(text="yes" if held else "no", seconds=0.1, cost_usd=cost, error=error),),
            scores=(Score(metric="exact", value=float(held), passed=held),),
            reused=reused,
        )
        for number, held in enumerate(passed)
    )
    share = sum(passed) / len(passed)
    measures = (
        Measure(metric="passed", estimate=wilson(sum(passed), len(passed))),
        Measure(metric="latency", estimate=Estimate(value=0.1, low=0.1, high=0.1, n=len(passed)), unit="s"),
        Measure(metric="exact", estimate=Estimate(value=share, low=share - 0.1, high=share + 0.1, n=len(passed))),
    )
    return Report(
        app="a", way=way, candidate=way * 8, model=f"a:{way}", suite="a", suite_digest="5u17e", results=results,
        measures=measures, started_at=STARTED, seconds=2.0, at_once=4,
    )  # fmt: skip


def clocked(seconds: float, *, busy: float | None = 0.02, count: int = 25, failed: int = 0) -> list[Clocked]:
    return [
        Clocked(case=f"case-{number}", seconds=seconds + number / 1e4, first_token=seconds / 2, busy=busy,
                failed=number < failed)
        for number in range(count)
    ]  # fmt: skip


def evidence(way: str, passed: list[bool], seconds: float = 0.1, **given) -> Evidence:
    kind = {name: given.pop(name) for name in ("cost", "reused", "error") if name in given}
    return Evidence(
        way=way,
        model="extractive",
        traits=traits(way, given.pop("receiver", HERE)),
        build=Build(steps=(Step(name=f"build {way}", seconds=2.0),), usd=given.pop("usd", 0.25)),
        report=report(way, passed, **kind),
        clocked=given.pop("clocked", clocked(seconds)),
    )


def composed(*found: Evidence, facts: Facts | None = None, primary: str = "passed") -> Comparison:
    setting = Setting(
        app="a",
        description="An app.",
        primary=primary,
        facts=facts or Facts(),
        cores=2,
        phases=(Step(name="build", seconds=2.0), Step(name="evaluate", seconds=5.0)),
        started_at=STARTED,
    )
    return compose(found, setting)


def timing(comparison: Comparison, way: str) -> Timing:
    found = comparison.arm(way).timing
    assert found is not None
    return found


POOR, GOOD = [number < 10 for number in range(60)], [number >= 6 for number in range(60)]


@pytest.fixture
def comparison() -> Comparison:
    return composed(evidence("rag", GOOD, 0.3), evidence("prompt", POOR, 0.1), facts=Facts(requests_per_month=50_000))


def test_the_arms_stand_along_the_ladder_whatever_order_they_came_in(comparison):
    assert [arm.way for arm in comparison.arms] == ["prompt", "rag"]


def test_the_primary_metric_comes_first(comparison):
    assert comparison.metrics == ("passed", "exact")
    found = composed(evidence("prompt", POOR), evidence("rag", GOOD), primary="exact")
    assert found.metrics == ("exact", "passed")


def test_a_way_without_the_primary_metric_is_not_recommended_and_it_says_why():
    found = composed(evidence("prompt", POOR), primary="bleu")
    assert found.advice.recommended is None
    assert any(note.startswith("prompt: bleu was not measured") for note in found.notes)


def test_a_way_without_the_primary_metric_does_not_turn_it_round_for_the_others():
    def words(way: str, mean: float) -> Evidence:
        found = evidence(way, GOOD)
        kept = Measure(metric="words", direction="lower", estimate=Estimate(value=mean, low=mean, high=mean, n=60))
        scores = (Score(metric="words", value=mean, passed=True),)
        results = tuple(replace(result, scores=scores) for result in found.report.results)
        return replace(found, report=replace(found.report, measures=(kept,), results=results))

    found = composed(evidence("prompt", GOOD), words("rag", 12.0), words("finetune", 90.0), primary="words")
    assert found.advice.recommended is not None
    assert found.advice.recommended.way == "rag"
    assert {place.name: place.quality for place in found.places} == {"rag": -12.0, "finetune": -90.0}


def test_a_stand_in_is_not_passed_off_as_a_language_model(comparison):
    assert comparison.notes == tuple(f"{way}: {STAND_INS['extractive']}." for way in ("prompt", "rag"))


def test_seconds_are_those_that_were_clocked_and_not_those_of_the_busy_run(comparison):
    arm = comparison.arm("rag")
    assert "latency" not in comparison.metrics
    assert arm.timing.whole_p50.value == pytest.approx(0.3012)
    assert comparison.against("latency", "prompt", "rag").better == "prompt"


def test_differences_are_of_the_better_one_against_the_other(comparison):
    found = comparison.against("passed", "rag", "prompt")
    assert (found.first, found.second, found.better) == ("rag", "prompt", "rag")
    assert found.difference.value == pytest.approx(44 / 60)
    assert found.difference.n == 60
    assert found.needed is None


def test_with_more_ways_every_two_are_compared():
    found = composed(evidence("prompt", POOR), evidence("rag", GOOD), evidence("finetune", POOR))
    assert {(one.first, one.second) for one in found.versus} == {
        ("rag", "prompt"),
        ("rag", "finetune"),
        ("prompt", "finetune"),
    }


def test_what_a_machine_carries_follows_from_its_cpu_seconds(comparison):
    """20 ms of CPU an answer on two cores: 10 ms of the machine."""
    assert comparison.arm("rag").economy.machine_seconds == pytest.approx(0.01)
    assert "20 ms of CPU an answer" in comparison.arm("rag").timing.how


def test_where_cpu_seconds_cannot_be_seen_the_whole_time_counts():
    found = composed(evidence("rag", GOOD, clocked=clocked(0.4, busy=None, count=1)))
    assert found.arm("rag").economy.machine_seconds == pytest.approx(0.4)
    assert "cannot be seen" in timing(found, "rag").how


def test_a_model_server_is_as_busy_as_the_run_of_many_at_once_shows():
    """60 fresh answers in 2 s, four under way together; asked alone each takes 0.4 s."""
    found = composed(evidence("rag", GOOD, 0.4, receiver=SERVER))
    assert found.arm("rag").economy.machine_seconds == pytest.approx(2 / 60)
    reused = composed(evidence("rag", GOOD, 0.4, receiver=SERVER, reused=True))
    assert reused.arm("rag").economy.machine_seconds == pytest.approx(0.4012)


def test_answers_that_broke_off_are_counted_and_not_timed():
    found = composed(evidence("rag", GOOD, clocked=clocked(0.1, failed=5)))
    assert (timing(found, "rag").n, timing(found, "rag").failed) == (20, 5)
    broken = composed(evidence("rag", [False] * 30, error="gone", clocked=clocked(0.1, failed=25)))
    assert broken.arm("rag").timing is None
    assert broken.places == ()
    assert "rag: 30 answers broke off; they count as not passed." in broken.notes


def test_a_price_that_is_not_known_leaves_the_costs_out_and_says_so():
    found = composed(evidence("prompt", POOR, cost=None), evidence("rag", GOOD))
    assert [curve.name for curve in found.curves] == ["rag"]
    assert any(note.startswith("prompt: what extractive costs is not known") for note in found.notes)


def test_a_service_is_cheap_until_what_the_other_took_to_build_is_paid():
    """0.01 $ an answer against 1,200 $ of building, spread over 12 months: 10,000 answers a month."""
    found = composed(evidence("prompt", POOR, cost=0.01, usd=0.0), evidence("rag", GOOD, usd=1200.0))
    (one,) = found.break_evens
    assert one.traffic == pytest.approx(10_000)
    assert (one.below, one.above) == ("prompt", "rag")
    assert found.arm("prompt").economy.monthly(1000) == pytest.approx(0.2 * 730 + 10)


def test_contrasts_are_cases_that_were_answered_unlike_the_victories_of_each_way_in_turn(comparison):
    won = [max(one.replies, key=lambda reply: reply.value).way for one in comparison.contrasts]
    assert len(won) == 12
    assert won.count("prompt") == 6
    assert {reply.text for one in comparison.contrasts for reply in one.replies} == {"yes", "no"}


def test_ways_that_answered_alike_have_no_contrasts():
    assert composed(evidence("prompt", GOOD), evidence("rag", GOOD)).contrasts == ()


def test_the_facts_and_the_expected_traffic_are_shown(comparison):
    assert comparison.facts == {"requests_per_month": 50_000.0, "machine_usd_per_hour": 0.2, "expertise": []}
    assert comparison.traffic == 50_000
    assert comparison.curves[0].points[-1].traffic == 10_000_000


def test_it_recommends_what_was_measured_to_be_better(comparison):
    assert (comparison.advice.basis, comparison.advice.recommended.way) == ("measured", "rag")
    assert {place.name: place.on_front for place in comparison.places} == {"prompt": True, "rag": True}


def test_another_primary_metric_decides_by_itself():
    found = composed(evidence("prompt", POOR), evidence("rag", GOOD), primary="exact")
    assert found.advice.recommended is not None
    assert found.advice.recommended.way == "rag"


def test_one_way_alone_can_be_shown():
    found = composed(evidence("prompt", POOR))
    assert (found.versus, found.break_evens, found.advice.runner_up) == ((), (), None)


def test_it_can_be_kept_as_json_and_read_again(comparison):
    assert decode(encode(comparison)) == comparison
    assert comparison.id.startswith("cmp_")


def test_every_metric_has_a_group(comparison):
    assert {group_of(measure) for arm in comparison.arms for measure in arm.measures} == {"quality"}


# ---------------------------------------------------------------- pairs


def compared(direction: Direction, first: Sample, second: Sample) -> Versus:
    found = versus("exact", direction, first, second)
    assert found is not None
    return found


def values(way: str, *given: float) -> Sample:
    return Sample(way=way, values={str(number): value for number, value in enumerate(given)})


def test_a_difference_that_the_test_is_not_sure_of_counts_for_none():
    """Three cases out of three: the interval has no width, and chance does it once in four times."""
    found = compared("higher", values("one", 1, 1, 1), values("other", 0, 0, 0))
    assert found.better == ""
    assert found.p_value == pytest.approx(0.25)


def test_the_lower_one_is_better_where_lower_is():
    fast, slow = values("fast", *([0.1] * 30)), values("slow", *([0.2 + n / 100 for n in range(30)]))
    assert compared("lower", fast, slow).better == "fast"
    assert compared("lower", slow, fast).better == "fast"


def test_only_cases_that_both_have_are_compared():
    one, other = Sample(way="one", values={"a": 1.0, "b": 0.0}), Sample(way="other", values={"b": 1.0, "c": 1.0})
    assert compared("higher", one, other).difference.n == 1
    assert versus("exact", "higher", one, Sample(way="other", values={})) is None


def test_it_says_how_many_cases_would_tell_a_difference_that_cannot_be_told():
    one = values("one", *[float(n % 2) for n in range(40)])
    other = values("other", *[float(n % 3 == 0) for n in range(40)])
    found = compared("higher", one, other)
    assert found.better == ""
    assert found.needed is not None
    assert found.needed > 40
    assert math.isfinite(found.difference.low)
