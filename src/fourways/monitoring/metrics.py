"""Metrics of answers, added up from finished traces off the request path, shown in Prometheus's text form."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fourways.core.trace import Trace

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Bounds of gen_ai.client.operation.duration, as OpenTelemetry's semantic conventions advise."""
FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bounds of gen_ai.server.time_to_first_token, from the same place."""
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
"""Bounds of gen_ai.client.token.usage, from the same place."""

LABELS = ("gen_ai_operation_name", "gen_ai_request_model", "fourways_app", "fourways_way")
Labels = tuple[str, str, str, str]


@dataclass(slots=True)
class Histogram:
    """Counts by bucket, and their sum."""

    bounds: Sequence[float]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound, as Prometheus wants them."""
        found, running = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            running += count
            found.append((bound, float(running)))
        return found


@dataclass(slots=True)
class Series:
    """Everything counted of the answers that share their labels."""

    statuses: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    duration: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    first_token: Histogram = field(default_factory=lambda: Histogram(FIRST_TOKEN))
    input_tokens: Histogram = field(default_factory=lambda: Histogram(TOKENS))
    output_tokens: Histogram = field(default_factory=lambda: Histogram(TOKENS))
    cached_tokens: int = 0
    cost_usd: float = 0.0
    abstained: int = 0

    def add(self, trace: Trace) -> None:
        """Count one finished trace."""
        self.statuses[trace.status] = self.statuses.get(trace.status, 0) + 1
        if trace.status == "error":
            kind = (trace.error or "unknown").partition(":")[0]
            self.errors[kind] = self.errors.get(kind, 0) + 1
        self.duration.add(trace.ended or 0.0)
        if trace.first_token is not None:
            self.first_token.add(trace.first_token)
        if trace.usage is not None:
            self.input_tokens.add(trace.usage.input_tokens)
            self.output_tokens.add(trace.usage.output_tokens)
            self.cached_tokens += trace.usage.cached_tokens
            self.cost_usd += trace.usage.cost_usd or 0.0
        if trace.attributes.get("abstained"):
            self.abstained += 1


class Metrics:
    """What this process has answered since it began.

    Args:
        most: label sets counted apart at most; further ones are counted together as `other`.
    """

    def __init__(self, *, most: int = 2000) -> None:
        self._most = most
        self._series: dict[Labels, Series] = {}
        self._refusals: dict[tuple[int, str], int] = {}
        self._lock = threading.Lock()

    def observe(self, traces: Sequence[Trace]) -> None:
        """Count finished traces; called by the recorder's thread."""
        with self._lock:
            for trace in traces:
                self._series_of(trace).add(trace)

    def refused(self, status: int, code: str) -> None:
        """Count one request that was answered with an error."""
        key = (status, code)
        self._refusals[key] = self._refusals.get(key, 0) + 1

    def _series_of(self, trace: Trace) -> Series:
        # A name that nobody serves is whatever the caller made up: it must not become a label.
        served = trace.app is not None or trace.status == "ok"
        labels: Labels = (
            str(trace.attributes.get("operation", "chat")),
            (trace.model or "") if served else "",
            trace.app or "",
            trace.way or "",
        )
        series = self._series.get(labels)
        if series is None:
            if len(self._series) >= self._most:
                labels = (labels[0], "other", "other", "other")
            series = self._series.setdefault(labels, Series())
        return series

    def render(self, gauges: Mapping[str, float] | None = None) -> bytes:
        """Return everything in Prometheus's text form.

        Args:
            gauges: figures of this moment, by metric name.
        """
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Scrape(self, gauges or {}))
        return generate_latest(registry)

    def families(self) -> Iterator[Metric]:
        """Give the metric families as they stand now."""
        with self._lock:
            series = list(self._series.items())
            yield from _answers(series)
        from prometheus_client.core import CounterMetricFamily

        refused = CounterMetricFamily(
            "fourways_http_errors", "Requests answered with an error", labels=("status", "code")
        )
        for (status, code), count in sorted(self._refusals.items()):
            refused.add_metric((str(status), code), count)
        yield refused


class _Scrape:
    """One look at the metrics, in the shape prometheus_client collects from."""

    def __init__(self, metrics: Metrics, gauges: Mapping[str, float]) -> None:
        self._metrics = metrics
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        yield from self._metrics.families()
        for name, value in self._gauges.items():
            yield GaugeMetricFamily(name, name.removeprefix("fourways_").replace("_", " "), value=value)


def _answers(series: Sequence[tuple[Labels, Series]]) -> Sequence[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    requests = CounterMetricFamily("fourways_requests", "Answers by how they ended", labels=(*LABELS, "status"))
    errors = CounterMetricFamily("fourways_errors", "Failed answers by kind", labels=(*LABELS, "error_type"))
    cached = CounterMetricFamily("fourways_cached_tokens", "Tokens read from a provider's cache", labels=LABELS)
    cost = CounterMetricFamily("fourways_cost_usd", "US dollars spent", labels=LABELS)
    abstained = CounterMetricFamily("fourways_abstentions", "Answers that abstained", labels=LABELS)
    duration = HistogramMetricFamily(
        "gen_ai_client_operation_duration_seconds", "Seconds from request to end", labels=LABELS
    )
    first = HistogramMetricFamily(
        "gen_ai_server_time_to_first_token_seconds", "Seconds to the first token", labels=LABELS
    )
    tokens = HistogramMetricFamily(
        "gen_ai_client_token_usage", "Tokens of an answer", labels=(*LABELS, "gen_ai_token_type")
    )
    for labels, counted in series:
        for status, count in counted.statuses.items():
            requests.add_metric((*labels, status), count)
        for kind, count in counted.errors.items():
            errors.add_metric((*labels, kind), count)
        cached.add_metric(labels, counted.cached_tokens)
        cost.add_metric(labels, counted.cost_usd)
        abstained.add_metric(labels, counted.abstained)
        duration.add_metric(labels, counted.duration.buckets(), counted.duration.total)
        first.add_metric(labels, counted.first_token.buckets(), counted.first_token.total)
        for kind, histogram in (("input", counted.input_tokens), ("output", counted.output_tokens)):
            tokens.add_metric((*labels, kind), histogram.buckets(), histogram.total)
    return (requests, errors, cached, cost, abstained, duration, first, tokens)
