"""The CI examples are YAML, what they run are verbs with options that exist, and run in that order they work."""

import shlex
import subprocess
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import parse

import pytest
import typer
import yaml
from tests.e2e.processes import FOURWAYS, environment

from fourways.cli.main import app

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "ci"
NAMES = ["github-actions.yml", "gitlab-ci.yml"]


def read(name: str) -> dict[str, Any]:
    plain: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    job: dict[str, Any] = plain["evaluate"] if name.startswith("gitlab") else plain["jobs"]["evaluate"]
    return job


def lines_of(name: str) -> list[str]:
    job = read(name)
    if name.startswith("gitlab"):
        return [*job["before_script"], *job["script"]]
    return [step["run"] for step in job["steps"] if "run" in step]


def commands_of(name: str) -> list[list[str]]:
    return [shlex.split(line, comments=True) for line in lines_of(name) if line.startswith("fourways ")]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_one(name: str):
    commands: Any = typer.main.get_command(app)
    found = commands_of(name)
    assert [words[1] for words in found] == ["ingest", "doctor", "eval"]
    for _, verb, *rest in found:
        commands.commands[verb].make_context(verb, rest)


@pytest.mark.parametrize("name", NAMES)
def test_torch_is_installed_first_and_pinned(name: str):
    installs = [line for line in lines_of(name) if line.startswith("pip install")]
    assert installs[0] == "pip install torch==2.13.0"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_kept_and_answers_are_too_where_the_gate_says_no(name: str):
    job = read(name)
    written = {word for word in commands_of(name)[-1] if word.startswith("report.")}
    if name.startswith("gitlab"):
        kept = {*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]}
        whens = [job["artifacts"]["when"], job["cache"]["when"]]
    else:
        steps = {step["uses"].partition("@")[0]: step for step in job["steps"] if "uses" in step}
        kept = set(steps["actions/upload-artifact"]["with"]["path"].split())
        whens = [steps[name]["if"].removesuffix("()") for name in ("actions/upload-artifact", "actions/cache/save")]
        assert steps["actions/cache/save"]["with"]["key"] == steps["actions/cache/restore"]["with"]["key"]
    assert written == kept == {"report.html", "report.xml", "report.md"}
    assert whens == ["always", "always"]


@pytest.mark.slow
def test_run_in_a_fresh_checkout_they_pass_and_where_the_gate_says_no_the_last_exits_with_3(tmp_path: Path):
    """All of them do the same; the sample stands for the repository that they are copied to."""

    def run(words: list[str], folder: Path) -> int:
        done = subprocess.run([*FOURWAYS, *words], cwd=folder, env=environment(), check=False, capture_output=True)
        return done.returncode

    first, *others = (commands_of(name) for name in NAMES)
    assert all(one == first for one in others)
    assert run(["init", "desk", "--sample", "helpdesk"], tmp_path) == 0
    desk = tmp_path / "desk"
    assert [run(words[1:], desk) for words in first] == [0, 0, 0]
    assert len(parse(desk / "report.xml").findall(".//testcase")) == 83
    node = desk / "fourways.yaml"
    node.write_text(node.read_text(encoding="utf-8").replace("at_least: 0.4", "at_least: 0.99"), encoding="utf-8")
    assert run(first[-1][1:], desk) == 3
    assert "The gate says no" in (desk / "report.md").read_text(encoding="utf-8")
