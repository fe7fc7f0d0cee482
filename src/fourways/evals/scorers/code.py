"""The scorer of code: the answer holds a Python program that compiles, runs and passes its tests, in the sandbox."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.sandbox import MEMORY_MIB, SECONDS, Limits, Outcome, Program, run
from fourways.evals.scorers.asking import unless_failed
from fourways.evals.scorers.base import Mark, Scorer, Tools
from fourways.evals.scorers.blocks import fenced
from fourways.evals.scorers.wanted import invalid, one_of, settings

PYTHON = frozenset({"python", "py", "python3", "pycon"})
"""What people write after a fence."""
_INDENT = "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the code has to do.

    Attributes:
        prompt: source that the answer may go on from, as in HumanEval: imports, and a function without a body.
        tests: Python source that raises where the code is wrong.
        entry_point: the function that the code must define; "" where any will do.
        output: what it must print, but for outer spaces; None where that does not matter.
    """

    prompt: str = ""
    tests: str = ""
    entry_point: str = ""
    output: str | None = None


async def code(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:  # noqa: ARG001 - an `Aided`
    """Whether the answer holds code, fenced or bare, that compiles, runs and passes its tests.

    The tests are the option `tests` or the value, Python source with asserts; or the value or the case's metadata hold
    a HumanEval task (Chen et al. 2021): `prompt`, `test` with a function `check`, `entry_point`. An answer that does
    not define the entry point is taken to go on from the prompt. Without tests it must run, and print what `output`
    says. Options: `tests`, `entry_point`, `output`, `timeout_seconds` (10), `memory_mib` (512), `language` (python).

    Raises:
        InvalidSuite: the suite's own tests do not compile.
    """
    options = settings(
        asked,
        {
            "tests": "",
            "entry_point": "",
            "output": None,
            "timeout_seconds": SECONDS,
            "memory_mib": MEMORY_MIB,
            "language": "python",
        },
    )
    one_of(asked, "language", options["language"], {"python": None})
    if (bad := next((name for name in ("timeout_seconds", "memory_mib") if options[name] <= 0), None)) is not None:
        raise invalid(asked, f"option '{bad}' is above 0, not {options[bad]}")
    task = _task(case, asked, options)
    text = answers[0].text
    if not text.strip():
        return Mark(value=0.0, reason="the answer holds no code")
    limits = Limits(seconds=options["timeout_seconds"], memory_mib=options["memory_mib"])
    outcome = await run(program(text, task), limits)
    if outcome.kind == "broken tests":
        raise invalid(asked, f"the tests of case {case.id} do not compile: {outcome.detail}")
    return _mark(outcome, task)


def program(answer: str, task: Task) -> Program:
    """Make a program of an answer and what it has to do."""
    sources = written_code(answer)
    tests = task.tests
    if task.entry_point and re.search(r"^def check\(", tests, re.MULTILINE):
        tests = f"{tests}\n\ncheck({task.entry_point})\n"
    if not task.prompt:
        parts: tuple[tuple[str, tuple[str, ...]], ...] = (("answer", sources),)
    elif any(_defines(source, task.entry_point) for source in sources):
        parts = (("prompt", (task.prompt, "")), ("answer", sources))  # its imports and helpers, if it stands alone
    else:
        parts = (("answer", tuple(reading for source in sources for reading in _continued(task.prompt, source))),)
    return Program(parts=parts, tests=tests, entry_point=task.entry_point)


def written_code(answer: str) -> tuple[str, ...]:
    """Return the code that an answer holds: its Python blocks together, or the last of them; or the answer itself."""
    blocks = fenced(answer)
    python = [block.text for block in blocks if block.language in PYTHON]
    python = python or [block.text for block in blocks if not block.language]
    if not python:
        return (answer,)
    return (python[0],) if len(python) == 1 else ("\n".join(python), python[-1])


def _continued(prompt: str, source: str) -> tuple[str, str, str]:
    """Return the ways in which a body may go on from a prompt: as it is, not indented, or with its first line alone."""
    body = source.strip("\n")
    return f"{prompt}{source}", f"{prompt}{indent(body, _INDENT)}\n", f"{prompt}{_INDENT}{body.lstrip()}\n"


def _defines(source: str, name: str) -> bool:
    pattern = rf"^(?:(?:async\s+)?def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*="
    return bool(name) and re.search(pattern, source, re.MULTILINE) is not None


def _task(case: Case, asked: Assertion, options: Mapping[str, Any]) -> Task:
    value = asked.value if isinstance(asked.value, Mapping) else {"tests": asked.value or ""}
    given = {**case.metadata, **value, **{name: one for name, one in options.items() if one}}
    entry_point = str(given.get("entry_point") or "")
    if entry_point and not entry_point.isidentifier():
        raise invalid(asked, f"'entry_point' is the name of a function, not {entry_point!r}")
    tests = next((given[name] for name in ("tests", "test") if given.get(name)), "")
    if not isinstance(tests, str):
        raise invalid(asked, f"`tests` is Python source, not {tests!r}")
    output = given.get("output")
    return Task(
        prompt=str(given.get("prompt") or ""),
        tests=tests,
        entry_point=entry_point,
        output=None if output is None else str(output),
    )


def _mark(outcome: Outcome, task: Task) -> Mark:
    if not outcome.passed:
        return Mark(value=0.0, reason=f"{outcome.kind}: {outcome.detail}".rstrip(": "))
    if task.output is not None and outcome.output.strip() != task.output.strip():
        return Mark(value=0.0, reason=f"it printed {outcome.output.strip()[:200]!r}")
    return Mark(value=1.0)


ROWS = (
    Scorer(
        name="code",
        line="the answer holds code that compiles, runs and passes its tests (Python)",
        aided=unless_failed(code, of_failed=True),
    ),
)
