"""The trace of a request as the wire knows it: its id comes from `traceparent` where a caller sends one."""

import re

from fourways.core.trace import Trace
from fourways.web.asgi import Exchange

TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""W3C Trace Context, level 1, section 3.2."""


def traced(exchange: Exchange) -> Trace:
    """Begin the trace of a request, and name it in the answer's headers."""
    parent = exchange.asked.get(b"traceparent")
    match = TRACEPARENT.fullmatch(parent) if parent is not None else None
    trace = Trace(trace_id=match[1].decode() if match is not None else None)
    name = trace.id.encode()
    exchange.trace_id = trace.id
    exchange.headers += ((b"x-request-id", name), (b"fourways-trace-id", name))
    return trace
