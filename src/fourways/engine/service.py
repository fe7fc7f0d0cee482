"""The engine without HTTP: models that load in the background, and what is asked of them."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fourways.core.errors import FourwaysError, InvalidRequest, Unavailable, UnknownModel
from fourways.engine.batching import Batcher, Encode, Rows
from fourways.engine.metrics import Metrics
from fourways.engine.tokens import Tokens
from fourways.engine.wire import (
    EmbeddingRequest,
    Reply,
    RerankRequest,
    TokenizeRequest,
    embeddings_reply,
    json_reply,
    rerank_reply,
    texts_of,
)

if TYPE_CHECKING:
    from fourways.engine.encoders import CrossEncoder, Encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The models, ready."""

    encoder: "Encoder"
    reranker: "CrossEncoder | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the engine runs.

    Attributes:
        model: the name it answers to.
        instance: a random id, by which a supervisor knows its own engine again.
        workers, pack_tokens, queue_tokens: see `Batcher`.
    """

    model: str
    instance: str
    workers: int = 1
    pack_tokens: int = 512
    queue_tokens: int = 400_000


class Engine:
    """Answers embeddings, rerank and tokenize requests.

    Args:
        load: opens the models; called once, in a thread.
    """

    def __init__(self, settings: Settings, load: Callable[[], Loaded]) -> None:
        self.settings = settings
        self._load = load
        self._loaded: Loaded | None = None
        self._tokenizing = ThreadPoolExecutor(1, thread_name_prefix="tokenize")
        self.metrics = Metrics(
            settings.model, waiting=lambda: self._batcher.waiting, running=lambda: self._batcher.running
        )
        self._batcher = Batcher(
            workers=settings.workers,
            budget=settings.pack_tokens,
            limit=settings.queue_tokens,
            observe=self.metrics.packed,
        )

    async def load(self) -> None:
        """Open the models; until then every request is told to come back."""
        self._loaded = await asyncio.to_thread(self._load)

    def close(self) -> None:
        """Finish what waits."""
        self._batcher.close()
        self._tokenizing.shutdown()

    @property
    def models(self) -> Loaded:
        """The models; raises `Unavailable` while they load."""
        if self._loaded is None:
            raise Unavailable(f"{self.settings.model} is loading; try again soon", retry_after=1.0)
        return self._loaded

    def health(self) -> Reply:
        """Say whether the models are there, and which engine this is."""
        about = {"model": self.settings.model, "instance": self.settings.instance}
        if self._loaded is None:
            return json_reply({"status": "loading"} | about, 503)
        encoder = self._loaded.encoder
        facts = {
            "dimensions": encoder.dimensions,
            "max_tokens": encoder.max_tokens,
            "precision": encoder.precision,
            "workers": self.settings.workers,
        }
        return json_reply({"status": "ok"} | about | facts)

    def list_models(self) -> Reply:
        """List the one model, in OpenAI's shape."""
        limit = self._loaded.encoder.max_tokens if self._loaded else None
        model = {"id": self.settings.model, "object": "model", "created": 0, "owned_by": "fourways"}
        return json_reply({"object": "list", "data": [model | {"max_model_len": limit}]})

    async def embed(self, request: EmbeddingRequest) -> Reply:
        """Embed texts. An empty text is embedded as the model sees it."""
        self._check_model(request.model)
        encoder = self.models.encoder
        texts = texts_of(request.input, "input")
        if request.dimensions not in {None, encoder.dimensions}:
            msg = f"dimensions is {request.dimensions}; {self.settings.model} gives {encoder.dimensions} and no other"
            raise InvalidRequest(msg, param="dimensions")
        tokens = await self._tokenized(lambda: encoder.tokenize(texts))
        vectors = await rows_of(self._batcher, tokens, encoder.encode, encoder.dimensions)
        return embeddings_reply(request, self.settings.model, vectors, tokens)

    async def rerank(self, request: RerankRequest) -> Reply:
        """Order documents by how well they answer: by the cross-encoder if there is one, else by cosine in [-1, 1]."""
        self._check_model(request.model)
        documents = [document if isinstance(document, str) else document.text for document in request.documents]
        texts_of(documents, "documents")
        if request.top_n is not None and request.top_n < 1:
            raise InvalidRequest(f"top_n is {request.top_n}; 1 or more would be right", param="top_n")
        loaded = self.models
        reranker = loaded.reranker
        if reranker is not None:
            tokens = await self._tokenized(lambda: reranker.tokenize_pairs(request.query, documents))
            scores = (await rows_of(self._batcher, tokens, reranker.encode, 1))[:, 0]
        else:
            tokens = await self._tokenized(lambda: loaded.encoder.tokenize([request.query, *documents]))
            vectors = await rows_of(self._batcher, tokens, loaded.encoder.encode, loaded.encoder.dimensions)
            scores = vectors[1:] @ vectors[0]
        return rerank_reply(request, self.settings.model, scores, documents, tokens)

    async def tokenize(self, request: TokenizeRequest) -> Reply:
        """Count tokens, special ones included, before any cutting; for a list, `counts`."""
        self._check_model(request.model)
        encoder = self.models.encoder
        tokens = await self._tokenized(lambda: encoder.tokenize(texts_of(request.prompt, "prompt")))
        limit = {"max_model_len": encoder.max_tokens}
        if isinstance(request.prompt, str):
            return json_reply({"count": tokens[0].whole, "tokens": tokens[0].ids} | limit)
        return json_reply({"counts": [one.whole for one in tokens]} | limit)

    def _check_model(self, name: str | None) -> None:
        if name and name != self.settings.model:
            raise UnknownModel.named("model", name, [self.settings.model])

    async def _tokenized(self, work: Callable[[], list[Tokens]]) -> list[Tokens]:
        tokens = await asyncio.get_running_loop().run_in_executor(self._tokenizing, work)
        self.metrics.truncated(sum(one.truncated for one in tokens))
        return tokens


async def rows_of(batcher: Batcher, tokens: Sequence[Tokens], encode: Encode, dimensions: int) -> Rows:
    """Wait for a row of each sequence; whoever stops waiting takes them back.

    Raises:
        Unavailable: too much is waiting.
        FourwaysError: the model failed.
    """
    try:
        return await asyncio.wrap_future(batcher.submit(tokens, encode, dimensions))
    except (FourwaysError, asyncio.CancelledError):
        raise
    except Exception as error:
        raise FourwaysError(f"the model failed: {type(error).__name__}: {error}") from error
