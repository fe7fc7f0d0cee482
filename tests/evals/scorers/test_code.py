"""Code that must compile, run and pass its tests."""

import asyncio
import gzip
import json
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered, Score
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Tools
from fourways.evals.scorers.code import Task, program, written_code

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no sandbox on Windows")
HUMANEVAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "humaneval" / "HumanEval.jsonl.gz"

PROMPT = """from math import sqrt

def half(x):
    return x / 2

def root(x):
    '''Return the root.'''
"""
TASK = {
    "prompt": PROMPT,
    "entry_point": "root",
    "test": "def check(candidate):\n    assert candidate(16) == 4\n    assert candidate(4) == 2\n",
}


async def score(said: str, value: Any = None, *, metadata: Mapping[str, Any] | None = None, **options: Any) -> Score:
    case = Case(id="one", messages=({"role": "user", "content": "Write it."},), metadata=metadata or {})
    asked = Assertion(type="code", value=value, options=options)
    return await SCORERS["code"].score(case, [Answered(text=said)], asked, Tools())


ANSWERS = [
    # answer, whether it goes on rightly from the task's prompt
    ("    return sqrt(x)\n", True),
    ("return sqrt(x)", True),  # not indented
    ("if x:\n        return sqrt(x)\n    return 0", True),  # its first line stripped
    ("def root(x):\n    return sqrt(x)", True),  # whole, with the prompt's import
    ("def root(x):\n    return half(half(x)) if x == 16 else half(x)", True),  # … and its helper
    ("Here:\n```python\nfrom math import sqrt\n\ndef root(x):\n    return sqrt(x)\n```\nIt is short.", True),
    ("```\nreturn sqrt(x)\n```", True),
    ("```python\ndef root(x):\n    return sqrt(x)\n```\n```python\nprint(root(9))\n```", True),
    ("```python\ndef root(x):\n    return sqrt(x)\n```\n```bash\npip install roots\n```", True),
    ("def root(x):\n    return x / 4", False),
    ("    pass\n", False),
    ("    return sqrt(x", False),
    ("I cannot do that.", False),
    ("", False),
]


@pytest.mark.parametrize(("said", "right"), ANSWERS)
async def test_an_answer_goes_on_from_the_prompt_or_stands_alone(said, right):
    found = await score(said, metadata=TASK)
    assert (found.value, found.passed) == (float(right), right), found.reason
    assert (await score(said, TASK)) == found, "the task may as well be the value"


async def test_why_code_fails():
    assert (await score(" ", metadata=TASK)).reason == "the answer holds no code"
    assert (await score("def root(x):\n    return x / 4", metadata=TASK)).reason == (
        "failed: AssertionError (tests, line 3: assert candidate(4) == 2)"
    )
    assert (await score("def roots(x): pass", tests="pass", entry_point="root")).reason == (
        "failed: it defines no function 'root'"
    )
    assert (await score("while True: pass", timeout_seconds=0.5)).reason == "timed out: after 0.5 s"


async def test_tests_are_python_source_in_the_value_or_the_options():
    double = "```python\ndef double(x):\n    return 2 * x\n```"
    assert (await score(double, "assert double(2) == 4")).value == 1.0
    assert (await score(double, tests="assert double(2) == 5")).value == 0.0
    assert (await score(double, {"tests": "assert double(2) == 4", "entry_point": "double"})).value == 1.0


async def test_without_tests_it_must_run_and_print_what_is_expected():
    assert (await score("print(6 * 7)")).value == 1.0
    assert (await score("print(6 * 7)", {"output": 42})).value == 1.0
    other = await score("print(6 * 7)", output="41")
    assert (other.value, other.reason) == (0.0, "it printed '42'")
    assert (await score("1 / 0")).value == 0.0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tests": "assert"}, "the tests of case one do not compile: invalid syntax"),
    ({"language": "rust"}, "option 'language' is one of python, not 'rust'"),
    ({"entry_point": "a b"}, "is the name of a function, not 'a b'"),
    ({"timeout_seconds": 0.0}, "'timeout_seconds' is above 0"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
async def test_what_is_wrong_with_the_suite_is_said(options, message):
    with pytest.raises(InvalidSuite, match=message):
        await score("x = 1", **options)


async def test_tests_are_no_list():
    with pytest.raises(InvalidSuite, match="`tests` is Python source"):
        await score("x = 1", {"tests": ["assert x"]})


def test_code_is_taken_from_python_blocks_before_others():
    assert written_code("x = 1") == ("x = 1",)
    assert written_code("```\n1\n```\n```py\n2\n```") == ("2\n",)
    assert written_code("```python\n1\n```\n```python\n2\n```") == ("1\n\n2\n", "2\n")
    assert written_code("```js\n1\n```") == ("```js\n1\n```",), "another language is no Python"


def test_check_is_called_where_the_tests_have_one():
    assert program("x", Task(tests=TASK["test"], entry_point="root")).tests.endswith("\ncheck(root)\n")
    assert program("x", Task(tests="assert root", entry_point="root")).tests == "assert root"


async def _all_of_humaneval(answer: Callable[[Mapping[str, str]], str]) -> list[str]:
    """Return the tasks that an answer to each fails, two at a time."""
    if not HUMANEVAL.exists():
        pytest.skip(f"{HUMANEVAL} is not there")
    with gzip.open(HUMANEVAL, "rt") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == 164
    two = asyncio.Semaphore(2)

    async def failed(row: Mapping[str, str]) -> str:
        async with two:
            found = await score(answer(row), metadata=row)
        return "" if found.passed else row["task_id"]

    return [task for task in await asyncio.gather(*map(failed, rows)) if task]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        lambda row: row["canonical_solution"],
        lambda row: f"Sure:\n```python\n{row['prompt']}{row['canonical_solution']}```\nThat is it.",
        lambda row: textwrap.dedent(row["canonical_solution"]),
    ],
    ids=["as it goes on", "whole and fenced", "not indented"],
)
async def test_all_solutions_of_humaneval_pass(answer):
    assert await _all_of_humaneval(answer) == []


@pytest.mark.data
@pytest.mark.slow
async def test_no_empty_body_passes_humaneval():
    assert len(await _all_of_humaneval(lambda row: "    pass\n")) == 164
