"""The engine ends with whoever started it: a pipe that closes, or a parent that is another one now."""

import os
import stat
import sys
import threading
import time
from collections.abc import Callable

POLL = 1.0
"""Seconds between two looks at who the parent is."""


def watch_parent(ended: Callable[[], None]) -> None:
    """Call `ended` once, from a thread, when the process that started this one is gone.

    A supervisor holds the other end of our standard input: it closes with the supervisor, however that ends. The
    parent's number is watched besides, for starters that gave us no pipe, and for pipes that others inherited.
    """
    once = threading.Lock()

    def end() -> None:
        if once.acquire(blocking=False):
            ended()

    threading.Thread(target=_watch_number, args=(os.getppid(), end), daemon=True, name="parent").start()
    if _stdin_is_pipe():
        threading.Thread(target=_watch_pipe, args=(end,), daemon=True, name="lifeline").start()


def _stdin_is_pipe() -> bool:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # no standard input at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _watch_pipe(end: Callable[[], None]) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    end()


def _watch_number(parent: int, end: Callable[[], None]) -> None:
    while os.getppid() == parent:
        time.sleep(POLL)
    end()
