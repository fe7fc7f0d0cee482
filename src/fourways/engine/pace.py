"""Whether help from other cores pays just now: tried from time to time, kept while it does."""

from dataclasses import dataclass, field

EVERY = 96
"""Passes between two trials of the other way."""
TRIAL = 4
"""Passes of a trial, and of what it is compared with."""
GAIN = 0.9
"""The other way is taken when its best pass needs no more than this share of the present one's."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """Chooses between help and none by the clock: on a busy machine a helper that waits for a core holds all others up.

    Attributes:
        helpers: 0 leaves nothing to choose.
    """

    helpers: int
    _now: bool = field(init=False)
    _rows: int = field(init=False, default=0)
    _passes: int = field(init=False, default=0)
    _times: list[float] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._now = self.helpers > 0

    def helped(self, rows: int) -> bool:
        """Say whether the coming pass, of so many rows, is to be helped."""
        if rows != self._rows:
            # Passes of different sizes cannot be compared: what was begun is begun anew.
            self._rows, self._times = rows, []
            self._passes = min(self._passes, EVERY)
        return self._now != self._trying if self.helpers else False

    def took(self, seconds: float) -> None:
        """Note how long it took."""
        if not self.helpers:
            return
        self._passes += 1
        self._times.append(seconds)
        if len(self._times) > 2 * TRIAL:
            del self._times[0]
        if self._passes >= EVERY + TRIAL and len(self._times) == 2 * TRIAL:
            if min(self._times[TRIAL:]) < GAIN * min(self._times[:TRIAL]):
                self._now = not self._now
            self._passes, self._times = 0, []

    @property
    def _trying(self) -> bool:
        return self._passes >= EVERY and len(self._times) >= TRIAL
