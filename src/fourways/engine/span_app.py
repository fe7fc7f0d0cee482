"""What is asked of a span reader's engine, by method and path."""

from types import MappingProxyType

from fourways.engine.app import Handlers, health, metrics, models
from fourways.engine.chat_wire import ChatRequest
from fourways.engine.span_service import ReaderEngine
from fourways.engine.wire import Reply, Stream, TokenizeRequest, decode


async def _chat(engine: ReaderEngine, body: bytes) -> Reply | Stream:
    return await engine.chat(decode(body, ChatRequest))


async def _complete(engine: ReaderEngine, _: bytes) -> Reply:
    return engine.refuse("completions")


async def _adapter(engine: ReaderEngine, _: bytes) -> Reply:
    return engine.refuse("adapters")


async def _tokenize(engine: ReaderEngine, body: bytes) -> Reply:
    return await engine.tokenize(decode(body, TokenizeRequest))


READER_HANDLERS: Handlers[ReaderEngine] = MappingProxyType(
    {
        ("POST", "/v1/chat/completions"): _chat,
        ("POST", "/v1/completions"): _complete,
        ("POST", "/v1/load_lora_adapter"): _adapter,
        ("POST", "/v1/unload_lora_adapter"): _adapter,
        ("POST", "/tokenize"): _tokenize,
        ("GET", "/v1/models"): models,
        ("GET", "/health"): health,
        ("GET", "/metrics"): metrics,
    }
)
