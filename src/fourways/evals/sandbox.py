"""Runs a program that somebody else wrote in a process of its own, shut in, and says what became of it.

What holds it:
- limits of the kernel on memory, processor time, file sizes, open files and, where the user is not root, processes;
  a limit on the wall clock and on output, after which its whole process group is killed;
- an empty folder, deleted afterwards, an empty environment, Python in isolated mode with its standard library alone;
- on Linux, where the kernel has them (`Outcome.fences` names those that stood): a network namespace without
  interfaces; Landlock, which leaves it its folder to write in and Python's and the system's libraries to read; seccomp,
  which refuses sockets, new processes and reaching into others on x86-64 and ARM64;
- everywhere, an audit hook in Python that refuses the same by name, so that a program is told what it may not do.

What it does not hold: an audit hook is no fence against code that sets out to break Python itself (PEP 578 says so);
where no kernel fence stood (macOS, some containers) only mishaps are caught. seccomp lists what is refused, not what is
allowed, so the kernel's own mistakes remain in reach, and so do timing and what the system's libraries say of the
machine. A program that sets out to may report itself as passed. For code from enemies, take a virtual machine.
"""

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fourways.core.errors import Unavailable

MIB = 2**20
SECONDS, MEMORY_MIB = 10.0, 512
"""What a program may use where nothing else is said."""
PROCESSES = 64
"""Processes and threads, as the kernel counts them: of the user, in the namespace."""
_CHUNK = 65536
_HOME = str(Path(__file__).parents[2])
_START = """import sys
sys.path.insert(0, {home!r})
from fourways.evals.confined import main
del sys.path[0]
main({tell})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may use.

    Attributes:
        seconds: on the wall clock, the start of Python (some .05 s) counted in; processor time is held to the same.
        memory_mib: of address space, Python's own 20 or so counted in.
        output_bytes: written to stdout and to stderr, each.
        file_bytes: of any one file.
    """

    seconds: float = SECONDS
    memory_mib: int = MEMORY_MIB
    output_bytes: int = 256 * 1024
    file_bytes: int = 16 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Python source to be run.

    Attributes:
        parts: run one after the other in one module, by name; of several readings of a part, the first that compiles.
        tests: run last; they pass if they raise nothing. Without any, the program is run as `__main__`.
        entry_point: a function that the parts must define; "" for none.
    """

    parts: tuple[tuple[str, tuple[str, ...]], ...]
    tests: str = ""
    entry_point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a program.

    Attributes:
        kind: `passed`, `failed` (a test, or no entry point), `does not compile`, `raised`, `timed out`, `out of
            memory`, `wrote too much`, `ended` (by a signal or by itself), `broken tests` (the suite's own do not
            compile).
        detail: for people: the error and its line.
        output: what it wrote to stdout.
        fences: of the kernel, those that stood.
    """

    kind: str
    detail: str = ""
    output: str = ""
    seconds: float = 0.0
    fences: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and its tests passed."""
        return self.kind == "passed"


@dataclass(slots=True)
class _Heard:
    """What came out of the process so far."""

    streams: dict[str, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})
    overflowed: bool = False


async def run(program: Program, limits: Limits | None = None) -> Outcome:
    """Run a program; whatever it does, return within its seconds and leave nothing of it.

    Raises:
        Unavailable: Python could not be started, or could not shut itself in.
    """
    limits = limits or Limits()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fourways-code-", ignore_cleanup_errors=True) as folder:
        task = _task(program, limits, folder)
        hear, tell = os.pipe()
        try:
            os.set_blocking(hear, False)
            process = await _started(folder, tell)
            heard = _Heard()
            timed_out = not await _finished(process, task, heard, limits)
            told = _read(hear)
        finally:
            os.close(hear)
            os.close(tell)
    outcome = _outcome(told, process.returncode or 0, heard, limits, timed_out=timed_out)
    return Outcome(
        kind=outcome.kind,
        detail=outcome.detail,
        output=heard.streams["stdout"].decode(errors="replace"),
        seconds=time.monotonic() - begun,
        fences=outcome.fences,
    )


async def _started(folder: str, tell: int) -> asyncio.subprocess.Process:
    command = [
        sys.executable,
        "-I",
        "-S",
        "-B",
        "-X",
        "utf8",
        "-W",
        "ignore",
        "-c",
        _START.format(home=_HOME, tell=tell),
    ]
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={},
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            pass_fds=(tell,),
            start_new_session=True,
        )
    except OSError as error:
        msg = f"the sandbox's Python could not be started: {error}"
        raise Unavailable(msg) from error


async def _finished(process: asyncio.subprocess.Process, task: bytes, heard: _Heard, limits: Limits) -> bool:
    """Hand the task over and wait for the end, or kill it; return whether it ended in time."""
    waiting = asyncio.gather(_fed(process, task), *(_listened(process, name, heard, limits) for name in heard.streams))
    try:
        await asyncio.wait_for(waiting, limits.seconds)
    except TimeoutError:
        return False
    finally:
        _kill(process)
        await process.wait()
    return True


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _fed(process: asyncio.subprocess.Process, task: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with contextlib.suppress(ConnectionError):
        process.stdin.write(task)
        await process.stdin.drain()
    process.stdin.close()
    await process.wait()


async def _listened(process: asyncio.subprocess.Process, name: str, heard: _Heard, limits: Limits) -> None:
    stream: asyncio.StreamReader = getattr(process, name)
    while chunk := await stream.read(_CHUNK):
        kept = heard.streams[name]
        kept += chunk[: limits.output_bytes - len(kept)]
        if len(kept) >= limits.output_bytes and not heard.overflowed:
            heard.overflowed = True
            _kill(process)


def _task(program: Program, limits: Limits, folder: str) -> bytes:
    task = {
        "parts": program.parts,
        "tests": program.tests,
        "entry_point": program.entry_point,
        "folder": folder,
        "memory_bytes": limits.memory_mib * MIB,
        "cpu_seconds": math.ceil(limits.seconds),
        "file_bytes": limits.file_bytes,
        "processes": PROCESSES,
    }
    return json.dumps(task).encode()


def _read(hear: int) -> list[Mapping[str, Any]]:
    """Return the lines that the process told; none that it could not finish, or that are none of ours."""
    with contextlib.suppress(BlockingIOError):
        lines = os.read(hear, _CHUNK).splitlines()
        with contextlib.suppress(ValueError):
            return [line for line in map(json.loads, lines) if isinstance(line, dict)]
    return []


def _outcome(told: list[Mapping[str, Any]], status: int, heard: _Heard, limits: Limits, *, timed_out: bool) -> Outcome:
    if not told and not timed_out:
        msg = f"the sandbox could not shut itself in: {heard.streams['stderr'].decode(errors='replace')[-500:]}"
        raise Unavailable(msg)
    fences = tuple(told[0].get("fences", ())) if told else ()
    if heard.overflowed:
        return Outcome(kind="wrote too much", detail=f"more than {limits.output_bytes} bytes", fences=fences)
    if len(told) > 1:
        return Outcome(kind=str(told[1].get("kind")), detail=str(told[1].get("detail", "")), fences=fences)
    if timed_out or status == -signal.SIGXCPU:
        return Outcome(kind="timed out", detail=f"after {limits.seconds:g} s", fences=fences)
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    return Outcome(kind="ended", detail=f"before its end, by {how}", fences=fences)
