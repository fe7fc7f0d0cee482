"""The documentation says what the code does: its commands are verbs, its keys are keys, its reference is made of it."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel
from tests.docs.blocks import PAGES, ROOT, Block, Command, blocks, commands

from fourways.cli.main import app
from fourways.config.tree import Project

TOOL = runpy.run_path(str(ROOT / "tools" / "make_reference.py"))
YAML = [block for page in PAGES for block in blocks(page, "yaml")]
COMMANDS = [command for page in PAGES for command in commands(page)]


@pytest.mark.parametrize("name", TOOL["PAGES"])
def test_the_reference_is_made_from_the_code(name: str) -> None:
    committed = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert committed == TOOL["PAGES"][name](), "run: python tools/make_reference.py"


def test_the_reference_shows_every_key_with_its_meaning() -> None:
    text = TOOL["config_page"]()
    nodes = dict(TOOL["_places"](Project, ""))
    keys = [field.alias or name for model in nodes for name, field in model.model_fields.items()]
    assert [name for name in keys if f"| `{name}` |" not in text] == []
    assert [line for line in text.splitlines() if line.endswith("|  |")] == []
    assert set(nodes) == {Project, *_nodes(Project)}


def _nodes(model: type[BaseModel]) -> set[type[BaseModel]]:
    inner = {each for field in model.model_fields.values() for each in TOOL["_models_in"](field.annotation)}
    return inner | {each for node in inner for each in _nodes(node)}


@pytest.mark.parametrize("shown", COMMANDS, ids=str)
def test_every_command_shown_is_one(shown: Command) -> None:
    command: Any = typer.main.get_command(app)
    rest = shown.arguments[2:] if shown.arguments[:1] in (["--project"], ["-p"]) else shown.arguments
    while hasattr(command, "commands") and rest:
        assert rest[0] in command.commands, f"{shown}: there is no verb {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    if rest or not shown.prose:
        command.make_context(command.name, list(rest))  # raises where the command line would


@pytest.mark.parametrize("block", YAML, ids=str)
def test_every_key_shown_is_one(block: Block) -> None:
    shown = yaml.safe_load(block.text)
    Project.model_validate({"project": "shown", **shown})


def test_the_pages_of_the_tasks_show_commands_and_yaml() -> None:
    assert len(COMMANDS) > 60
    assert len(YAML) > 8


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT / "docs"], ids=lambda page: page.name)
def test_a_page_of_this_machine_is_not_shown(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [word for word in ("/work/", "/root/", "/tmp/fw", "/home/") if word in text] == []
