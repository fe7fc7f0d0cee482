"""What a causal model's engine, or a reader's, counts, in vLLM's names."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from fourways.engine.scheduler import Scheduler

_LABELS = ("model_name",)
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160)
_BETWEEN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10)
_WHOLE = (0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """How it stands when somebody asks; a reader has no cache and guesses nothing.

    Attributes:
        usage: share of the cache in use.
        seconds: in passes so far.
    """

    running: int
    waiting: int
    passes: int
    seconds: float
    usage: float = 0.0
    prefix_queries: int = 0
    prefix_hits: int = 0
    drafted: int = 0
    accepted: int = 0


def now_of(scheduler: "Scheduler | None") -> Now | None:
    """Return how a scheduler stands; None while the model loads."""
    if scheduler is None:
        return None
    return Now(
        running=scheduler.running,
        waiting=scheduler.waiting,
        passes=scheduler.passes,
        seconds=scheduler.seconds,
        usage=scheduler.usage,
        prefix_queries=scheduler.prefix_queries,
        prefix_hits=scheduler.prefix_hits,
        drafted=scheduler.drafted,
        accepted=scheduler.accepted,
    )


class _Standing(Collector):
    """Reads how it stands when somebody asks."""

    def __init__(self, model: str, read: Callable[[], Now | None]) -> None:
        self._model, self._read = model, read

    def collect(self) -> Iterable[Metric]:
        now = self._read()
        if now is None:
            return
        gauges = (
            ("vllm:num_requests_running", "Sequences that have a slot.", float(now.running)),
            ("vllm:num_requests_waiting", "Sequences that wait for a slot.", float(now.waiting)),
            ("vllm:kv_cache_usage_perc", "Share of the cache in use, 1 for all.", now.usage),
        )
        counters = (
            ("vllm:prefix_cache_queries", "Prompt tokens looked for in the cache.", now.prefix_queries),
            ("vllm:prefix_cache_hits", "Prompt tokens found there.", now.prefix_hits),
            ("vllm:spec_decode_num_draft_tokens", "Tokens guessed ahead.", now.drafted),
            ("vllm:spec_decode_num_accepted_tokens", "Of those, how many were right.", now.accepted),
            ("fourways_engine_passes", "Passes through the model.", now.passes),
            ("fourways_engine_pass_seconds", "Seconds in them.", now.seconds),
        )
        for kind, rows in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
            for name, what, value in rows:
                family = kind(name, what, labels=_LABELS)
                family.add_metric([self._model], value)
                yield family


class ChatMetrics:
    """The engine's counters.

    Args:
        model: the label `model_name`.
        now: asked when somebody asks; None while the model loads.
    """

    def __init__(self, model: str, now: Callable[[], Now | None]) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(_Standing(model, now))

        def counter(name: str, what: str) -> Counter:
            return Counter(name, what, _LABELS, registry=registry).labels(model)

        def histogram(name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name, what, _LABELS, buckets=buckets, registry=registry).labels(model)

        self._model = model
        self.prompt_tokens = counter("vllm:prompt_tokens", "Prompt tokens.")
        self.generation_tokens = counter("vllm:generation_tokens", "Tokens generated.")
        self.first = histogram("vllm:time_to_first_token_seconds", "Seconds to the first token.", _FIRST)
        self.between = histogram("vllm:inter_token_latency_seconds", "Seconds between tokens.", _BETWEEN)
        self.each = histogram("vllm:time_per_output_token_seconds", "The same, under its older name.", _BETWEEN)
        self.whole = histogram("vllm:e2e_request_latency_seconds", "Seconds from request to answer.", _WHOLE)
        self._success = Counter(
            "vllm:request_success", "Sequences by how they ended.", (*_LABELS, "finished_reason"), registry=registry
        )
        self._adapters = Gauge(
            "vllm:lora_requests_info",
            "Adapters there are.",
            ("max_lora", "waiting_lora_adapters", "running_lora_adapters"),
            registry=registry,
        )
        self._requests = Counter(
            "fourways_engine_requests", "Requests by path and status.", ("path", "status"), registry=registry
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        del seconds
        self._requests.labels(path, str(status)).inc()

    def finished(self, reason: str) -> None:
        """Count a sequence that ended."""
        self._success.labels(self._model, reason).inc()

    def adapters(self, names: Iterable[str], now: float) -> None:
        """Say which adapters there are; `now` in Unix seconds is the value, as vLLM has it."""
        self._adapters.clear()
        self._adapters.labels("", "", ",".join(sorted(names))).set(now)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
