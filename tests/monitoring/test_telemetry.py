"""Traces as OpenTelemetry spans, received by a real collector on loopback."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExporter

from fourways.config.tree import Project
from fourways.core.errors import InvalidProject
from fourways.core.trace import Trace, Usage
from fourways.monitoring.telemetry import HELD, Telemetry, open_telemetry, spans_of


def made():
    trace = Trace(trace_id="0af7651916cd43dd8448eb211c80319c")
    trace.app, trace.way, trace.model = "help", "rag", "openai/gpt"
    trace.question, trace.answer = "secret question", "secret answer"
    trace.usage = Usage(input_tokens=10, output_tokens=5, cost_usd=0.25)
    trace.attributes["asked"] = "help:rag"
    with trace.span("retrieve") as span:
        span.set(query="secret query", hits=[{"document": "a.md"}])
    model = trace.start("model")
    model.set(provider="openai", model="gpt", input_tokens=10)
    trace.finish(model, ValueError("broke"))
    trace.end()
    return trace


def told(*, texts):
    return [dict(span.attributes or {}) for span in spans_of(made(), texts=texts)]


@pytest.fixture
def collector():
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.path, self.headers.get("x-team"), ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def test_a_trace_arrives_as_spans(collector):
    endpoint, received = collector
    node = {"otlp_endpoint": endpoint, "otlp_headers": {"x-team": "it"}}
    telemetry = open_telemetry(Project.model_validate({"project": "p", "network": "none", "telemetry": node}))
    assert telemetry is not None
    telemetry.start()
    telemetry.observe([made()])
    telemetry.stop()
    [(path, team, request)] = received
    assert (path, team) == ("/v1/traces", "it")
    root, retrieve, model = request.resource_spans[0].scope_spans[0].spans
    assert (root.name, retrieve.name, model.name) == ("chat help:rag", "retrieve", "chat gpt")
    assert root.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert retrieve.parent_span_id == model.parent_span_id == root.span_id
    assert model.status.message == "ValueError: broke"
    assert b"secret" not in request.SerializeToString()


def test_words_go_out_only_where_the_project_says_so():
    [root, retrieve, _] = told(texts=True)
    assert root["gen_ai.output.messages"] == "secret answer"
    assert retrieve["gen_ai.retrieval.query.text"] == "secret query"
    assert "secret" not in str(told(texts=False))


def test_names_are_opentelemetrys():
    [root, _, model] = told(texts=False)
    assert root["gen_ai.operation.name"] == "chat"
    assert root["gen_ai.request.model"] == "help:rag"
    assert root["gen_ai.usage.output_tokens"] == 5
    assert root["fourways.cost.usd"] == 0.25
    assert model["gen_ai.provider.name"] == "openai"
    assert model["error.type"] == "ValueError"


def test_twice_exported_is_the_same():
    trace = made()
    assert [s.context for s in spans_of(trace, texts=False)] == [s.context for s in spans_of(trace, texts=True)]


def test_no_endpoint_no_telemetry():
    assert open_telemetry(Project(project="p")) is None


def test_a_collector_outside_is_refused_under_network_none():
    node = {"otlp_endpoint": "https://collector.example"}
    with pytest.raises(InvalidProject, match="network: none"):
        open_telemetry(Project.model_validate({"project": "p", "network": "none", "telemetry": node}))


def test_a_slow_collector_delays_nobody():
    class Never(SpanExporter):
        """A collector that is never asked."""

    telemetry = Telemetry(Never())
    for _ in range(HELD + 3):
        telemetry.observe([made()])
    assert telemetry.dropped == 3
