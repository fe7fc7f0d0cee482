"""How a comparison is shown in a terminal, and where its report goes."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import typer
from tests.evals.comparing.test_comparison import GOOD, POOR, clocked, composed, evidence
from typer.testing import CliRunner

from fourways.cli import compare, compare_shown, terminal
from fourways.cli.compare_shown import break_evens_in_words, sparkline
from fourways.config.testing import Facts
from fourways.core.errors import InvalidRequest, NotFound
from fourways.evals.comparing.comparison import decode

FACTS = Facts(
    requests_per_month=50_000,
    personal_data=True,
    changes_every=timedelta(days=1),
    instructions=60_000,
    data_quality="good",
    domain="specific",
)


@pytest.fixture
def shown(monkeypatch):
    """Show a comparison at a width, and return what was printed."""

    def tell(comparison, width=100):
        monkeypatch.setattr(terminal.OUT, "width", width)
        with terminal.OUT.capture() as captured:
            compare_shown.tell(comparison)
        return captured.get()

    return tell


@pytest.fixture
def two():
    return composed(evidence("prompt", POOR, cost=0.0004, usd=0.0), evidence("rag", GOOD, 0.3, usd=1200), facts=FACTS)


@pytest.mark.parametrize("width", [100, 120])
def test_it_fits_the_terminal_with_no_figure_cut(shown, two, width):
    lines = shown(two, width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines if "$" not in line)


def test_the_ways_stand_side_by_side_with_intervals_and_their_difference(shown, two):
    said = shown(two)
    assert "passed *" in said
    assert "0.90 (0.80–0.95) ▲" in said
    assert "+0.73 (+0.57 to +0.88)" in said
    assert "101 ms (101–102 ms) ▲" in said


def test_what_cannot_be_told_apart_has_its_own_mark(shown):
    nearly = [*GOOD[:-3], False, True, True]
    said = shown(composed(evidence("prompt", GOOD), evidence("rag", nearly)))
    assert said.count("0.90 (0.80–0.95) ≈") == 1
    assert "Not distinguishable from rag on passed" in said


def test_three_ways_leave_no_room_for_differences_and_still_fit(shown):
    three = composed(evidence("prompt", POOR), evidence("rag", GOOD), evidence("finetune", GOOD))
    said = shown(three, 120)
    assert "case by case" not in said
    assert max(map(len, said.splitlines())) <= 120


def test_costs_break_evens_front_and_advice_are_said(shown, two):
    said = shown(two)
    for part in (
        "From 250,000 answers a month on, rag costs less than prompt: $246.",
        "At the 50,000 you expect: prompt $166, rag $246.",
        "Quality, cost and latency at once: prompt, rag beaten by nobody.",
        "Recommended: Retrieval (RAG), as measured.",
        "Runner-up: prompt",
        "Where sources disagree",
        "your own network  ✓ measured",
    ):
        assert part in said


def test_robustness_is_shown_where_it_was_measured(shown):
    effect = {"name": "typos", "invariance": {"value": 0.8, "low": 0.6, "high": 0.9}}
    found = evidence("rag", GOOD)
    disturbed = replace(found, report=replace(found.report, robustness={"effects": [effect]}))
    said = shown(composed(evidence("prompt", POOR), disturbed))
    assert "Holds when disturbed" in said
    assert "0.80 (0.60–0.90)" in said


def test_a_price_that_is_not_known_is_said(shown):
    assert "not known" in shown(composed(evidence("prompt", POOR, cost=None), evidence("rag", GOOD)))


def test_markup_in_names_is_shown_as_it_is(shown):
    odd = replace(evidence("prompt", POOR), model="[red]odd")
    assert "[red]odd" in shown(composed(odd))


def test_many_changes_of_places_are_summed_up():
    """A machine of one's own that is full ever again, against a service: the costs cross at every step."""
    own = evidence("rag", GOOD, clocked=clocked(1.0, busy=40.0), usd=0.0)
    found = composed(evidence("prompt", POOR, cost=0.0045, usd=0.0), own)
    said = list(break_evens_in_words(found))
    assert len(found.break_evens) > 5
    assert len(said) == 5
    assert said[-1].startswith(f"They change places {len(found.break_evens) - 4} times more, last at ")


def test_without_a_break_even_it_says_who_is_cheaper_all_along():
    dearer = composed(evidence("prompt", POOR, cost=0.01), evidence("rag", GOOD))
    assert list(break_evens_in_words(dearer)) == [
        "rag costs no more than prompt at any traffic shown; there is no break-even."
    ]
    same = composed(evidence("prompt", POOR), evidence("rag", GOOD))
    assert list(break_evens_in_words(same)) == [
        "prompt and rag cost about the same at every traffic shown; there is no break-even."
    ]
    four = composed(*(evidence(way, GOOD) for way in ("prompt", "rag", "finetune", "pretrain")))
    assert list(break_evens_in_words(four)) == [
        "prompt, rag, finetune and pretrain cost about the same at every traffic shown; there is no break-even."
    ]


def test_a_curve_is_drawn_from_its_floor_to_its_ceiling():
    assert sparkline([1, 10, 100, 1000], 1, 1000) == "▁▃▆█"
    assert sparkline([5, 5], 5, 5) == "▁▁"
    assert sparkline([100, 101], 100, 101) == "▁▁"  # a difference that does not count is not blown up
    assert sparkline([0, 50, 100], 0, 100) == "▁▅█"


# ---------------------------------------------------------------- the verb itself


PROJECT = """
project: p
apps:
  a:
    ways: {prompt: {model: echo, system: Be brief.}}
    tests:
      cases:
        - {input: Say yes., expected_output: Say yes.}
        - {input: Say no., expected_output: never}
"""


@pytest.fixture
def run(tmp_path):
    """Run `compare` in a project's folder, and return what came of it."""
    app = typer.Typer()

    @app.callback()
    def project(context: typer.Context) -> None:
        context.obj = tmp_path

    compare.register(app)
    (tmp_path / "fourways.yaml").write_text(PROJECT)
    return lambda *line: CliRunner().invoke(app, ["compare", *line])


def test_it_writes_the_report_where_it_says(run, tmp_path):
    done = run()
    assert done.exit_code == 0, done.output
    (report,) = (tmp_path / ".fourways" / "reports").glob("compare-a-*.html")
    assert "<html" in report.read_text(encoding="utf-8")
    assert str(report) in done.stderr
    assert "1 way on 2 cases" in done.stdout


def test_json_is_the_whole_comparison_and_files_go_where_they_are_wanted(run, tmp_path):
    done = run("a", "--json", "--html", str(tmp_path / "x" / "r.html"), "--markdown", str(tmp_path / "r.md"))
    found = decode(json.loads(done.stdout))
    assert (found.app, found.cases, found.arms[0].measures[0].estimate.value) == ("a", 2, 0.5)
    assert (tmp_path / "x" / "r.html").is_file()
    assert (tmp_path / "r.md").is_file()


def test_an_app_must_be_named_where_there_are_several(run, tmp_path):
    (tmp_path / "fourways.yaml").write_text(f"{PROJECT}  b: {{ways: {{prompt: {{model: echo}}}}}}\n")
    assert isinstance(run().exception, InvalidRequest)
    assert isinstance(run("c").exception, NotFound)
