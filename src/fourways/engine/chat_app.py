"""What is asked of a causal model's engine, by method and path."""

from types import MappingProxyType

from fourways.engine.app import Handlers, health, metrics, models
from fourways.engine.chat_service import ChatEngine
from fourways.engine.chat_wire import ChatRequest, CompletionRequest, LoadAdapter, UnloadAdapter
from fourways.engine.wire import Reply, Stream, TokenizeRequest, decode


async def _chat(engine: ChatEngine, body: bytes) -> Reply | Stream:
    return await engine.chat(decode(body, ChatRequest))


async def _complete(engine: ChatEngine, body: bytes) -> Reply | Stream:
    return await engine.complete(decode(body, CompletionRequest))


async def _load_adapter(engine: ChatEngine, body: bytes) -> Reply:
    return await engine.load_adapter(decode(body, LoadAdapter))


async def _unload_adapter(engine: ChatEngine, body: bytes) -> Reply:
    return await engine.unload_adapter(decode(body, UnloadAdapter))


async def _tokenize(engine: ChatEngine, body: bytes) -> Reply:
    return await engine.tokenize(decode(body, TokenizeRequest))


CHAT_HANDLERS: Handlers[ChatEngine] = MappingProxyType(
    {
        ("POST", "/v1/chat/completions"): _chat,
        ("POST", "/v1/completions"): _complete,
        ("POST", "/v1/load_lora_adapter"): _load_adapter,
        ("POST", "/v1/unload_lora_adapter"): _unload_adapter,
        ("POST", "/tokenize"): _tokenize,
        ("GET", "/v1/models"): models,
        ("GET", "/health"): health,
        ("GET", "/metrics"): metrics,
    }
)
