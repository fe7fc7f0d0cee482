"""What a training run spends: time on the wall's clock and on the processor's, over all its starts."""

import time
from dataclasses import dataclass

from fourways.training.tuning.checkpoints import State

_MINUTES = 10 * 60.0
"""Seconds after which a checkpoint is due however few the steps: this much is lost at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A moment: seconds on the wall's and on the processor's clock."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> "Clock":
        """Return this one."""
        return cls(wall=time.perf_counter(), cpu=time.process_time())

    @staticmethod
    def date() -> float:
        """Return the date, in Unix seconds."""
        return time.time()


class Clocks:
    """Time spent, over all starts of a run; speed since the last step; when the last checkpoint was."""

    def __init__(self, state: State, began: Clock) -> None:
        """Take what was spent before, and when this start began."""
        self._seconds, self._cpu = state.seconds - began.wall, state.cpu_seconds - began.cpu
        self._stepped = self._saved = time.perf_counter()

    def into(self, state: State) -> None:
        """Write what was spent until now into a state."""
        state.seconds = self._seconds + time.perf_counter()
        state.cpu_seconds = self._cpu + time.process_time()

    def speed(self, tokens: float) -> float:
        """Return tokens a second since the last step."""
        now = time.perf_counter()
        spent, self._stepped = now - self._stepped, now
        return tokens / max(spent, 1e-9)

    def restart(self) -> None:
        """Count the next step's time from here."""
        self._stepped = time.perf_counter()

    def due(self) -> bool:
        """Say whether so much time has passed that a checkpoint is due."""
        return time.perf_counter() - self._saved > _MINUTES

    def kept(self) -> None:
        """Note that one was written."""
        self._saved = self._stepped = time.perf_counter()
