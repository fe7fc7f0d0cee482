"""Metrics from finished traces."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fourways.core.errors import Unavailable
from fourways.core.trace import Trace, Usage
from fourways.monitoring.metrics import Metrics

LABELS = {
    "gen_ai_operation_name": "chat",
    "gen_ai_request_model": "m",
    "fourways_app": "help",
    "fourways_way": "rag",
}


def made(**facts):
    trace = Trace()
    trace.app, trace.way, trace.model = "help", "rag", "m"
    trace.usage = Usage(input_tokens=100, output_tokens=10, cached_tokens=5, cost_usd=0.5)
    trace.note_first_token()
    for name, value in facts.items():
        setattr(trace, name, value)
    trace.end(facts.get("raised"))
    return trace


def shown(metrics, **gauges):
    text = metrics.render(gauges).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def at(samples, name, **labels):
    return samples[name, frozenset({**LABELS, **labels}.items())]


def test_answers_are_counted_by_how_they_ended():
    metrics = Metrics()
    failed = made()
    failed.status, failed.error = "error", "UpstreamTimeout: slow"
    metrics.observe([made(), made(), failed])
    samples = shown(metrics)
    assert at(samples, "fourways_requests_total", status="ok") == 2
    assert at(samples, "fourways_requests_total", status="error") == 1
    assert at(samples, "fourways_errors_total", error_type="UpstreamTimeout") == 1
    assert at(samples, "fourways_cost_usd_total") == pytest.approx(1.5)


def test_histograms_are_cumulative_and_summed():
    metrics = Metrics()
    metrics.observe([made(), made()])
    samples = shown(metrics)
    tokens = {"gen_ai_token_type": "input"}
    assert at(samples, "gen_ai_client_token_usage_bucket", le="64", **tokens) == 0
    assert at(samples, "gen_ai_client_token_usage_bucket", le="256", **tokens) == 2
    assert at(samples, "gen_ai_client_token_usage_bucket", le="+Inf", **tokens) == 2
    assert at(samples, "gen_ai_client_token_usage_sum", **tokens) == 200
    assert at(samples, "gen_ai_client_operation_duration_seconds_count") == 2
    assert at(samples, "gen_ai_server_time_to_first_token_seconds_count") == 2


def test_names_that_nobody_serves_do_not_become_labels():
    metrics = Metrics()
    for number in range(50):
        trace = Trace()
        trace.model = f"made-up-{number}"
        trace.end(Unavailable("x"))
        metrics.observe([trace])
    names = {name for name, _ in shown(metrics) if name == "fourways_requests_total"}
    counted = [labels for name, labels in shown(metrics) if name == "fourways_requests_total"]
    assert names == {"fourways_requests_total"}
    assert len(counted) == 1


def test_series_are_bounded():
    metrics = Metrics(most=3)
    metrics.observe([made(model=f"m{number}") for number in range(10)])
    counted = [labels for name, labels in shown(metrics) if name == "fourways_requests_total"]
    assert len(counted) == 4
    assert sum(value for (name, _), value in shown(metrics).items() if name == "fourways_requests_total") == 10


def test_gauges_and_refusals_are_shown():
    metrics = Metrics()
    metrics.refused(401, "invalid_api_key")
    samples = shown(metrics, fourways_answers_in_flight=3)
    assert samples["fourways_answers_in_flight", frozenset()] == 3
    assert samples["fourways_http_errors_total", frozenset({("status", "401"), ("code", "invalid_api_key")})] == 1
