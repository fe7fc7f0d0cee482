"""`datasets:` of the project file: what a dataset is told by, and what is wrong with one, with its line."""

from pathlib import Path

import pytest

from fourways.config.datasets import FeedbackDataset, FilesDataset, KnowledgeDataset
from fourways.config.load import parse_project
from fourways.core.errors import InvalidProject

PROJECT = """\
project: one
knowledge: {k: {sources: [{paths: [.]}]}}
apps: {desk: {ways: {prompt: {model: echo}}}}
datasets:
"""


def parse(folder: Path, *datasets: str) -> dict[str, object]:
    text = PROJECT + "".join(f"  {one}\n" for one in datasets)
    return dict(parse_project(text, file=folder / "fourways.yaml", environ={}).datasets)


def test_a_dataset_is_told_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    found = parse(
        tmp_path, "a: {files: [a.jsonl, more/*.csv]}", "b: {knowledge: k, context: both}", "c: {feedback: desk}"
    )
    assert [type(one) for one in found.values()] == [FilesDataset, KnowledgeDataset, FeedbackDataset]


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("a: {valid: 0.1}", "fourways.yaml:5:datasets.a: a dataset needs one of: files, knowledge, feedback"),
        ("a: {files: [b.jsonl]}", r"fourways.yaml:5:datasets.a.files\[0\]: there is no b.jsonl"),
        ("a: {knowledge: x}", "datasets.a.knowledge: there is no knowledge 'x'; there is: k"),
        ("a: {knowledge: k, model: mian}", "datasets.a.model: there is no model 'mian'"),
        ("a: {knowledge: k, contxt: true}", "datasets.a.contxt: unknown key; did you mean 'context'"),
        ("a: {feedback: dsk}", "datasets.a.feedback: there is no app 'dsk'; did you mean 'desk'"),
        ("a: {feedback: desk, kind: rlhf}", "datasets.a.kind: input should be 'sft', 'dpo' or 'kto'"),
        ("a: {feedback: desk, valid: 2}", "datasets.a.valid: input should be less than or equal to 1"),
    ],
)
def test_a_wrong_dataset_is_named_with_what_would_be_right(tmp_path: Path, dataset: str, says: str) -> None:
    with pytest.raises(InvalidProject, match=says):
        parse(tmp_path, dataset)
