"""How a run's program ended: its result, its refusal in its own words, or the end of what it said."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fourways.core.errors import InvalidRequest, Unavailable
from fourways.launch.base import RESULT, RUN, Program
from fourways.launch.reports import result_of

LOG, LOCK = "log", "launch.lock"
"""Of a run's folder: what its programs said, and what a running one holds."""
PROGRAM = "fourways.training"
"""The training program; its last word, where it refuses something, begins so."""
REFUSED = 2
"""The exit code of a program that refuses its input."""
TAIL = 2000
"""Characters of what a program said last that go into an error."""

_WORKER_REFUSED = re.compile(rf"^\s*exitcode\s*:\s*{REFUSED}\b", re.MULTILINE)
"""In the report of torch's launcher, which ends with 1 whatever its workers end with."""


def require_run(folder: Path) -> None:
    """Raise InvalidRequest where a folder says nothing of what is to be done."""
    if not (folder / RUN).is_file():
        raise InvalidRequest(f"there is no {RUN} in {folder}: nothing says what is to be done")


def require_result(folder: Path) -> Mapping[str, Any]:
    """Return what came out of a run that ended well; raises Unavailable where it left nothing."""
    result = result_of(folder)
    if result is None:
        raise Unavailable(f"the training program in {folder} ended well but left no {RESULT}")
    return result


def failure(code: int, said: str, program: Program) -> InvalidRequest | Unavailable:
    """Make an error of a program's end.

    Args:
        code: what it ended with.
        said: all that it said, this time.
    """
    refused = code == REFUSED or (program.processes > 1 and _WORKER_REFUSED.search(said))
    lines = [line for line in said.splitlines() if line.startswith(f"{PROGRAM}: ")]
    if refused and lines:
        return InvalidRequest(lines[-1].removeprefix(f"{PROGRAM}: "))
    tail = said.strip()[-TAIL:] or "it said nothing"
    return Unavailable(f"training in {program.folder} ended with {code}: {tail}")


def length_of(log: Path) -> int:
    """Return how much a log holds, in bytes; 0 where there is none."""
    return log.stat().st_size if log.exists() else 0


def said_since(log: Path, begin: int) -> str:
    """Return what a log holds after its first `begin` bytes."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(begin)
        return file.read().decode(errors="replace")
