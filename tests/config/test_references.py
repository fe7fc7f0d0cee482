"""What an app's tests and releases name: files, outright or by a glob, in the project or beside it; and models."""

from pathlib import Path

import pytest

from fourways.config.load import parse_project
from fourways.config.references import files_of_tests
from fourways.config.tree import Project
from fourways.core.errors import InvalidProject


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("project/a.jsonl", "project/more/b.jsonl", "elsewhere/c.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path / "project"


def with_tests(folder: Path, *files: str) -> Project:
    text = f"project: x\napps: {{a: {{ways: {{prompt: {{model: echo}}}}, tests: {list(files)}}}}}"
    return parse_project(text, file=folder / "fourways.yaml", environ={})


def test_files_of_tests_are_those_of_the_project_globs_filled_in(folder: Path) -> None:
    assert files_of_tests(with_tests(folder, "a.jsonl", "more/*.jsonl"), folder) == ["a.jsonl", "more/b.jsonl"]


@pytest.mark.parametrize("named", ["{beside}/c.jsonl", "{beside}/*.jsonl", "../elsewhere/c.jsonl", "../elsewhere/*"])
def test_files_beside_the_project_may_be_named_and_are_not_of_it(folder: Path, named: str) -> None:
    project = with_tests(folder, "a.jsonl", named.format(beside=folder.parent / "elsewhere"))
    assert files_of_tests(project, folder) == ["a.jsonl"]


@pytest.mark.parametrize("glob", ["/nowhere/*.jsonl", "x**", "more/x*"])
def test_a_glob_that_matches_nothing_is_named(folder: Path, glob: str) -> None:
    with pytest.raises(InvalidProject, match="no file matches"):
        with_tests(folder, glob)


@pytest.mark.parametrize(
    ("place", "written"),
    [
        ("tests.robustness.model", "tests: {robustness: {model: mian}}"),
        ("release.canary.analysis.judge", "release: {canary: {analysis: {judge: mian}}}"),
        (
            "release.stages.staging.canary.analysis.judge",
            "release: {stages: {staging: {canary: {analysis: {judge: mian}}}}}",
        ),
    ],
)
def test_a_model_that_is_not_there_is_named_by_its_place(folder: Path, place: str, written: str) -> None:
    text = f"project: x\nmodels: {{main: {{targets: [a/b]}}}}\napps: {{a: {{ways: {{prompt: {{}}}}, {written}}}}}"
    with pytest.raises(InvalidProject, match=rf"apps\.a\.{place}: there is no model 'mian'; did you mean 'main'"):
        parse_project(text, file=folder / "fourways.yaml", environ={})
