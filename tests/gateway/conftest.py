"""Traces and requests as the gateway sees them."""

import pytest

from fourways.core.chat import ChatRequest, Principal
from fourways.core.ids import DEFAULT_TENANT
from fourways.core.trace import Trace, Usage


@pytest.fixture
def ask():
    def make(model="app", content="hello", principal=None, **options):
        return ChatRequest(
            model=model,
            messages=[{"role": "user", "content": content}],
            principal=principal or Principal(key_id="k"),
            options=options,
        )

    return make


@pytest.fixture
def ended():
    def make(name="t", **facts):
        trace = Trace(trace_id=name.ljust(32, "0"))
        trace.tenant = DEFAULT_TENANT
        trace.usage = Usage(input_tokens=1, output_tokens=2, cost_usd=0.5)
        with trace.span("model") as span:
            span.set(target="a/b", labels=["x"])
        for field, value in facts.items():
            setattr(trace, field, value)
        trace.end()
        return trace

    return make
