"""The documentation says what the code does: its commands are verbs, its keys are keys, its reference is made of it."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel
from tests.docs.blocks import PAGES, ROOT, Block, blocks, commands

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
    keys = [name for model in nodes for name in model.model_fields]
    assert [name for name in keys if f"| `{name}` |" not in text] == []
    assert [line for line in text.splitlines() if line.endswith("|  |")] == []
    assert set(nodes) == {Project, *_nodes(Project)}


def _nodes(model: type[BaseModel]) -> set[type[BaseModel]]:
    inner = {each for field in model.model_fields.values() for each in TOOL["_models_in"](field.annotation)}
    return inner | {each for node in inner for each in _nodes(node)}


@pytest.mark.parametrize(("place", "arguments"), COMMANDS, ids=[place for place, _ in COMMANDS])
def test_every_command_shown_is_one(place: str, arguments: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    context = command.make_context("fourways", _global_options(arguments)[0], resilient_parsing=True)
    rest = _global_options(arguments)[1]
    while hasattr(command, "commands"):
        if not rest or rest == ["--help"]:
            return
        assert rest[0] in command.commands, f"{place}: there is no verb {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    if rest or any(param.required for param in command.params):
        _parse(command, rest, context, bare=not rest and " " not in place.rpartition("fourways ")[2])


def _global_options(arguments: list[str]) -> tuple[list[str], list[str]]:
    taken = 2 if arguments[:1] in (["--project"], ["-p"]) else 0
    return arguments[:taken], arguments[taken:]


def _parse(command: Any, arguments: list[str], parent: Any, *, bare: bool) -> None:
    """Parse as the command line would; a verb merely named in prose needs no arguments."""
    command.make_context(command.name, list(arguments), parent=parent, resilient_parsing=bare)


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
