"""The whole stack in one expression: what stands between the door and whatever answers."""

from collections.abc import AsyncIterator

from fourways.core.chat import Answerer, ChatRequest, Chunk, onion
from fourways.core.errors import NotTrained
from fourways.core.trace import Trace
from fourways.gateway.choices import repeated, stopped
from fourways.gateway.limits import LimitBook, limited
from fourways.gateway.record import Recorder, recorded
from fourways.gateway.routes import Route, Switch, routed


def gateway(switch: Switch, recorder: Recorder, limits: LimitBook, *, texts: bool = True) -> Answerer:
    """Build the Answerer behind the API.

    Args:
        switch: the current routes.
        recorder: takes one trace of every answer.
        limits: what keys may use.
        texts: whether traces keep question and answer (`telemetry.record_texts`).
    """
    return onion(routed(switch), recorded(recorder, texts=texts), limited(limits))


def app_route(answerer: Answerer, *, app: str, way: str, candidate: str) -> Route:
    """Make the route of an opened candidate: it gains `n` choices and stop sequences, whatever the way."""
    return Route(answerer=onion(answerer, repeated, stopped), app=app, way=way, candidate=candidate)


def missing_route(error: NotTrained, *, app: str, way: str) -> Route:
    """Make the route of a way of which nothing can be opened yet: it says what makes it."""

    def answer(_request: ChatRequest, _trace: Trace, /) -> AsyncIterator[Chunk]:
        raise NotTrained(error.message, app=error.app, way=error.way)

    return Route(answerer=answer, app=app, way=way, missing=error)
