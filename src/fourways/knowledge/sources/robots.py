"""What a host's robots.txt allows, and how slowly it wants to be asked (RFC 9309)."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from fourways.core.errors import RefusedAddress, UnreadableDocument
from fourways.knowledge.sources.fetch import AGENT, Fetcher

_MAX_BYTES = 512_000  # RFC 9309, 2.5
_MAX_DELAY = 60.0
_SERVER_ERRORS = 500


class Manners:
    """Waits between two pages of one host, and refuses what its robots.txt forbids.

    Args:
        fetcher: what robots.txt is read with.
        delay: seconds between two pages of a host, at least.
        clock, sleep: the time, in seconds, and how to let it pass.
    """

    def __init__(
        self, fetcher: Fetcher, *, delay: float, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._fetcher = fetcher
        self._delay = delay
        self._clock = clock
        self._sleep = sleep
        self._rules: dict[str, RobotFileParser | None] = {}
        self._next: dict[str, float] = {}

    async def __call__(self, url: str) -> None:
        """Wait until a page may be asked for; raises RefusedAddress where robots.txt forbids it."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        if origin not in self._rules:
            self._rules[origin] = await self._read(origin)
        rules = self._rules[origin]
        if rules is None:
            raise UnreadableDocument(
                f"{origin}/robots.txt cannot be read just now, so '{url}' is left alone until it can"
            )
        if not rules.can_fetch(AGENT, url):
            raise RefusedAddress(f"robots.txt of {origin} forbids '{url}' to {AGENT}; ask its owner, or leave it out")
        now = self._clock()
        if (wait := self._next.get(origin, now) - now) > 0:
            await self._sleep(wait)
        asked = float(rules.crawl_delay(AGENT) or 0)
        self._next[origin] = max(now, self._clock()) + max(self._delay, min(asked, _MAX_DELAY))

    async def _read(self, origin: str) -> RobotFileParser | None:
        """Return an origin's rules; none at all allow everything, and None means they cannot be known."""
        rules = RobotFileParser()
        try:
            answer = await self._fetcher.fetch(f"{origin}/robots.txt", limit=_MAX_BYTES)
        except UnreadableDocument:
            return None
        if answer.status >= _SERVER_ERRORS:
            return None
        rules.parse(answer.body.decode(errors="replace").splitlines())
        return rules
