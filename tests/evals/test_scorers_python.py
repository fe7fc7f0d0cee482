"""The project's own functions as scorers."""

import os

import pytest
from tests.evals.scripted import case, scoring

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered
from fourways.evals.scorers.base import Tools
from fourways.evals.scorers.python import ROWS

score = scoring(ROWS)

FILE = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Kept:
    text: str

def length(answer, case): return len(answer) / case["options"].get("most", 10)
def found(answer, case): return case["expected"][0] in answer
def told(answer, case): return {"score": 0.4, "reason": case["sources"][0]["text"], "passed": True}
async def later(answer, case): return 1
def broken(answer, case): return 1 / 0
def nothing(answer, case): return None
def words(answer, case): return "good"
def endless(answer, case): return float("inf")
def empty(answer, case): return {"reason": "no idea"}
def huge(answer, case): return 10**400
CONSTANT = 3
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "scorers.py").write_text(FILE)
    return Tools(folder=tmp_path)


GOOD = [
    ("length", 0.5, True, ""),
    ("found", 1.0, True, ""),
    ("told", 0.4, True, "a source"),
    ("later", 1.0, True, ""),
]
BAD = [
    ("broken", "ZeroDivisionError: division by zero, scorers.py:13"),
    ("nothing", "it returned None"),
    ("words", "it returned 'good'"),
    ("endless", "it returned inf"),
    ("empty", "no idea"),
    ("huge", "it returned 1000"),
]


@pytest.mark.parametrize(("function", "value", "passed", "reason"), GOOD)
async def test_what_a_function_returns_is_the_mark(project, function, value, passed, reason):
    answer = Answered(text="hello", sources=({"text": "a source"},))
    found = await score("python", case(expected=("ell",)), answer, project, value=f"evals/scorers.py:{function}")
    assert (found.value, found.passed, found.reason) == (value, passed, reason)


@pytest.mark.parametrize(("function", "reason"), BAD)
async def test_what_is_no_mark_says_why(project, function, reason):
    found = await score("python", case(), "hello", project, value=f"evals/scorers.py:{function}")
    assert (found.value, found.passed) == (None, None)
    assert reason in found.reason


async def test_it_gets_the_assertions_options(project):
    asked = {"value": "evals/scorers.py:length", "options": {"most": 5}}
    assert (await score("python", case(), "hello", project, **asked)).value == 1.0


WRONG = [
    ("evals/scorers.py", "right would be 'scorers.py:function'"),
    (None, "right would be 'scorers.py:function'"),
    (":length", "right would be 'scorers.py:function'"),
    ("../outside.py:length", "leads out of the project's folder"),
    ("/etc/passwd:length", "leads out of the project's folder"),
    ("link.py:length", "leads out of the project's folder"),
    ("evals/none.py:length", "there is no evals/none.py"),
    ("evals/scorers.py:none", "has no function 'none'"),
    ("evals/scorers.py:CONSTANT", "has no function 'CONSTANT'"),
]


@pytest.mark.parametrize(("value", "message"), WRONG)
async def test_a_wrong_name_stops_and_says_what_would_be_right(project, tmp_path, tmp_path_factory, value, message):
    outside = tmp_path_factory.mktemp("outside") / "outside.py"
    outside.write_text("def length(answer, case): return 1")
    (tmp_path / "link.py").symlink_to(outside)
    with pytest.raises(InvalidSuite, match=message):
        await score("python", case(), "hello", project, value=value)


async def test_without_a_project_there_is_no_folder():
    with pytest.raises(InvalidSuite, match="no project folder"):
        await score("python", case(), "hello", Tools(), value="scorers.py:length")


async def test_a_file_that_cannot_be_imported_is_no_mark(tmp_path):
    (tmp_path / "scorers.py").write_text("import a_package_that_nobody_has")
    found = await score("python", case(), "hello", Tools(folder=tmp_path), value="scorers.py:length")
    assert found.value is None
    assert "scorers.py cannot be imported: ModuleNotFoundError" in found.reason


async def test_an_edited_file_is_read_anew(tmp_path):
    file = tmp_path / "scorers.py"
    for at, value in enumerate((0.25, 0.75)):
        file.write_text(f"def length(answer, case): return {value}")
        os.utime(file, ns=(at, at))
        assert (await score("python", case(), "x", Tools(folder=tmp_path), value="scorers.py:length")).value == value
