"""A project file is read whole or refused with file, line, key, and what would be right."""
# ruff: noqa: E501 - a table of cases

from datetime import timedelta
from pathlib import Path

import pytest

from fourways.config.load import load_project, parse_project
from fourways.config.tree import FileSource, Project
from fourways.config.watch import ProjectFile
from fourways.core.errors import InvalidProject

GOOD = """
project: helpdesk
knowledge:
  handbook:
    sources:
      - paths: [docs]
    refresh: 15m
apps:
  helpdesk:
    ways:
      rag: {knowledge: handbook}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "fourways.yaml").write_text(GOOD)
    return tmp_path


def read(text: str, folder: Path, environ: dict[str, str] | None = None) -> Project:
    return parse_project(text, file=folder / "fourways.yaml", environ=environ or {})


def problems(text: str, folder: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidProject) as caught:
        read(text, folder, environ)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_becomes_a_frozen_tree(folder: Path) -> None:
    project = load_project(folder, {})
    assert project.knowledge["handbook"].refresh == timedelta(minutes=15)
    source = project.knowledge["handbook"].sources[0]
    assert isinstance(source, FileSource)
    assert source.paths == ["docs"]
    with pytest.raises(ValueError, match="frozen"):
        project.project = "other"


# what is written, the line it stands on, what the message says
WRONG = [
    ("knowledge:", "knowlege:", ":3:knowlege: unknown key; did you mean 'knowledge'?"),
    ("refresh: 15m", "refresh: soon", "refresh: 'soon' is no duration: write seconds"),
    ("refresh: 15m", "refresh: 15m\n    refresh: 1h", ":8:knowledge.handbook: 'refresh' stands twice"),
    ("- paths: [docs]", "- paths: [dosc]", ":6:knowledge.handbook.sources[0].paths[0]: there is no dosc; did you mean docs?"),
    ("- paths: [docs]", "- path: [docs]", ":6:knowledge.handbook.sources[0].path: unknown key; did you mean 'paths'?"),
    ("- paths: [docs]", "- {type: ftp}", "there is no such source type; there is: files, web"),
    ("knowledge: handbook}", "knowledge: handbok}", ":11:apps.helpdesk.ways.rag.knowledge: there is no knowledge 'handbok'; did you"),
    ("knowledge: handbook}", "knowledge: handbook, limit: 0}", "ways.rag.limit: input should be greater than or equal to 1"),
    ("knowledge: handbook}", "knowledge: handbook, model: gtp}", "there is no model 'gtp'"),
    ("knowledge: handbook}", "knowledge: handbook, template: x.j2}", "template: there is no x.j2"),
    ("project: helpdesk", "project: Help Desk", ":2:project: 'Help Desk' is no good name"),
    ("project: helpdesk", "", "project: is required"),
    ("project: helpdesk", "project: helpdesk\nproviders: {a: {api_key: '${NOPE}'}}", "api_key: the environment has no NOPE"),
    ("project: helpdesk", "project: [", "is no YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "says"), WRONG, ids=[bad[:30] for _, bad, _ in WRONG])
def test_a_wrong_file_says_where_and_what_would_be_right(folder: Path, good: str, bad: str, says: str) -> None:
    found = problems(GOOD.replace(good, bad), folder)
    assert any(says in problem for problem in found), found


def test_a_gate_may_be_its_rules_alone_in_a_stage_too(folder: Path) -> None:
    gate = "[{metric: passed, at_least: 0.5}]"
    project = read(GOOD + f"    release: {{gate: {gate}, stages: {{staging: {{gate: {gate}}}}}}}\n", folder)
    release = project.apps["helpdesk"].release
    assert release.stages["staging"].gate == release.gate


def test_all_problems_are_told_at_once(folder: Path) -> None:
    text = GOOD.replace("helpdesk\n", "Help Desk\n", 1).replace("15m", "soon").replace("[docs]", "[nope]")
    assert len(problems(text, folder)) == 2  # types first; references once types are right


def test_variables_come_from_the_environment(folder: Path) -> None:
    text = GOOD + 'providers: {a: {api_key: "${KEY}", base_url: "${URL:-http://x}", headers: {q: "$${RAW}"}}}'
    provider = read(text, folder, {"KEY": "secret"}).providers["a"]
    assert (provider.api_key, provider.base_url, provider.headers["q"]) == ("secret", "http://x", "${RAW}")
    assert "secret" not in repr(provider)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidProject, match="fourways init"):
        load_project(tmp_path, {})


def test_an_edit_is_swapped_in_and_a_bad_one_changes_nothing(folder: Path) -> None:
    watched = ProjectFile(folder, dict)
    assert watched.look_again() is None
    (folder / "fourways.yaml").write_text(GOOD.replace("15m", "20m"))
    reload = watched.look_again()
    assert reload is not None
    assert reload.project is not None
    assert reload.project.knowledge["handbook"].refresh == timedelta(minutes=20)
    (folder / "fourways.yaml").write_text(GOOD.replace("15m", "never"))
    refused = watched.look_again()
    assert refused is not None
    assert refused.error is not None
    assert watched.project is reload.project
    assert watched.look_again() is None  # said once
