"""What training costs, against runs whose cost was published."""

import ast
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.errors import InvalidRequest, NotFound
from fourways.training import planning
from fourways.training.planning.figures import Figure
from fourways.training.planning.hardware import HARDWARE, hardware_named
from fourways.training.planning.job import METHODS, Job
from fourways.training.planning.plan import everywhere, from_gpu_hours, plan
from fourways.training.planning.published import PUBLISHED, S0, S4, SOURCES

LLAMA = Job(method="pretrain", parameters=65e9, tokens=1.4e12)
BLOOMBERG = Job(
    method="pretrain", parameters=50e9, tokens=569e9, checkpointing="full", layers=70, hidden=7680, vocabulary=131_072
)
A100, A100_40 = HARDWARE["a100-80gb"], HARDWARE["a100-40gb"]
FOUR = Figure.exactly(4.0)


def test_llama_65b_from_its_gpu_hours():
    bill = from_gpu_hours(1_022_362, 4, 2048, A100)
    assert bill.dollars.likely == 4_089_448
    assert bill.dollars.exact
    assert bill.hours.likely == pytest.approx(499.2, abs=0.01)
    assert bill.days.likely == pytest.approx(20.8, abs=0.01)


def test_gpu_hours_are_never_multiplied_by_the_gpus_again():
    assert from_gpu_hours(1_022_362, 4, 1).dollars == from_gpu_hours(1_022_362, 4, 2048).dollars


def test_llama_65b_took_the_energy_it_published():
    # Touvron et al. 2023, table 15: 449 MWh, at 400 W a GPU and a PUE of 1.1.
    energy = from_gpu_hours(1_022_362, 4, 2048, A100).energy
    assert energy is not None
    assert energy.low == pytest.approx(449_000, rel=0.005)
    assert from_gpu_hours(1_022_362, 4, 2048).energy is None


def test_llama_65b_from_its_size_holds_what_it_took():
    made = plan(LLAMA, A100, gpus=2048, price=FOUR)
    assert made.bill.gpu_hours.low < 1_022_362 < made.bill.gpu_hours.high
    assert made.bill.dollars.low < 4_089_448 < made.bill.dollars.high
    assert made.bill.days.low < 20.8 < made.bill.days.high
    assert made.fits == "yes"


@pytest.mark.parametrize(
    ("parameters", "tokens", "hours"),
    [(6.7e9, 1e12, 82_432), (13e9, 1e12, 135_168), (32.5e9, 1.4e12, 530_432), (65.2e9, 1.4e12, 1_022_362)],
)
def test_every_llama_took_hours_within_its_range(parameters, tokens, hours):
    made = plan(Job(method="pretrain", parameters=parameters, tokens=tokens), A100, gpus=2048)
    assert made.bill.gpu_hours.low < hours < made.bill.gpu_hours.high
    assert made.bill.gpu_hours.likely == pytest.approx(hours, rel=0.35)


def test_llama_65b_at_the_utilisation_it_reached_is_met_within_a_few_percent():
    # 380 tokens a second and GPU (Touvron et al. 2023): 6·65·10⁹·380 of 312·10¹² FLOP/s are 47.5 %.
    made = plan(LLAMA, A100, gpus=2048, utilisation=Figure.exactly(6 * 65e9 * 380 / 312e12))
    assert made.bill.gpu_hours.low == pytest.approx(1_022_362, rel=0.002)
    assert made.bill.gpu_hours.likely == pytest.approx(1_022_362, rel=0.03)


def test_bloomberggpt_holds_the_flops_and_the_hours_it_published():
    # Wu et al. 2023: 2.36·10²³ FLOPs at 102 TFLOP/s a GPU, activations computed again; 53 days on 512 A100-40GB.
    made = plan(BLOOMBERG, A100_40, gpus=512, utilisation=Figure.exactly(0.32))
    assert made.flops.low == pytest.approx(1.7e23, rel=0.01)
    assert made.flops.low < 2.36e23 < made.flops.high
    assert made.flops.likely == pytest.approx(2.36e23, rel=0.02)
    assert made.bill.gpu_hours.low < 53 * 24 * 512 < made.bill.gpu_hours.high
    assert made.bill.days.likely == pytest.approx(53, rel=0.02)
    assert made.fits == "yes"


def test_bloomberggpts_budget_was_for_more_than_its_last_run():
    made = plan(BLOOMBERG, A100_40, gpus=512)
    assert made.bill.gpu_hours.likely < made.bill.gpu_hours.high < 1.3e6


def test_a_corpus_of_700_billion_is_less_than_20_a_parameter_of_50_billion():
    whole = plan(Job(method="pretrain", parameters=50e9, tokens=700e9), A100)
    assert any("fewer than 20 a parameter" in remark for remark in whole.remarks)
    assert plan(Job(method="pretrain", parameters=35e9, tokens=700e9), A100).remarks == whole.remarks[:2]


def test_what_was_published_stands_beside_it_with_its_source():
    made = plan(LLAMA, A100, gpus=2048, price=FOUR)
    assert [(each.published.source, each.computed) for each in made.published] == [
        (S0, "within"),  # a few hundred thousand to a few million
        (S0, "within"),  # LLaMA itself
        (S0, "above"),  # Replit and MosaicML
        (S4, "within"),  # up to 100 million
    ]
    [tuned] = plan(Job(method="lora", parameters=8e9, tokens=20e6), A100).published
    assert (tuned.published.source, tuned.computed) == (S4, "below")
    assert any("What you measured yourself goes before" in remark for remark in made.remarks)


