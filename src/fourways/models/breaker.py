"""A circuit breaker without I/O: after failures in a row a target is left alone for a while, then one may try."""


class Breaker:
    """Counts one target's failures. Times are monotonic seconds, given as arguments.

    Closed, every request may go. After `failures` in a row it opens: none may for `cooldown` seconds. Then each
    `cooldown` lets one request through, until one succeeds and closes it.
    """

    __slots__ = ("_cooldown", "_failures", "_limit", "_until")

    def __init__(self, *, failures: int, cooldown: float) -> None:
        self._limit, self._cooldown = failures, cooldown
        self._failures = 0
        self._until = 0.0

    def wait(self, now: float) -> float:
        """Return 0.0 where a request may go now, which it then must; else the seconds until one may."""
        if self._failures < self._limit:
            return 0.0
        if now < self._until:
            return self._until - now
        self._until = now + self._cooldown  # this one tries; the next may if nothing was heard of it by then
        return 0.0

    def succeeded(self) -> None:
        """Note that the target answered, be it with a refusal of the request."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """Note that the target failed."""
        self._failures += 1
        if self._failures >= self._limit:
            self._until = now + self._cooldown
