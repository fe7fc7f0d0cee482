"""The project's own scorers: a function in a file of the project, called with the answer and its case.

This is how another framework is plugged in, by a few lines in the project, in whatever shape that framework wants:

    # scorers.py, beside fourways.yaml:      assert: [{type: python, value: "scorers.py:f1", threshold: 0.6}]
    from azure.ai.evaluation import F1ScoreEvaluator

    def f1(answer, case):
        return F1ScoreEvaluator()(response=answer, ground_truth=case["expected"][0])["f1_score"]

A function may be async. It returns a number, a bool, or a dict of `score` with `reason` and `passed` where it likes.
"""

import asyncio
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from fourways.core.errors import Unavailable
from fourways.core.ids import digest
from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.asking import unless_failed
from fourways.evals.scorers.base import Mark, Scorer, Tools
from fourways.evals.scorers.wanted import invalid

Function = Callable[[str, dict[str, Any]], Any]


async def python(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:
    """Score by the function that the value names, as `scorers.py:function`, in a file inside the project's folder.

    It is called as `function(answer: str, case: dict)`, in a thread where it is not async. The case has `id`, `input`,
    `messages`, `expected`, `context`, `variables`, `metadata`, `options`, and of the answer `sources` and `citations`.
    What it raises makes a mark without a value, that says what and where.
    """
    function = find(asked, tools.folder)
    shown = _shown(case, answers[0], asked)
    try:
        if inspect.iscoroutinefunction(function):
            said = await function(answers[0].text, shown)
        else:
            said = await asyncio.to_thread(function, answers[0].text, shown)
    except Exception as error:  # noqa: BLE001 - the project's code may raise anything, and that is its mark
        return Mark(value=None, reason=_what(error))
    return read_mark(said)


def find(asked: Assertion, folder: Path | None) -> Function:
    """Return the function that an assertion's value names.

    Raises:
        InvalidSuite: the value has another form, leads out of the folder, or to nothing that can be called.
        Unavailable: the file cannot be imported.
    """
    path, colon, attribute = str(asked.value or "").rpartition(":")
    if not (colon and path and attribute):
        raise invalid(asked, f"value is {asked.value!r}; right would be 'scorers.py:function'")
    if folder is None:
        raise invalid(asked, f"there is no project folder to find {path} in")
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise invalid(asked, f"{path} leads out of the project's folder")
    if not file.is_file():
        raise invalid(asked, f"there is no {path} in the project's folder")
    function = getattr(_loaded(file, file.stat().st_mtime_ns), attribute, None)
    if not callable(function):
        raise invalid(asked, f"{path} has no function '{attribute}'")
    return function  # type: ignore[no-any-return]


def read_mark(said: object) -> Mark:
    """Make a mark of what a function returned: a number, a bool, or a dict of `score`, `reason`, `passed`."""
    if isinstance(said, Mapping):
        passed = said.get("passed")
        mark = read_mark(said.get("score"))
        reason = str(said.get("reason", "")) or mark.reason
        return Mark(value=mark.value, reason=reason, passed=passed if isinstance(passed, bool) else mark.passed)
    if isinstance(said, bool):
        return Mark(value=float(said), passed=said)
    try:
        value = float(said)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return Mark(value=None, reason=f"it returned {said!r:.200}; right would be a number, a bool or a dict of score")
    if not math.isfinite(value):
        return Mark(value=None, reason=f"it returned {value}, which is no figure")
    return Mark(value=value)


@lru_cache(maxsize=64)
def _loaded(file: Path, changed: int) -> ModuleType:
    """Import a file under a name of its own; again once it has changed (`changed` is its time, in nanoseconds).

    Raises:
        Unavailable: it cannot be imported.
    """
    name = f"fourways_project_{digest([str(file), changed])[:16]}"
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = str(file)
    try:
        # Not by the import system: its compiled files go by whole seconds, so that a quick second edit would be missed.
        exec(compile(file.read_bytes(), file, "exec"), module.__dict__)  # noqa: S102 - the project's own code
    except Exception as error:
        del sys.modules[name]
        raise Unavailable(f"{file.name} cannot be imported: {_what(error)}") from error
    return module


def _shown(case: Case, answered: Answered, asked: Assertion) -> dict[str, Any]:
    return {
        "id": case.id,
        "input": case.input,
        "messages": [dict(message) for message in case.messages],
        "expected": list(case.expected),
        "context": list(case.context),
        "variables": dict(case.variables),
        "metadata": dict(case.metadata),
        "options": dict(asked.options),
        "sources": [dict(source) for source in answered.sources],
        "citations": [dict(citation) for citation in answered.citations],
    }


def _what(error: Exception) -> str:
    """Say what was raised and where: the last frame."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f", {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


ROWS = (
    Scorer(
        name="python",
        line="the project's own function: `scorers.py:function`, called with the answer and its case",
        aided=unless_failed(python),
        threshold=0.5,
    ),
)
