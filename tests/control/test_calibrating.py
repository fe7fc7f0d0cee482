"""The answers that people judged, as a project names them."""

import json
from pathlib import Path

import pytest

from fourways.config.testing import TestsNode
from fourways.control.calibrating import labelled_answers
from fourways.core.errors import InvalidSuite

ROW = {"input": "Where?", "answer": "Here.", "good": "yes"}


@pytest.mark.parametrize("pattern", ["judged.jsonl", "*.jsonl", "../beside/*.jsonl", "{beside}/*.jsonl"])
def test_they_are_read_from_the_project_and_from_beside_it(tmp_path: Path, pattern: str):
    for name in ("project", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "judged.jsonl").write_text(json.dumps(ROW))
    node = TestsNode(calibration=[pattern.format(beside=tmp_path / "beside")])
    (read,) = labelled_answers(node, tmp_path / "project")
    assert (read.question, read.answer, read.good) == ("Where?", "Here.", True)


@pytest.mark.parametrize("pattern", ["none.jsonl", "none*.jsonl"])
def test_what_is_not_there_is_named(tmp_path: Path, pattern: str):
    with pytest.raises(InvalidSuite, match="none"):
        labelled_answers(TestsNode(calibration=[pattern]), tmp_path)


def test_what_is_wrong_is_named_by_its_line_in_the_file(tmp_path: Path):
    (tmp_path / "judged.jsonl").write_text(f"\n{json.dumps(ROW)}\n\n{json.dumps(ROW | {'good': 'perhaps'})}\n")
    with pytest.raises(InvalidSuite, match=r"judged\.jsonl:4: good is 'perhaps'"):
        labelled_answers(TestsNode(calibration=["judged.jsonl"]), tmp_path)
