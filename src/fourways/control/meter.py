"""CPU seconds that a project's processes have spent: this one, and the model servers that it keeps."""

import os
import time
from pathlib import Path

from fourways.models.child import Record

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
USER, SYSTEM = 11, 12
"""Places in /proc/PID/stat behind the program's name: fields 14 and 15 of proc(5)."""


def cores() -> int:
    """Return how many CPU cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def cpu_seconds(state: Path, proc: Path = PROC) -> float | None:
    """Return the CPU seconds spent so far by this process and by the servers noted in a project's state folder.

    Args:
        state: the project's state folder (`.fourways`).
        proc: where the system shows its processes; None is returned where it does not.
    """
    if not (proc / "self" / "stat").exists():
        return None
    pids = {record.at.pid for path in state.glob("*.json") if (record := Record.read(path)) is not None}
    return time.process_time() + sum(_spent(proc / str(pid) / "stat") for pid in pids)


def _spent(stat: Path) -> float:
    """Return a process's user and system seconds; none where it has ended."""
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS
