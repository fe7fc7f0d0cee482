"""What the ways that train name: datasets, knowledge, bases, teachers, one dial; what is wrong is named."""

from pathlib import Path

import pytest

from fourways.config.load import parse_project
from fourways.config.references import knowledge_of_way
from fourways.config.tree import Project
from fourways.core.errors import InvalidProject


def parsed(folder: Path, ways: str) -> Project:
    text = (
        "project: x\nknowledge: {k: {sources: [{paths: [.]}]}, other: {sources: [{paths: [.]}]}}\n"
        "datasets: {towns: {files: [towns.jsonl]}, pages: {knowledge: k}}\n"
        f"apps: {{a: {{ways: {{{ways}}}}}}}"
    )
    (folder / "towns.jsonl").touch()
    return parse_project(text, file=folder / "fourways.yaml", environ={})


WRONG = [
    ("finetune: {datasets: [town]}", "finetune.datasets.*no dataset 'town'; did you mean 'towns'"),
    ("finetune: {datasets: []}", "finetune.datasets"),
    ("finetune: {datasets: [towns], general: none}", "finetune.general.*no dataset 'none'"),
    ("finetune: {datasets: [towns], knowledge: kk}", "finetune.knowledge.*no knowledge 'kk'"),
    ("finetune: {datasets: [towns], base_model: nowhere}", "no weights 'nowhere'; right would be fourways-small"),
    ("finetune: {datasets: [towns], base_model: ../up}", "no weights '../up'"),
    ("finetune: {datasets: [towns], method: distill}", "distill learns from a larger model: name it"),
    ("finetune: {datasets: [towns], teacher: org/big}", "finetune.teacher.*sft has none"),
    ("finetune: {datasets: [towns], model: echo}", "unknown key"),
    ("pretrain: {corpus: [kk]}", "pretrain.corpus.*no dataset 'kk'"),
    ("pretrain: {corpus: [k], minutes: 1, size: 2M}", "size and minutes are one dial"),
    ("pretrain: {corpus: [k], instructions: [k]}", "pretrain.instructions.*no dataset 'k'"),
]


@pytest.mark.parametrize(("ways", "says"), WRONG)
def test_what_is_wrong_is_said_with_its_key(tmp_path: Path, ways: str, says: str) -> None:
    with pytest.raises(InvalidProject, match=says):
        parsed(tmp_path, ways)


@pytest.mark.parametrize("base", ["fourways-small", "org/name", "org/name@main", "own"])
def test_a_base_is_the_packaged_one_a_hubs_or_a_folder(tmp_path: Path, base: str) -> None:
    (tmp_path / "own").mkdir()
    project = parsed(tmp_path, f"finetune: {{datasets: [towns], base_model: '{base}'}}")
    assert project.apps["a"].ways.finetune is not None


def test_a_way_rests_on_the_knowledge_that_it_reads_and_that_its_rows_are_made_of(tmp_path: Path) -> None:
    ways = (
        "finetune: {datasets: [towns, pages], knowledge: other}, pretrain: {corpus: [k, towns]}, prompt: {model: echo}"
    )
    project = parsed(tmp_path, ways)
    app = project.apps["a"].ways
    assert app.finetune is not None
    assert app.pretrain is not None
    assert app.prompt is not None
    assert knowledge_of_way(app.finetune, project) == ["other", "k"]
    assert knowledge_of_way(app.pretrain, project) == ["k"]
    assert knowledge_of_way(app.prompt, project) == []
