"""The only place with status codes: every error of `core/errors` as OpenAI's clients know it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import msgspec

from fourways.core import errors
from fourways.core.errors import FourwaysError, InvalidRequest, UpstreamRefused
from fourways.web.asgi import Exchange, Header

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """How an error looks on the wire: its status, and OpenAI's `type` and `code`."""

    status: int
    type: str
    code: str


STATUS: Mapping[type[FourwaysError], Row] = {
    errors.FourwaysError: Row(500, "server_error", "internal_error"),
    errors.InvalidProject: Row(500, "server_error", "invalid_project"),
    errors.InvalidRequest: Row(400, "invalid_request_error", "invalid_request"),
    errors.RequestTooLarge: Row(413, "invalid_request_error", "request_too_large"),
    errors.ContextTooLong: Row(400, "invalid_request_error", "context_length_exceeded"),
    errors.InvalidDataset: Row(400, "invalid_request_error", "invalid_dataset"),
    errors.NotAuthenticated: Row(401, "authentication_error", "invalid_api_key"),
    errors.NotAllowed: Row(403, "permission_error", "not_allowed"),
    errors.NotFound: Row(404, "not_found_error", "not_found"),
    errors.UnknownModel: Row(404, "not_found_error", "model_not_found"),
    errors.NotTrained: Row(404, "not_found_error", "not_trained"),
    errors.IllegalTransition: Row(409, "conflict_error", "illegal_transition"),
    errors.Refused: Row(409, "conflict_error", "gate_refused"),
    errors.InvalidSuite: Row(422, "invalid_request_error", "invalid_suite"),
    errors.MissingPackage: Row(501, "server_error", "missing_package"),
    errors.RateLimited: Row(429, "rate_limit_error", "rate_limit_exceeded"),
    errors.Busy: Row(409, "conflict_error", "busy"),
    errors.UnreadableDocument: Row(422, "invalid_request_error", "unreadable_document"),
    errors.RefusedAddress: Row(422, "invalid_request_error", "refused_address"),
    errors.Unavailable: Row(503, "server_error", "unavailable"),
    errors.UpstreamError: Row(502, "upstream_error", "upstream_error"),
    errors.UpstreamRefused: Row(502, "upstream_error", "upstream_refused"),
    errors.UpstreamTimeout: Row(504, "upstream_error", "upstream_timeout"),
    errors.CircuitOpen: Row(503, "upstream_error", "upstream_circuit_open"),
}
UNEXPECTED = Row(500, "server_error", "internal_error")

RELAYED: Mapping[int, Row] = {
    400: Row(400, "invalid_request_error", "upstream_invalid_request"),
    413: Row(413, "invalid_request_error", "upstream_request_too_large"),
    422: Row(422, "invalid_request_error", "upstream_invalid_request"),
    429: Row(429, "rate_limit_error", "upstream_rate_limit_exceeded"),
    # Our key at the provider, or our name of its model, is wrong: nothing that the caller could mend, or should retry.
    401: Row(502, "upstream_error", "upstream_not_authenticated"),
    402: Row(502, "upstream_error", "upstream_payment_required"),
    403: Row(502, "upstream_error", "upstream_not_allowed"),
    404: Row(502, "upstream_error", "upstream_not_found"),
}
"""A provider's refusal by its status: what is about the request keeps it, what is about our set-up does not."""
BY_CODE: Mapping[str, Row] = {
    "method_not_allowed": Row(405, "invalid_request_error", "method_not_allowed"),
    "body_timeout": Row(408, "invalid_request_error", "body_timeout"),
}
"""Wrong requests for which HTTP has a status of its own."""
NO_RETRY = (b"x-should-retry", b"false")
"""OpenAI's clients retry 5xx unless told otherwise."""


class ErrorDetail(msgspec.Struct, kw_only=True):
    """What was wrong."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(msgspec.Struct, kw_only=True):
    """OpenAI's error body."""

    error: ErrorDetail


def row_of(error: BaseException) -> Row:
    """Return how an error looks on the wire."""
    if isinstance(error, UpstreamRefused):
        return RELAYED.get(error.status, STATUS[UpstreamRefused])
    if isinstance(error, InvalidRequest) and (row := BY_CODE.get(error.code or "")) is not None:
        return row
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), UNEXPECTED)


def body_of(error: BaseException, trace_id: str | None = None) -> bytes:
    """Return an error's body; nothing of an unexpected one is shown but the trace's id."""
    row = row_of(error)
    param: Any = None
    if isinstance(error, FourwaysError):
        message = error.message
        param = getattr(error, "param", None)
    else:
        message = "something went wrong inside the server" + (f"; trace {trace_id}" if trace_id else "")
    code = getattr(error, "code", None) or row.code
    return msgspec.json.encode(ErrorBody(error=ErrorDetail(message=message, type=row.type, param=param, code=code)))


def headers_of(error: BaseException) -> list[Header]:
    """Return the headers an error adds to its answer."""
    row = row_of(error)
    found: list[Header] = []
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        found.append((b"retry-after", b"%d" % max(1, ceil(retry_after))))
    if row.status == STATUS[errors.NotAuthenticated].status:
        found.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, UpstreamRefused) and error.status in RELAYED and row.status != error.status:
        found.append(NO_RETRY)
    return found


def note(error: BaseException, trace_id: str | None = None) -> None:
    """Log what nobody expected."""
    if not isinstance(error, FourwaysError):
        LOG.error("unexpected error; trace %s", trace_id or "none", exc_info=error)


async def refuse(exchange: Exchange, error: BaseException, trace_id: str | None = None) -> None:
    """Answer with an error: as the whole answer, or, where a stream has begun, as its last event."""
    note(error, trace_id)
    body = body_of(error, trace_id)
    if exchange.started:
        await exchange.end_stream(b"data: " + body + b"\n\n")
        return
    exchange.headers.extend(headers_of(error))
    await exchange.reply(row_of(error).status, body)
