"""The bundled projects: found by name; the blank one loads as it is, and with everything in it switched on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from fourways import samples
from fourways.config.load import load_project
from fourways.config.tree import Project
from fourways.core.errors import NotFound

BLANK = samples.folder("blank")
SWITCHED_OFF = re.compile(r"^( *)# (?=[ \S])")


def switched_on() -> str:
    """The blank project file with every single # taken away."""
    lines = (BLANK / "fourways.yaml").read_text(encoding="utf-8").splitlines()
    return "\n".join(SWITCHED_OFF.sub(r"\1", line) for line in lines if not line.lstrip().startswith("##"))


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Every key that the project file knows, at any depth."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for kind in _models_in(field.annotation):
            yield from keys_of(kind)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def test_the_bundled_projects_are_listed() -> None:
    assert samples.names() == ["blank", "helpdesk"]


@pytest.mark.parametrize("name", ["helpdesc", "", "..", "../samples/blank", "__pycache__"])
def test_an_unknown_sample_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(NotFound, match="helpdesk"):
        samples.folder(name)


def test_the_blank_project_loads() -> None:
    project = load_project(BLANK, {})
    assert project.project == "my-project"
    assert project.apps["assistant"].default_way == "rag"


def test_every_switched_off_line_of_the_blank_project_is_right() -> None:
    project = Project.model_validate(yaml.safe_load(switched_on()))
    assert project.models["main"].targets[1] == "cloud/gpt-5-mini"
    assert len(project.knowledge["documents"].sources) == 2


def test_the_blank_project_shows_every_key_there_is() -> None:
    shown = set(re.findall(r"([a-zA-Z_]+):", switched_on()))
    assert set(keys_of(Project)) - shown == set()


def test_what_the_blank_project_shows_as_default_is_the_default() -> None:
    on = Project.model_validate(yaml.safe_load(switched_on()))
    plain = Project(project="plain")
    knowledge = on.knowledge["documents"]
    bare = type(knowledge)(sources=list(knowledge.sources))
    assert (on.network, on.retention) == (plain.network, plain.retention)
    assert on.server.model_copy(update={"cors_origins": []}) == plain.server
    assert (knowledge.chunk, knowledge.embedding, knowledge.keep_snapshots) == (
        bare.chunk, bare.embedding, bare.keep_snapshots,
    )  # fmt: skip
    assert knowledge.search.model_copy(update={"reranker": None}) == bare.search
    main = on.models["main"]
    fresh = type(main)(targets=["openai/gpt-5-mini"])
    assert (main.timeout, main.retry, main.breaker) == (fresh.timeout, fresh.retry, fresh.breaker)


@pytest.mark.parametrize("name", ["blank", "helpdesk"])
def test_a_project_keeps_its_state_out_of_git(name: str) -> None:
    folder: Path = samples.folder(name)
    assert ".fourways/" in (folder / "gitignore").read_text(encoding="utf-8")
    assert not (folder / ".gitignore").exists()
