"""What the engine counts, for Prometheus: vLLM's names where vLLM has them, `fourways_engine_*` otherwise."""

from collections.abc import Callable
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

ASKED = frozenset({"/v1/embeddings", "/v1/rerank", "/rerank"})
"""Paths whose answers count as the model's."""
_PACK_TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


class Metrics:
    """The engine's counters.

    Args:
        model: the label `model_name`.
        waiting, running: read when somebody asks.
    """

    def __init__(self, model: str, *, waiting: Callable[[], float], running: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._model = model
        labels = ("model_name",)

        def counter(name: str, what: str) -> Counter:
            return Counter(name, what, labels, registry=self._registry)

        def gauge(name: str, what: str, read: Callable[[], float]) -> None:
            Gauge(name, what, labels, registry=self._registry).labels(model).set_function(read)

        gauge("vllm:num_requests_waiting", "Requests that wait for the model.", waiting)
        gauge("vllm:num_requests_running", "Packs the model works on.", running)
        self._requests = Counter(
            "fourways_engine_requests", "Requests by path and status.", ("path", "status"), registry=self._registry
        )
        self._succeeded = counter("vllm:request_success", "Requests answered.").labels(model)
        self._tokens = counter("vllm:prompt_tokens", "Tokens read by the model.").labels(model)
        self._truncated = counter("fourways_engine_truncated_texts", "Texts whose end was cut.").labels(model)
        self._sequences = counter("fourways_engine_sequences", "Texts run through the model.").labels(model)
        self._cpu = counter("fourways_engine_model_cpu_seconds", "CPU seconds in the model.").labels(model)
        self._latency = Histogram(
            "vllm:e2e_request_latency_seconds", "Seconds from a request to its answer.", labels, registry=self._registry
        ).labels(model)
        self._packs = Histogram(
            "fourways_engine_pack_tokens", "Tokens in a pack.", labels, buckets=_PACK_TOKENS, registry=self._registry
        ).labels(model)

    def packed(self, sequences: int, tokens: int, cpu_seconds: float) -> None:
        """Count a pack that went through the model."""
        self._sequences.inc(sequences)
        self._tokens.inc(tokens)
        self._cpu.inc(cpu_seconds)
        self._packs.observe(tokens)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(path, str(status)).inc()
        if status == HTTPStatus.OK and path in ASKED:
            self._succeeded.inc()
            self._latency.observe(seconds)

    def truncated(self, texts: int) -> None:
        """Count texts whose end the model did not see."""
        self._truncated.inc(texts)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