def test_the_published_costs_conflict_and_are_all_carried():
    said = " ".join(each.says for each in PUBLISHED)
    assert {each.source for each in PUBLISHED} == {S0, S4}
    for figure in ("1,022,362", "2,048", "$4 million", "$100 million", "$100 thousand to $1 million", "MosaicML"):
        assert figure in said
    highest = {source: max(each.high for each in PUBLISHED if each.source == source) for source in (S0, S4)}
    assert highest[S4] > 10 * highest[S0]


def test_a_given_price_and_utilisation_go_before_the_tables():
    made = plan(LLAMA, A100, price=FOUR, utilisation=Figure.exactly(0.4))
    assert (made.bill.price, made.utilisation.source) == (FOUR, "given")
    assert plan(LLAMA, A100).bill.price == A100.price
    assert plan(LLAMA, HARDWARE["cpu"]).utilisation == HARDWARE["cpu"].utilisation


def test_without_a_number_of_gpus_it_takes_as_few_as_hold_it():
    made = plan(LLAMA, A100)
    assert made.bill.gpus == made.least
    assert made.fits in {"yes", "tight"}
    assert plan(LLAMA, A100, gpus=1).fits == "no"


def test_every_hardware_is_compared_the_cheapest_first():
    plans = everywhere(Job(method="qlora", parameters=8e9, tokens=5e6), gpus=2)
    assert {made.gpu.name for made in plans} == set(HARDWARE)
    costs = [made.bill.dollars.likely for made in plans]
    assert costs == sorted(costs)
    assert all(made.bill.gpus >= 2 and made.fits != "no" for made in plans)


def test_what_nothing_holds_is_left_out():
    names = {made.gpu.name for made in everywhere(Job(method="lora", parameters=8e9, tokens=1e6, context=20_000))}
    assert "l4" not in names
    assert "h200-141gb" in names


@pytest.mark.parametrize(
    "wrong", [{"gpus": 0}, {"utilisation": Figure.exactly(40.0)}, {"utilisation": Figure.exactly(0.0)}]
)
def test_a_figure_out_of_its_bounds_is_named(wrong):
    with pytest.raises(InvalidRequest) as caught:
        plan(LLAMA, A100, **wrong)
    assert caught.value.param == next(iter(wrong))


@pytest.mark.parametrize("wrong", [{"hours": 0}, {"price": -4}, {"gpus": 0}, {"hours": float("nan")}])
def test_a_bill_out_of_its_bounds_is_refused(wrong):
    with pytest.raises(InvalidRequest, match="right would be above 0"):
        from_gpu_hours(**{"hours": 1.0, "price": 4.0, "gpus": 1} | wrong)


def test_an_unknown_gpu_is_told_what_there_is():
    assert hardware_named("A100-80GB") is A100
    with pytest.raises(NotFound, match="did you mean 'h100-80gb'"):
        hardware_named("h100")


def test_every_figure_says_where_it_comes_from():
    made = plan(Job(method="qlora", parameters=8e9, tokens=5e6), HARDWARE["l4"])
    figures = (made.tokens, made.flops, made.utilisation, *made.memory.figures, *made.bill.figures)
    assert all(figure.source for figure in figures)
    assert len(figures) == 14


def test_the_papers_behind_the_figures_are_named():
    tuned = plan(Job(method="qlora", parameters=8e9, tokens=5e6), HARDWARE["l4"]).sources
    trained = plan(Job(method="pretrain", parameters=8e9), HARDWARE["h100-80gb"]).sources
    assert {*tuned, *trained} == set(SOURCES.values())
    assert any("QLoRA" in title for title in tuned)
    assert not any("QLoRA" in title for title in trained)


@given(
    st.sampled_from(sorted(METHODS)), st.floats(1e7, 1e12), st.floats(1e3, 1e13), st.integers(1, 5000),
    st.sampled_from(sorted(HARDWARE)),
)  # fmt: skip
def test_more_gpus_take_less_time_and_the_same_money(method, parameters, tokens, gpus, name):
    job, gpu = Job(method=method, parameters=parameters, tokens=tokens), HARDWARE[name]
    few, many = plan(job, gpu, gpus=gpus), plan(job, gpu, gpus=2 * gpus)
    assert few.bill.dollars == many.bill.dollars
    assert few.bill.days.likely == pytest.approx(2 * many.bill.days.likely)


def test_planning_needs_nothing_but_the_standard_library():
    files = sorted(Path(planning.__file__).parent.glob("*.py"))
    imported = {
        name
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    others = {name for name in imported if name and name.partition(".")[0] not in sys.stdlib_module_names}
    assert others <= {"fourways.core.errors", *(f"fourways.training.planning.{file.stem}" for file in files)}


def test_the_page_shows_the_hardware_and_the_sources():
    page = (Path(__file__).resolve().parents[3] / "docs" / "plan.md").read_text(encoding="utf-8")
    for gpu in HARDWARE.values():
        assert (
            f"| `{gpu.name}` | {gpu.tflops:,.0f} | {gpu.memory:g} | {gpu.bandwidth:,.0f} | {gpu.watts:,.0f} |" in page
        )
        assert f"| {gpu.price.low:.2f} to {gpu.price.high:.2f} |" in page
    assert all(title in page for title in SOURCES.values())
