"""What is recommended, and why: the tables below are the requirement's own, then what measuring does to them."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.config.testing import Facts
from fourways.core.report import Estimate
from fourways.core.traits import LADDER, Erasure, Receiver, Trait, Traits
from fourways.evals.comparing.advice import Advice, Choice, Reason
from fourways.evals.comparing.advising import FEW, advise
from fourways.evals.comparing.matrix import OWN, SERVICE, Measured
from fourways.evals.comparing.pairs import Versus
from fourways.evals.comparing.rules import FACTS, HERE, RULES, S0, S1, S2, S3, S4, balance, ruled_out, spoken, unsaid

NOBODY = Facts()
CLOUD = Receiver(name="cloud/big", does="answers", sees="questions", place="outside", address="https://cloud.example")
LOCAL = Receiver(name="extractive", does="answers", sees="questions", place="this machine")


def traits(way: str, *receivers: Receiver) -> Traits:
    trait = Trait(says="So.")
    erased: Erasure = "retraining" if way in {"finetune", "pretrain"} else "knowledge"
    words = dict.fromkeys(("freshness", "erasure", "people", "hardware", "memory"), trait)
    return Traits(way=way, receivers=receivers or (LOCAL,), fresh="sync", erased=erased, **words)


def arm(
    way: str,
    quality: float,
    *receivers: Receiver,
    n: int = 100,
    p95: float | None = None,
    monthly: float | None = 146.0,
    build: float = 0.0,
    lower: bool = False,
) -> Measured:
    return Measured(
        way=way,
        metric="passed",
        quality=Estimate(value=quality, low=quality - 0.05, high=quality + 0.05, n=n),
        traits=traits(way, *receivers),
        lower_is_better=lower,
        p95=None if p95 is None else Estimate(value=p95, low=p95 * 0.8, high=p95 * 1.5, n=25),
        monthly=monthly,
        thousand=monthly,
        build_usd=build,
    )


def decided(arms: list[Measured], facts: Facts = NOBODY, ties: Mapping[frozenset[str], int] | None = None) -> Advice:
    """Advise; any two are told apart by what stands in their figures, but for the `ties` and what they would take."""
    ties = ties or {}
    by_way = {one.way: one for one in arms}

    def gaps(first: str, second: str) -> Versus:
        one, other = by_way[first], by_way[second]
        tied = frozenset({first, second}) in ties
        value = one.quality.value - other.quality.value
        return Versus(
            metric="passed",
            first=first,
            second=second,
            difference=Estimate(value=value, low=value - 0.04, high=value + 0.04, n=one.quality.n),
            p_value=0.4 if tied else 0.001,
            better="" if tied else max((one, other), key=lambda each: each.goodness).way,
            needed=ties.get(frozenset({first, second})),
        )

    return advise(arms, facts, gaps)


def chosen(advice: Advice) -> str | None:
    return advice.recommended.way if advice.recommended else None


def says(choice: Choice | None) -> str:
    assert choice is not None
    return " ".join(f"{reason.says} {reason.figure}" for reason in choice.reasons)


# ---------------------------------------------------------------- the requirement's thresholds


@pytest.mark.parametrize(
    ("facts", "way", "source"),
    [
        (Facts(instructions=300), "rag", S0),  # hundreds
        (Facts(instructions=5_000), "rag", S0),  # a few thousand
        (Facts(instructions=9_999), "rag", S0),
        (Facts(instructions=30_000, data_quality="good"), "finetune", S0),  # tens of thousands
        (Facts(instructions=30_000, domain="specific"), "finetune", S1),  # targeted tasks
        (Facts(personal_data=True), "rag", S2),  # private
        (Facts(changes_every=timedelta(days=1)), "rag", S2),  # quickly outdated
        (Facts(instructions=50_000, changes_every=timedelta(days=400)), "finetune", S2),  # unlikely to change
        (Facts(corpus_tokens=2_000_000, domain="specific"), "rag", S1),  # knowledge-intensive
        (Facts(domain="frontier", corpus_tokens=700_000_000_000), "pretrain", S0),  # an entirely new frontier
        (Facts(domain="general", expertise=["prompting"]), "prompt", S0),  # general uses, no AI expertise
    ],
)
def test_facts_alone_point_where_the_sources_say(facts: Facts, way: str, source: str) -> None:
    points = balance(facts)
    assert max(LADDER, key=lambda name: points[name]) == way
    assert any(source in one.rule.source for one in spoken(facts) if way in one.rule.favours)


@pytest.mark.parametrize(
    ("facts", "against"),
    [
        (Facts(instructions=2_000), {"finetune", "pretrain"}),
        (Facts(instructions=50_000, data_quality="poor"), {"finetune", "pretrain"}),
        (Facts(personal_data=True), {"finetune", "pretrain"}),
        (Facts(changes_every=timedelta(hours=1)), {"finetune", "pretrain"}),
        (Facts(expertise=["prompting"]), {"finetune", "pretrain"}),
        (Facts(expertise=["prompting", "ml"]), {"pretrain"}),
        (Facts(domain="frontier", corpus_tokens=1_000_000), {"pretrain"}),
        (Facts(gpus=0), {"pretrain"}),
        (Facts(budget_usd=50_000), {"finetune", "pretrain"}),
    ],
)
def test_facts_speak_against_what_they_do_not_carry(facts: Facts, against: set[str]) -> None:
    assert {way for way, points in balance(facts).items() if points < 0} == against


def test_poor_data_is_not_enough_however_much_there_is() -> None:
    assert balance(Facts(instructions=50_000, data_quality="poor"))["finetune"] < 0


def test_regulated_personal_data_rules_training_out() -> None:
    assert ruled_out(Facts(regulated=True, personal_data=True), "finetune")
    assert not ruled_out(Facts(regulated=True), "finetune")
    assert not ruled_out(Facts(regulated=True, personal_data=True), "rag")


def test_every_rule_says_a_sentence_and_names_its_source() -> None:
    titles = {S0, S1, S2, S3, S4}
    for rule in RULES:
        assert rule.says.endswith(".")
        assert any(title in rule.source for title in titles)
        assert rule.favours or rule.against or rule.excludes
        assert {*rule.favours, *rule.against, *rule.excludes} <= set(LADDER)


def test_nothing_said_means_no_rule_speaks() -> None:
    assert spoken(NOBODY) == ()
    assert {"instructions", "expertise", "may_leave_network"} <= set(unsaid(NOBODY))
    assert "instructions" not in unsaid(Facts(instructions=0))


# ---------------------------------------------------------------- measurements first


def test_the_better_one_is_recommended_with_its_figures_and_a_runner_up() -> None:
    advice = decided([arm("prompt", 0.12), arm("rag", 0.81)])
    assert (advice.basis, chosen(advice)) == ("measured", "rag")
    assert "Better than prompt on passed. 0.81 against 0.12; difference +0.69 (+0.65 to +0.73), n = 100" in says(
        advice.recommended
    )
    assert advice.runner_up is not None
    assert advice.runner_up.way == "prompt"
    assert "difference -0.69 (-0.73 to -0.65)" in says(advice.runner_up)


def test_what_cannot_be_told_apart_is_decided_by_cost_then_by_the_ladder() -> None:
    tie = {frozenset({"prompt", "rag"}): 900}
    cheap = decided([arm("prompt", 0.80, monthly=500.0), arm("rag", 0.82, monthly=150.0)], ties=tie)
    assert chosen(cheap) == "rag"
    dear = decided([arm("prompt", 0.80, monthly=150.0), arm("rag", 0.82, monthly=500.0)], ties=tie)
    assert chosen(dear) == "prompt"
    alike = decided([arm("prompt", 0.80), arm("rag", 0.82)], ties=tie)
    assert chosen(alike) == "prompt"
    assert "about 900 cases would tell" in says(alike.recommended)
    assert "lower on the ladder" in says(alike.recommended)
    assert "higher on the ladder" in says(alike.runner_up)


def test_of_what_cannot_be_told_apart_an_unknown_price_is_the_last_choice() -> None:
    tie = {frozenset({"prompt", "rag"}): 900}
    assert chosen(decided([arm("prompt", 0.80, monthly=None), arm("rag", 0.80)], ties=tie)) == "rag"


def test_a_metric_that_is_better_when_lower_is_read_so() -> None:
    assert chosen(decided([arm("prompt", 0.1, lower=True), arm("rag", 0.6, lower=True)])) == "prompt"


@pytest.mark.parametrize(
    ("facts", "broken"),
    [
        (Facts(may_leave_network=False), "Data may not leave the network, and it does."),
        (Facts(accuracy_needed=0.99), "Does not reach the 0.99 below which it is of no use."),
        (Facts(seconds_allowed=1.0), "Slower than the 1 s that people wait."),
        (Facts(monthly_budget_usd=100, requests_per_month=1000), "Over the monthly budget of $100."),
        (Facts(budget_usd=10), "Over the $10.00 there is to build it."),
    ],
)
def test_what_breaks_a_hard_constraint_is_out_however_good_it_is(facts: Facts, broken: str) -> None:
    best = arm("prompt", 0.90, CLOUD, p95=3.0, monthly=400.0, build=20.0)
    modest = arm("rag", 0.50 if facts.accuracy_needed is None else 0.995, p95=0.2, monthly=90.0)
    advice = decided([best, modest], facts)
    assert chosen(advice) == "rag"
    assert [choice.way for choice in advice.out] == ["prompt"]
    assert broken in says(advice.out[0])
    assert advice.runner_up is None


def test_a_doubt_puts_nobody_out_but_behind_an_equal_without_one() -> None:
    """p95 1.1 s, anything from 0.88 s on: whether it keeps within 1 s cannot be told."""
    tie = {frozenset({"prompt", "rag"}): 900}
    advice = decided([arm("prompt", 0.80, p95=1.1), arm("rag", 0.80, p95=0.5)], Facts(seconds_allowed=1.0), tie)
    assert advice.out == ()
    assert chosen(advice) == "rag"
    alone = decided([arm("prompt", 0.80, p95=1.1)], Facts(seconds_allowed=1.0))
    assert "May be slower than the 1 s" in says(alone.recommended)


def test_a_fallback_or_an_embedder_outside_counts_as_leaving() -> None:
    spare = Receiver(name="cloud/big", does="answers when others fail", sees="questions", place="outside")
    embeds = Receiver(name="cloud/vectors", does="embeds", sees="all documents", place="outside")
    facts = Facts(may_leave_network=False)
    assert [one.way for one in decided([arm("prompt", 0.9, LOCAL, spare)], facts).out] == ["prompt"]
    assert [one.way for one in decided([arm("rag", 0.9, LOCAL, embeds)], facts).out] == ["rag"]


def test_a_tuned_model_is_out_where_regulated_personal_data_is_in_it() -> None:
    advice = decided([arm("rag", 0.6), arm("finetune", 0.9)], Facts(regulated=True, personal_data=True))
    assert chosen(advice) == "rag"
    assert "training again without it" in says(advice.out[0])


def test_where_every_way_is_out_none_is_recommended_and_it_says_so() -> None:
    advice = decided([arm("prompt", 0.2)], Facts(accuracy_needed=0.9, corpus_tokens=1000, domain="specific"))
    assert advice.recommended is None
    assert advice.says == "No way that was measured keeps within the constraints. Worth trying: rag."


# ---------------------------------------------------------------- too few cases


def test_with_few_cases_that_tell_nothing_the_facts_choose() -> None:
    tie = {frozenset({"prompt", "rag"}): 400}
    arms = [arm("prompt", 0.5, n=FEW - 1), arm("rag", 0.6, n=FEW - 1)]
    advice = decided(arms, Facts(personal_data=True), tie)
    assert (advice.basis, chosen(advice)) == ("facts", "rag")
    assert "19 cases are too few to choose by" in says(advice.recommended)
    nothing = decided(arms, NOBODY, tie)
    assert (nothing.basis, chosen(nothing)) == ("nothing", "prompt")
    assert "quick start" in says(nothing.recommended)


def test_few_cases_that_tell_enough_are_enough() -> None:
    advice = decided([arm("prompt", 0.0, n=12), arm("rag", 1.0, n=12)], Facts(domain="general"))
    assert (advice.basis, chosen(advice)) == ("measured", "rag")


# ---------------------------------------------------------------- what was not measured


TUNABLE = Facts(instructions=60_000, data_quality="good", domain="specific")


def test_an_unmeasured_way_is_worth_trying_and_never_goes_before_a_measured_one() -> None:
    advice = decided([arm("prompt", 0.3), arm("rag", 0.4)], TUNABLE)
    assert chosen(advice) == "rag"
    (untried,) = advice.worth_trying
    assert untried.way == "finetune"
    takes = " ".join(f"{reason.says} {reason.figure} {reason.source}" for reason in untried.takes)
    for part in ("60,000 in hand", "$100 thousand to $1 million", "fourways plan --method lora", S0, S4):
        assert part in takes


def test_a_way_that_the_facts_rule_out_is_not_worth_trying() -> None:
    facts = TUNABLE.model_copy(update={"regulated": True, "personal_data": True})
    assert decided([arm("rag", 0.4)], facts).worth_trying == ()


def test_where_sources_disagree_it_says_so_and_that_measuring_decides() -> None:
    (best,) = decided([arm("rag", 0.4)]).disputed
    assert S4 in best.source
    assert S2 in best.source
    assert "measure both on your own cases" in best.says
    both = decided([arm("rag", 0.4), arm("finetune", 0.6)]).disputed
    assert "what was measured here decides" in both[0].says
    assert both[0].figure.startswith("0.40 against 0.60; difference -0.20")
    assert "an order of magnitude apart" in both[1].says


# ---------------------------------------------------------------- the second question: who runs it


def test_the_matrix_has_both_questions_and_says_of_each_cell_what_is_known() -> None:
    advice = decided([arm("prompt", 0.3, CLOUD), arm("rag", 0.8)])
    cells = {(cell.hosting, cell.way): cell for cell in advice.matrix}
    assert set(cells) == {(hosting, way) for hosting in (SERVICE, OWN) for way in LADDER}
    assert cells[SERVICE, "prompt"].standing == cells[OWN, "rag"].standing == "measured"
    assert cells[SERVICE, "prompt"].says == "passed 0.30 (0.25 to 0.35), n = 100"
    assert cells[OWN, "prompt"].standing == cells[SERVICE, "rag"].standing == "possible"
    assert cells[SERVICE, "pretrain"].standing == "hardly offered"


def test_data_that_may_not_leave_closes_the_whole_row_of_services() -> None:
    advice = decided([arm("rag", 0.8)], Facts(may_leave_network=False))
    row = [cell for cell in advice.matrix if cell.hosting == SERVICE]
    assert {cell.standing for cell in row} == {"ruled out"}
    assert advice.hosting[0].says.startswith("Data may not leave the network, so a service is no option")


# ---------------------------------------------------------------- whatever is said


facts = st.builds(
    Facts,
    instructions=st.none() | st.sampled_from([0, 500, 20_000]),
    data_quality=st.none() | st.sampled_from(["poor", "good"]),
    changes_every=st.none() | st.sampled_from([timedelta(hours=1), timedelta(days=365)]),
    personal_data=st.none() | st.booleans(),
    regulated=st.none() | st.booleans(),
    may_leave_network=st.none() | st.booleans(),
    accuracy_needed=st.none() | st.sampled_from([0.1, 0.6, 0.99]),
    seconds_allowed=st.none() | st.sampled_from([0.1, 5.0]),
    domain=st.none() | st.sampled_from(["general", "specific", "frontier"]),
    corpus_tokens=st.none() | st.sampled_from([1000, 10**12]),
    monthly_budget_usd=st.none() | st.just(200.0),
    requests_per_month=st.none() | st.just(10_000.0),
)
measured = st.lists(
    st.builds(
        arm,
        st.sampled_from(["prompt", "rag", "finetune"]),
        st.sampled_from([0.1, 0.5, 0.9]),
        st.sampled_from([LOCAL, CLOUD]),
        n=st.sampled_from([5, 200]),
        p95=st.none() | st.sampled_from([0.05, 9.0]),
        monthly=st.none() | st.sampled_from([50.0, 900.0]),
    ),
    max_size=3,
    unique_by=lambda one: one.way,
)


@given(measured, facts)
def test_only_what_was_measured_and_keeps_the_constraints_is_recommended_and_every_reason_has_a_source(
    arms: list[Measured], said: Facts
) -> None:
    advice = decided(arms, said)
    out = {choice.way for choice in advice.out}
    left = {one.way for one in arms} - out
    assert (advice.recommended is not None) == bool(left)
    named = [choice.way for choice in (advice.recommended, advice.runner_up) if choice is not None]
    assert set(named) <= left
    assert len(named) == min(2, len(left))
    assert not {one.way for one in advice.worth_trying} & {one.way for one in arms}
    for reason in every_reason(advice):
        assert reason.source
        assert reason.says.endswith(".")
        assert reason.figure or reason.source not in {HERE, FACTS} or reason in every_take(advice)


def every_take(advice: Advice) -> list[Reason]:
    return [reason for one in advice.worth_trying for reason in (*one.takes, *one.reasons)]


def every_reason(advice: Advice) -> list[Reason]:
    choices = [choice for choice in (advice.recommended, advice.runner_up, *advice.out) if choice is not None]
    return [*(reason for choice in choices for reason in choice.reasons), *every_take(advice), *advice.disputed]
