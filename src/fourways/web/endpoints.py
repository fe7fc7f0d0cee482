"""Every endpoint of the door, in one table: the router, the access rules and the OpenAPI document are made of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fourways.web import health, openai_chat, wire
from fourways.web.asgi import Exchange
from fourways.web.house import House

Handler = Callable[[House, Exchange], Awaitable[None]]


class Access(Enum):
    """Who may call an endpoint."""

    ANYBODY = "anybody"
    KEY = "key"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint.

    Attributes:
        path: with `{name}` where a name stands.
        request, response: the types of the bodies; None for none, or for one that is no JSON.
        query: names of the query's parameters, with their JSON Schema.
    """

    method: str
    path: str
    handle: Handler
    summary: str
    access: Access = Access.KEY
    request: Any = None
    response: Any = None


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/chat/completions",
        handle=openai_chat.chat_completions,
        summary="Answer a conversation, whole or as a stream",
        request=wire.ChatBody,
        response=wire.ChatCompletion,
    ),
    Endpoint(
        method="GET",
        path="/health",
        handle=health.health,
        summary="Whether the process lives",
        access=Access.ANYBODY,
        response=health.Health,
    ),
    Endpoint(
        method="GET",
        path="/ready",
        handle=health.ready,
        summary="Whether requests may be sent",
        access=Access.ANYBODY,
        response=health.Readiness,
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        handle=health.metrics,
        summary="Metrics in Prometheus's text form",
        access=Access.ANYBODY,
    ),
)
