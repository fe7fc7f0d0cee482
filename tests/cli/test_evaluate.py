"""`fourways eval` as it is typed: what it shows, writes and exits with; killed, it goes on from what was answered."""

import asyncio
import json
import signal
import sqlite3
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.e2e.processes import environment
from tests.models.fake_openai import Answer, FakeOpenAI, Request, frames
from typer.testing import CliRunner, Result

from fourways.cli import evaluate, terminal
from fourways.config.load import load_project
from fourways.control import releases
from fourways.control.state import database_of
from fourways.core.errors import InvalidRequest, InvalidSuite, UnknownModel
from fourways.core.ids import DEFAULT_TENANT
from fourways.store import releases as rows

YAML = """
project: testing
apps:
  desk:
    ways: {prompt: {model: echo}}
    tests: {files: [cases.jsonl], tuning: [tuning.jsonl], assert: [{type: contains}]}
    release: {gate: [{metric: passed, at_least: 0.5}, {metric: errors, at_most: 0.01}]}
"""


def write(folder: Path, yaml: str = YAML, *, right: int = 8, of: int = 10) -> Path:
    """A project whose model says back what it is asked, and passes so many of its cases."""
    rows = [
        {"id": f"q{n}", "input": f"word {n}", "expected_output": "word" if n < right else "other"} for n in range(of)
    ]
    (folder / "cases.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (folder / "tuning.jsonl").write_text('{"input": "trying things out", "expected_output": "nothing of it"}')
    (folder / "fourways.yaml").write_text(yaml)
    return folder


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Type `fourways eval` with some words, in a terminal of a width."""
    app = typer.Typer()

    def project(context: typer.Context) -> None:
        context.obj = tmp_path

    app.callback()(project)
    evaluate.register(app)

    def run(*words: object, width: int = 100) -> Result:
        monkeypatch.setattr(terminal.OUT, "width", width)
        done = CliRunner().invoke(app, ["eval", *map(str, words)], terminal_width=width)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


# ---------------------------------------------------------------- what it exits with


@pytest.mark.parametrize(
    ("right", "words", "code"),
    [
        (8, [], 0),
        (4, [], 3),
        (4, ["--no-gate"], 0),
        (4, ["--side", "tuning"], 0),
        (4, ["echo", "--suite", "cases.jsonl"], 0),
        (4, ["desk:prompt", "--first", "4"], 0),
    ],
    ids=["a pass", "a no", "no gate", "tuning", "a model by itself", "the first four"],
)
def test_it_exits_as_the_gate_says(typed, tmp_path, monkeypatch, right, words, code):
    write(tmp_path, right=right)
    monkeypatch.chdir(tmp_path)
    assert typed(*words).exit_code == code


def test_what_cannot_be_told_exits_as_a_no(typed, tmp_path):
    write(tmp_path, YAML.replace("metric: passed", "metric: groundedness"))
    done = typed("--json")
    assert (done.exit_code, json.loads(done.stdout)["verdict"]["outcome"]) == (3, "inconclusive")


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        (["desk:rag"], UnknownModel, "did you mean 'desk:prompt'"),
        (["--side", "both"], InvalidRequest, "there is: testing, tuning"),
        (["--suite", "none.jsonl"], InvalidSuite, "cannot be read"),
    ],
)
def test_wrong_use_says_what_would_be_right(typed, tmp_path, words, error, match):
    write(tmp_path)
    with pytest.raises(error, match=match):
        typed(*words)


# ---------------------------------------------------------------- against what is live


def make_live(folder: Path) -> None:
    """Release the project's newest candidate to everybody."""
    node = load_project(folder, {})
    with database_of(folder) as database:
        newest = releases.candidate_named(database, DEFAULT_TENANT, "desk", None, "prompt")
        made = releases.create(database, DEFAULT_TENANT, node, newest, stage="production", actor="ann", now=1.0)
        for move in ("gate_passed", "approve", "start_canary", "promote"):
            with database.transaction() as connection:
                rows.append(connection, DEFAULT_TENANT, made, move, actor="ann", at=2.0)


def test_what_the_project_file_says_is_measured_against_what_is_live(typed, tmp_path):
    yaml = YAML.replace("at_least: 0.5", "not_worse_than_live: 0.05")
    write(tmp_path, yaml, right=20, of=24)
    before = json.loads(typed("--json").stdout)
    make_live(tmp_path)
    write(tmp_path, yaml.replace("model: echo", "model: echo, system: Be short."), right=20, of=24)
    after = json.loads(typed("--json").stdout)
    assert after["report"]["candidate"] != before["report"]["candidate"]
    assert [told["verdict"]["rules"][0]["reason"] for told in (before, after)] == [
        "nothing is live yet",
        "the same as r1 (+0 to +0) over 24 cases",
    ]
    assert "against r1" in typed(width=140).stdout


# ---------------------------------------------------------------- what it shows and writes


@pytest.mark.parametrize("width", [80, 120])
def test_it_shows_measures_misses_and_the_verdict_within_the_terminal(typed, tmp_path, width):
    write(tmp_path)
    done = typed(width=width)
    shown = done.stdout.splitlines()
    assert "desk:prompt: 8 of 10 cases passed" in shown[0]
    assert any(line.startswith("passed") and "80 %" in line and "●" in line for line in shown)
    assert "Missed, 2 of 2" in done.stdout
    assert "contains: not found: “other”" in done.stdout
    assert "The gate: pass" in done.stdout
    table = [line for line in shown if line.startswith(("passed", "latency", "✓"))]
    assert max(map(len, table)) <= width


def test_what_cannot_be_told_is_not_shown_as_missed_and_says_why(typed, tmp_path):
    yaml = YAML.replace("[{type: contains}]", "[{type: contains}, {type: judge}]")
    write(tmp_path, yaml.replace("tests: {", "tests: {judge: echo, "), right=8)
    shown = typed("--no-gate").stdout
    assert "0 of 2 cases passed" in shown
    assert "8 could not be decided" in shown
    assert "Missed, 2 of 2" in shown
    assert "Could not be decided, 5 of 8" in shown
    assert "judge: could not be scored" in shown


def test_it_writes_json_a_page_junit_and_markdown(typed, tmp_path):
    write(tmp_path)
    html, junit, markdown = (tmp_path / name for name in ("out/r.html", "out/r.xml", "out/r.md"))
    done = typed("--json", "--html", html, "--junit", junit, "--markdown", markdown)
    told = json.loads(done.stdout)
    assert [result["id"] for result in told["report"]["results"]] == [f"q{n}" for n in range(10)]
    assert told["verdict"]["outcome"] == "pass"
    assert ET.parse(junit).getroot().find("testsuite").get("failures") == "2"  # type: ignore[union-attr]
    assert "8 of 10 cases passed" in html.read_text()
    assert "8 of 10 cases passed" in markdown.read_text()


def test_what_was_answered_is_not_asked_again_unless_afresh(typed, tmp_path):
    write(tmp_path)
    typed("--first", 4)
    reused = [json.loads(typed("--json", *more).stdout)["report"]["results"] for more in ([], ["--fresh"])]
    assert [sum(result["reused"] for result in results) for results in reused] == [4, 0]


def test_repeats_explanations_and_disturbances_are_options(typed, tmp_path):
    write(tmp_path)
    report = json.loads(typed("--json", "--repeat", 2, "--explain", "--robustness").stdout)["report"]
    assert [len(result["answers"]) for result in report["results"]] == [2] * 10
    assert [bool(result["explanation"]) for result in report["results"]] == [False] * 8 + [True] * 2
    assert report["robustness"]["effects"]


# ---------------------------------------------------------------- killed, and stopped

REMOTE = """
project: testing
providers: {local: {dialect: openai, base_url: "%s"}}
apps:
  desk:
    ways: {prompt: {model: local/m}}
    tests: {files: [cases.jsonl], assert: [{type: contains}], at_once: 2}
    release: {gate: [{metric: passed, at_least: 0.5}]}
"""


class Slow(FakeOpenAI):
    """Says back what it is asked, after a tenth of a second."""

    def _ordinary(self, request: Request) -> Answer:
        question = request.json["messages"][-1]["content"]
        return replace(Answer(frames=frames(question)), delay=0.1)


async def begun(folder: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fourways", "--project", str(folder), "eval", *words,
        env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def asked(server: FakeOpenAI, count: int) -> None:
    async with asyncio.timeout(60):
        while len(server.requests) < count:  # noqa: ASYNC110 - the server counts, and tells nobody
            await asyncio.sleep(0.01)


async def ended(process: asyncio.subprocess.Process) -> Any:
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert out, err.decode()
    return json.loads(out)


def kept(folder: Path) -> int:
    with sqlite3.connect(folder / ".fourways" / "fourways.db") as connection:
        return int(connection.execute("select count(*) from answers").fetchone()[0])


@pytest.mark.slow
async def test_killed_in_the_middle_it_goes_on_from_what_was_answered(tmp_path):
    async with Slow() as server:
        write(tmp_path, REMOTE % server.url, right=30, of=40)
        first = await begun(tmp_path)
        await asked(server, 24)
        first.kill()
        await first.wait()
        before, safe = len(server.requests), await asyncio.to_thread(kept, tmp_path)
        report = (await ended(await begun(tmp_path, "--json")))["report"]
        again = len(server.requests) - before
        third = (await ended(await begun(tmp_path, "--json")))["report"]
    assert before - safe <= 2 + 10, "what was under way, and half a second's answers"
    assert sum(result["reused"] for result in report["results"]) == safe
    assert again == 40 - safe
    assert len(server.requests) == before + again, "the third asks nothing"
    assert [result["scores"] for result in third["results"]] == [result["scores"] for result in report["results"]]


@pytest.mark.slow
async def test_stopped_by_hand_it_shows_what_there_is_and_cannot_say_yes(tmp_path):
    async with Slow() as server:
        write(tmp_path, REMOTE % server.url, right=40, of=40)
        process = await begun(tmp_path, "--json")
        await asked(server, 10)
        process.send_signal(signal.SIGINT)
        told = await ended(process)
    assert process.returncode == 3
    assert told["report"]["stopped"] == "stopped by hand"
    assert 5 <= len(told["report"]["results"]) < 40
    assert len(told["report"]["results"]) <= await asyncio.to_thread(kept, tmp_path)
    assert told["verdict"]["outcome"] == "inconclusive"
