"""`fourways plan` as it is typed."""

import json

import pytest
import typer
from typer.testing import CliRunner

from fourways.cli import plan, terminal
from fourways.core.errors import InvalidRequest, NotFound
from fourways.training.planning.hardware import HARDWARE

LLAMA = "--method pretrain --parameters 65B --tokens 1.4T --gpu a100-80gb --gpus 2048 --price 4 --utilisation 0.4"
HOURS = "--gpu-hours 1,022,362 --price 4 --gpus 2048"


@pytest.fixture
def run(monkeypatch):
    """Run `plan` with a line of options, in a terminal of a width, and return what it printed."""
    app = typer.Typer()
    app.callback()(lambda: None)
    plan.register(app)

    def ran(line, width=100):
        monkeypatch.setattr(terminal.OUT, "width", width)
        done = CliRunner().invoke(app, ["plan", *line.split()], terminal_width=width)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0
        return done.stdout

    return ran


def test_gpu_hours_become_money_and_days(run):
    told = json.loads(run(f"{HOURS} --json"))
    assert told["dollars"]["likely"] == 4_089_448
    assert told["days"]["likely"] == pytest.approx(20.8, abs=0.01)
    shown = run(HOURS)
    assert "$4,089,448" in shown
    assert "20.8" in shown


def test_a_plan_as_json_has_every_figure_with_its_source(run):
    told = json.loads(run(f"{LLAMA} --json"))
    assert told["flops"]["low"] == pytest.approx(5.46e23)
    assert set(told["bill"]["dollars"]) == {"low", "likely", "high", "source"}
    assert (told["fits"], told["bill"]["gpus"]) == ("yes", 2048)
    assert {each["published"]["source"] for each in told["published"]} == {
        "Four Ways that Enterprises Deploy LLMs",
        "Bridging Large Language Models and Business: LLMOps",
    }


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("line", [LLAMA, HOURS, "--method qlora --parameters 70B --tokens 5M --everywhere"])
def test_it_fits_the_terminal_with_no_figure_cut(run, line, width):
    lines = run(line, width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in each for each in lines)


def test_the_table_gives_ranges_sources_and_what_was_published(run):
    shown = run(LLAMA, 140)
    assert [word for word in shown.splitlines()[1].split() if word in {"low", "likely", "high", "where"}] == [
        "low",
        "likely",
        "high",
        "where",
    ]
    for said in ("6·N·D (Kaplan, Hoffmann)", "given", "up to $100 million", "What you measured yourself goes before"):
        assert said in " ".join(shown.split())


def test_every_hardware_has_a_line(run):
    shown = run("--method qlora --parameters 8B --tokens 5M --everywhere")
    assert all(f"{name} " in shown for name in HARDWARE)
    assert len(json.loads(run("--method qlora --parameters 8B --tokens 5M --everywhere --json"))) == len(HARDWARE)


def test_what_nothing_holds_is_said(run):
    assert "shorten --context" in run("--method lora --parameters 8B --tokens 5M --gpu l4 --context 200000")
    assert "No hardware of the table holds it" in run(
        "--method lora --parameters 8B --tokens 5M --context 1000000 --everywhere"
    )


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("", InvalidRequest, "needs --method and --parameters"),
        ("--method lora", InvalidRequest, "needs --method and --parameters"),
        ("--method lora --parameters 8BB --tokens 1M", InvalidRequest, "right would be a count such as 65B"),
        ("--method lora --parameters 8B", InvalidRequest, "give tokens"),
        ("--method lara --parameters 8B --tokens 1M", NotFound, "did you mean 'lora'"),
        ("--method lora --parameters 8B --tokens 1M --gpu l40", NotFound, "did you mean 'l40s'"),
        ("--method lora --parameters 8B --tokens 1M --utilisation 40", InvalidRequest, "such as 0.4 or 40%"),
        ("--method lora --parameters 8B --tokens 1M --checkpointing half", NotFound, "full, none, selective"),
        (
            "--method lora --parameters 8B --tokens 1M --price 4 --everywhere",
            InvalidRequest,
            "leave out --gpu and --price",
        ),
        ("--gpu-hours 100", InvalidRequest, "give --price 4"),
        ("--gpu-hours 100 --price 4 --method lora", InvalidRequest, "leave out --method"),
        ("--gpu-hours 100 --price 4 --epochs 3", InvalidRequest, "leave out --epochs"),
    ],
)
def test_wrong_use_is_told_what_would_be_right(run, line, error, said):
    with pytest.raises(error, match=said):
        run(line)


def test_the_help_shows_an_example(run):
    assert "fourways plan --method lora" in run("--help", 120).partition("Example")[2]
