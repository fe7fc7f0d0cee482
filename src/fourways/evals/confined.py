"""Runs inside the sandbox's own process: shuts itself in, runs the program it is handed, says what became of it.

Standard library only: there is nothing else in that process. It reads one JSON object from stdin and writes JSON lines
to a descriptor: `{"fences": […]}` before the program, `{"kind": …, "detail": …}` after it.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, ModuleType, TracebackType
from typing import Any

from fourways.evals.walls import shut_in

RESERVE = 8 * 2**20
"""Bytes kept back, so that a program out of memory can still be reported."""
LONGEST = 2000
"""Characters of a detail."""
SHOWN = 200
"""Characters of a line of source in a detail."""
TESTS = "tests"
"""The part that is the suite's own."""

# ---------------------------------------------------------------- Python's fence

REFUSED = (
    *("socket.", "subprocess.", "ctypes.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system"),
    *("os.startfile", "os.kill", "signal.pthread_kill", "pty.spawn", "resource.setrlimit", "resource.prlimit"),
    *("syslog.", "webbrowser.", "cpython.run_"),
)
"""Audit events that no program needs to pass its tests (sys.audit; the names may go on after these)."""
REFUSED_MODULES = frozenset({"ctypes", "_ctypes", "_posixsubprocess", "_testcapi", "_xxsubinterpreters"})
CHANGES = frozenset(
    f"os.{name}"
    for name in (
        *("chflags", "chmod", "chown", "lchmod", "lchown", "link", "mkdir", "mkfifo", "mknod", "remove", "removexattr"),
        *("rename", "rmdir", "setxattr", "symlink", "truncate", "unlink", "utime"),
    )
)
LISTINGS = frozenset({"os.listdir", "os.scandir", "os.walk", "os.fwalk"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_UNIX = 1


def watcher(folder: str, readable: Sequence[str]) -> Callable[[str, tuple[Any, ...]], None]:
    """Return the audit hook (PEP 578): refuses by name of the event, and by path what reads or writes elsewhere."""
    written, read = (folder, "/dev/null"), (folder, *readable, "/dev/null", "/dev/urandom")

    def opening(event: str, args: tuple[Any, ...]) -> None:  # noqa: ARG001 - one of `looks`
        path, mode, flags = args
        writes = bool(isinstance(flags, int) and flags & _WRITING) or bool(set(mode or "") & set("wax+"))
        if not _inside(path, written if writes else read):
            refuse(f"{'writing' if writes else 'reading'} {path!r}")

    def changing(event: str, args: tuple[Any, ...]) -> None:
        if not all(_inside(path, written) for path in args if isinstance(path, str | bytes)):
            refuse(f"{event} outside its folder")

    def listing(event: str, args: tuple[Any, ...]) -> None:
        if not _inside(args[0] if args and args[0] is not None else ".", read):
            refuse(f"{event} outside its folder")

    looks = {"open": opening, "import": _importing, "socket.__new__": _socket}
    looks |= dict.fromkeys(CHANGES, changing) | dict.fromkeys(LISTINGS, listing)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if look := looks.get(event):
            look(event, args)
        elif event.startswith(REFUSED):
            refuse(event)

    return watch


def _inside(path: object, places: Sequence[str]) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return isinstance(path, int)  # a descriptor: whatever it is was opened under the same eyes
    real = os.path.realpath(os.fsdecode(path))
    return any(real == place or real.startswith(f"{place}/") for place in places)


def _importing(event: str, args: tuple[Any, ...]) -> None:  # noqa: ARG001 - one of `looks`
    if args[0] in REFUSED_MODULES:
        msg = f"{args[0]} may not be imported here"
        raise ImportError(msg)


def _socket(event: str, args: tuple[Any, ...]) -> None:
    if args[1] != _UNIX:  # asyncio's own pipe is one; binding and connecting are events of their own
        refuse(event)


def refuse(what: str) -> None:
    """Say no."""
    msg = f"{what} is not allowed here"
    raise PermissionError(msg)


def refused_start(*_: object) -> int:
    """Stand in for what starts processes beneath subprocess, which no audit event announces."""
    refuse("starting a process")
    return 0


# ---------------------------------------------------------------- the program


class Wrong(Exception):
    """The program is wrong: which way, and where."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


def compiled(name: str, sources: Sequence[str]) -> CodeType:
    """Compile the first of several readings of a part that compiles."""
    problem = ""
    for source in sources:
        try:
            return compile(source, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            problem = problem or f"{error.msg} ({name}, line {error.lineno}: {(error.text or '').strip()[:SHOWN]})"
        except (ValueError, RecursionError, MemoryError) as error:
            problem = problem or _told(error)
    raise Wrong("does not compile", problem)


def play(task: Mapping[str, Any]) -> None:
    """Run the parts of the program in one module, then its tests; raises what they raise."""
    module = ModuleType("answer" if task["tests"] else "__main__")
    sys.modules |= {"__main__": module, module.__name__: module}
    for name, sources in task["parts"]:
        exec(compiled(name, sources), module.__dict__)  # noqa: S102 - what this file is for
    entry = task["entry_point"]
    if entry and not callable(module.__dict__.get(entry)):
        raise Wrong("failed", f"it defines no function '{entry}'")
    if task["tests"]:
        try:
            tests = compiled(TESTS, [task["tests"]])
        except Wrong as wrong:
            raise Wrong("broken tests", wrong.detail) from None
        exec(tests, module.__dict__)  # noqa: S102 - the suite's own


def verdict(task: Mapping[str, Any]) -> dict[str, str]:
    """Run the program and say what became of it."""
    reserve = bytearray(RESERVE)
    try:
        play(task)
    except Wrong as wrong:
        return {"kind": wrong.kind, "detail": wrong.detail[:LONGEST]}
    except SystemExit as exit_:
        done = not task["tests"] and exit_.code in {None, 0}
        return {"kind": "passed" if done else "failed", "detail": "" if done else f"it exited by itself: {exit_.code}"}
    except MemoryError as error:
        del reserve
        return {
            "kind": "out of memory",
            "detail": f"it needs more than {task['memory_bytes'] >> 20} MiB{_place(error, task)}",
        }
    except BaseException as error:  # noqa: BLE001 - whatever a program may raise
        asserted = isinstance(error, AssertionError) and _innermost(error) == TESTS
        kind = "failed" if asserted else "raised"
        return {"kind": kind, "detail": f"{_told(error)}{_place(error, task)}"[:LONGEST]}
    return {"kind": "passed", "detail": ""}


def _told(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - a program's own __str__
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(("/", "<")):
            yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def _innermost(error: BaseException) -> str:
    return [*("", *(name for name, _ in _frames(error.__traceback__)))][-1]


def _place(error: BaseException, task: Mapping[str, Any]) -> str:
    """Say on which line of which part it happened, with the line where there is one reading of it."""
    places = list(_frames(error.__traceback__))
    if not places:
        return ""
    name, line = places[-1]
    sources = {TESTS: [task["tests"]], **dict(task["parts"])}.get(name, [])
    lines = sources[0].splitlines() if len(sources) == 1 else []
    shown = f": {lines[line - 1].strip()[:SHOWN]}" if line <= len(lines) else ""
    return f" ({name}, line {line}{shown})"


def main(told: int) -> None:
    """Shut in, run, tell a descriptor, and end without waiting for what the program left running."""
    task = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    import _posixsubprocess

    _posixsubprocess.fork_exec = refused_start
    folder = os.path.realpath(task["folder"])
    system = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
    python = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    readable = list(dict.fromkeys(os.path.realpath(place) for place in (*system, *python)))
    fences = shut_in(task, folder, readable)
    sys.addaudithook(watcher(folder, readable))
    os.write(told, json.dumps({"fences": fences}).encode() + b"\n")
    outcome = verdict(task)
    with contextlib.suppress(BaseException):  # the program may have closed or replaced them
        sys.stdout.flush()
        sys.stderr.flush()
    os.write(told, json.dumps(outcome).encode() + b"\n")
    os._exit(0)
