"""Work that is never done: taken up again and again until it is cancelled, whatever goes wrong in between."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from fourways.core.errors import FourwaysError

LOG = logging.getLogger(__name__)


async def again(work: Callable[[], Awaitable[object]], what: str, *, pause: float, load: float = 0.0) -> None:
    """Do something again and again until cancelled. What goes wrong is logged, and tried again at the next turn.

    Args:
        work: one turn of it.
        what: what could not be done when a turn fails, for the log: "the release log could not be read".
        pause: seconds between two turns, at least.
        load: a turn that took long is followed by a pause of so many times its own length.
    """
    while True:
        begun = time.monotonic()
        try:
            await work()
        except FourwaysError as error:
            LOG.warning("%s: %s; it is tried again", what, error)
        except Exception:
            LOG.exception("%s; it is tried again", what)
        await asyncio.sleep(max(pause, load * (time.monotonic() - begun)))
