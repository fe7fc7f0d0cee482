"""`python -m fourways.launch.guard COMMAND …`: runs a command that ends, with all it started, when its starter ends.

For programs that know nothing of who started them: it stands between. It holds the read end of a pipe, its standard
input; the starter holds the other, which closes however the starter ends. Ends with the command's exit code; 128 and
the signal's number where a signal ended it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

GRACE = 10.0
"""Seconds that the command gets to finish after SIGTERM; `FOURWAYS_GRACE` says another number."""
POLL = 0.05
"""Seconds between two looks at the command."""
NOT_FOUND = 127
"""The shells' exit code for a command that is not there."""
SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36
"""Of Linux's prctl(2)."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def main(arguments: Sequence[str]) -> int:
    """Run the command to its end, or end it."""
    leave, starter = threading.Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.set())
    _prctl(SET_CHILD_SUBREAPER, 1)  # whatever the command leaves behind becomes ours to end
    try:
        process = subprocess.Popen(  # noqa: S603 - the starter's own command
            list(arguments),
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_guard,  # noqa: PLW1509 - there is one thread as yet
        )
    except OSError as error:
        sys.stderr.write(f"{arguments[0]} could not be started: {error}\n")
        return NOT_FOUND
    threading.Thread(target=_watch_starter, args=(starter, leave), daemon=True).start()
    threading.Thread(target=_watch_pipe, args=(leave,), daemon=True).start()
    while process.poll() is None and not leave.is_set():
        leave.wait(POLL)
    _end(process, float(os.environ.get("FOURWAYS_GRACE", GRACE)))
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    """End what still runs: first asked, then, after the grace, killed."""
    deadline = time.monotonic() + grace
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            process.terminate()
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL)
    while left := [pid for pid in _below(os.getpid()) if not _is_dead(pid)]:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL)
    if process.poll() is None:
        process.kill()  # where /proc does not say what was started
    process.wait()


def _watch_starter(starter: int, leave: threading.Event) -> None:
    while os.getppid() == starter:
        time.sleep(1.0)
    leave.set()


def _watch_pipe(leave: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    leave.set()


def _die_with_guard() -> None:
    """In the command, before it begins: be told when the guard itself is killed."""
    _prctl(SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    if _LIBC is not None:
        _LIBC.prctl(option, value, 0, 0, 0)


def _below(pid: int) -> Iterator[int]:
    """Yield every process that this one started, or one of those did, deepest first; none where there is no /proc."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _below(int(child))
                yield int(child)


def _is_dead(pid: int) -> bool:
    """Whether it has ended; one of ours that is still to be waited for is."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
