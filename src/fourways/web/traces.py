"""The trace of a request as the wire knows it: its id comes from `traceparent` where a caller sends one."""

import os
import re
from collections.abc import Iterator

from fourways.core.trace import Trace
from fourways.web.asgi import Exchange

TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""W3C Trace Context, level 1, section 3.2."""


def _random_ids() -> Iterator[str]:
    """Draw ids from the system's randomness in bulk: asking it at every request costs the lock of all threads."""
    while True:
        drawn = os.urandom(16 * 512).hex()
        yield from (drawn[place : place + 32] for place in range(0, len(drawn), 32))


_ids = _random_ids()


def traced(exchange: Exchange) -> Trace:
    """Begin the trace of a request, and name it in the answer's headers."""
    parent = exchange.asked.get(b"traceparent")
    match = TRACEPARENT.fullmatch(parent) if parent is not None else None
    trace = Trace(trace_id=match[1].decode() if match is not None else next(_ids))
    name = trace.id.encode()
    exchange.trace_id = trace.id
    exchange.headers += ((b"x-request-id", name), (b"fourways-trace-id", name))
    return trace
