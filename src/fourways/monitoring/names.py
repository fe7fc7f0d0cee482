"""OpenTelemetry's names for what fourways knows: one table of `gen_ai.*` (semantic conventions) and of our own."""

from collections.abc import Mapping
from types import MappingProxyType

OPERATION = "gen_ai.operation.name"

TRACE: Mapping[str, str] = MappingProxyType(
    {
        "model": "gen_ai.response.model",
        "first_token": "gen_ai.response.time_to_first_chunk",
        "tenant": "fourways.tenant",
        "app": "fourways.app",
        "way": "fourways.way",
        "candidate": "fourways.candidate",
        "release": "fourways.release",
        "key_id": "fourways.key.id",
        "user": "enduser.id",
        "status": "fourways.status",
    }
)
"""Fields of a trace."""

USAGE: Mapping[str, str] = MappingProxyType(
    {
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
        "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
        "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
        "cost_usd": "fourways.cost.usd",
    }
)
"""Fields of a usage, on the trace and on a model's span alike."""

ATTRIBUTE: Mapping[str, str] = MappingProxyType(
    {
        **USAGE,
        "asked": "gen_ai.request.model",
        "provider": "gen_ai.provider.name",
        "model": "gen_ai.response.model",
        "finish": "gen_ai.response.finish_reasons",
        "ttft": "gen_ai.response.time_to_first_chunk",
        "query": "gen_ai.retrieval.query.text",
        "hits": "gen_ai.retrieval.documents",
    }
)
"""Attributes of traces and spans; others go out as `fourways.<name>`."""

TEXT: Mapping[str, str] = MappingProxyType({"question": "gen_ai.input.messages", "answer": "gen_ai.output.messages"})
"""People's words: exported only where the project says so."""
