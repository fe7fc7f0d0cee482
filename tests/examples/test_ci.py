"""The CI examples are YAML, and what they run are verbs with options that exist."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from fourways.cli.main import app

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "ci"


def lines_of(name: str) -> list[str]:
    plain: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    if name.startswith("gitlab"):
        return [*plain["evaluate"]["before_script"], *plain["evaluate"]["script"]]
    return [step["run"] for step in plain["jobs"]["evaluate"]["steps"] if "run" in step]


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_every_command_is_one(name: str):
    commands: Any = typer.main.get_command(app)
    shown = [shlex.split(line)[1:] for line in lines_of(name) if line.startswith("fourways ")]
    assert [words[0] for words in shown] == ["doctor", "ingest", "eval"]
    for verb, *rest in shown:
        commands.commands[verb].make_context(verb, rest)


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_torch_is_installed_first_and_pinned(name: str):
    installs = [line for line in lines_of(name) if line.startswith("pip install")]
    assert installs[0] == "pip install torch==2.13.0"
