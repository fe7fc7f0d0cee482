"""Finished traces as OpenTelemetry spans over OTLP/HTTP, sent by a thread of its own: a collector delays nobody."""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fourways.config.tree import Project
from fourways.core.errors import InvalidProject
from fourways.core.trace import Span, Trace
from fourways.models.transport import is_loopback
from fourways.monitoring.names import ATTRIBUTE, OPERATION, TEXT, TRACE, USAGE
from fourways.store.traces import TEXTS

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import SpanContext

LOG = logging.getLogger(__name__)

HELD = 200
"""Batches that wait for the collector at most; further ones are dropped and counted."""
PATH = "/v1/traces"
SECONDS = 5.0
"""How long one batch may take to be sent."""
Attributes = dict[str, Any]


class Telemetry:
    """Sends finished traces to a collector; an observer of the recorder.

    Args:
        exporter: sends spans; opened late by `open_telemetry`.
        texts: whether questions and answers go out too.

    Attributes:
        dropped: traces not sent because the collector was too slow.
    """

    def __init__(self, exporter: SpanExporter, *, texts: bool = False) -> None:
        self.dropped = 0
        self._exporter = exporter
        self._texts = texts
        self._queue: queue.Queue[Sequence[Trace] | None] = queue.Queue(HELD)
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is left, within a bound, and end."""
        try:
            self._queue.put(None, timeout=SECONDS)
            self._thread.join(SECONDS)
        except queue.Full:
            LOG.warning("the collector took nothing; %d batches of traces are not exported", self._queue.qsize())
        self._exporter.shutdown()

    def observe(self, traces: Sequence[Trace]) -> None:
        """Take a batch of finished traces; never waits."""
        try:
            self._queue.put_nowait(traces)
        except queue.Full:
            if not self.dropped:
                LOG.warning("the collector is too slow; traces are dropped from the export, not from the store")
            self.dropped += len(traces)

    def _run(self) -> None:
        while (traces := self._queue.get()) is not None:
            try:
                self._exporter.export([span for trace in traces for span in spans_of(trace, texts=self._texts)])
            except Exception:
                LOG.exception("%d traces could not be exported", len(traces))


def open_telemetry(project: Project) -> Telemetry | None:
    """Open the exporter that the project asks for; None where it asks for none.

    Raises:
        InvalidProject: the endpoint is outside this machine and the project says `network: none`.
    """
    node = project.telemetry
    if node.otlp_endpoint is None:
        return None
    if project.network == "none" and not is_loopback(node.otlp_endpoint):
        message = "leads outside this machine and the project says network: none; name a collector on loopback, or none"
        raise InvalidProject(message, key="telemetry.otlp_endpoint")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    endpoint = node.otlp_endpoint.rstrip("/")
    endpoint = endpoint if endpoint.endswith(PATH) else endpoint + PATH
    exporter = OTLPSpanExporter(endpoint=endpoint, headers=node.otlp_headers, timeout=SECONDS)
    return Telemetry(exporter, texts=node.export_texts)


# ---------------------------------------------------------------- a trace as spans


def spans_of(trace: Trace, *, texts: bool) -> list[ReadableSpan]:
    """Return a trace's root span and its steps; ids are made from the trace, so that twice exported is the same."""
    from opentelemetry.trace import SpanKind

    operation = str(trace.attributes.get("operation", "chat"))
    root = _context(trace, 0)
    attributes = {OPERATION: operation, **_root_attributes(trace, texts=texts)}
    name = f"{operation} {trace.attributes.get('asked', '')}".strip()
    spans = [_span(trace, name, root, None, attributes, (0.0, trace.ended), trace.error, SpanKind.SERVER)]
    for position, step in enumerate(trace.spans):
        parent = root if step.parent is None else _context(trace, step.parent + 1)
        spans.append(_step(trace, step, _context(trace, position + 1), parent, operation, texts=texts))
    return spans


def _step(
    trace: Trace, step: Span, context: SpanContext, parent: SpanContext, operation: str, *, texts: bool
) -> ReadableSpan:
    from opentelemetry.trace import SpanKind

    attributes = _named(step.attributes, texts=texts)
    asks_a_model = step.name == "model"
    if asks_a_model:
        attributes[OPERATION] = operation
    name = f"{operation} {step.attributes.get('model', '')}".strip() if asks_a_model else step.name
    kind = SpanKind.CLIENT if asks_a_model else SpanKind.INTERNAL
    return _span(trace, name, context, parent, attributes, (step.start, step.end), step.error, kind)


def _span(
    trace: Trace,
    name: str,
    context: SpanContext,
    parent: SpanContext | None,
    attributes: Attributes,
    times: tuple[float, float | None],
    error: str | None,
    kind: Any,  # noqa: ANN401 - opentelemetry.trace.SpanKind, imported late
) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status, StatusCode

    start, end = times
    if error is not None:
        attributes["error.type"] = error.partition(":")[0]
    return ReadableSpan(
        name=name,
        context=context,
        parent=parent,
        resource=_resource(),
        attributes=attributes,
        kind=kind,
        status=Status(StatusCode.ERROR, error) if error is not None else Status(StatusCode.UNSET),
        start_time=_nanoseconds(trace.started_at + start),
        end_time=_nanoseconds(trace.started_at + (end if end is not None else trace.ended or start)),
    )


def _resource() -> Resource:
    from opentelemetry.sdk.resources import Resource

    return Resource({"service.name": "fourways", "service.version": version("fourways")})


def _context(trace: Trace, position: int) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    seed = f"{trace.id} {trace.started_at!r} {position}".encode()
    span_id = int.from_bytes(hashlib.sha256(seed).digest()[:8]) or 1
    return SpanContext(int(trace.id, 16), span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


def _root_attributes(trace: Trace, *, texts: bool) -> Attributes:
    fields = [(name, getattr(trace, field)) for field, name in TRACE.items()]
    if trace.usage is not None:
        fields += [(name, getattr(trace.usage, field)) for field, name in USAGE.items()]
    if texts:
        fields += [(name, getattr(trace, field)) for field, name in TEXT.items()]
    named = {name: value for name, value in fields if value is not None}
    return named | _named({k: v for k, v in trace.attributes.items() if k != "operation"}, texts=texts)


def _named(attributes: Mapping[str, Any], *, texts: bool) -> Attributes:
    """Give attributes their public names, and values a form OTLP knows."""
    return {
        ATTRIBUTE.get(name, f"fourways.{name}"): _plain(value)
        for name, value in attributes.items()
        if value is not None and (texts or name not in TEXTS)
    }


def _plain(value: Any) -> str | bool | int | float:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str | bool | int | float) else json.dumps(value, default=str, ensure_ascii=False)
