"""Our engine under supervision: embeds, reranks and counts tokens, in a process that is there when it is needed."""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from fourways.core.errors import Unavailable, UpstreamError, UpstreamRefused
from fourways.models.child import Announced, ServerSpec, healthy
from fourways.models.embedders import Embedder, RemoteEmbedder
from fourways.models.kept import Clock, KeptServer
from fourways.models.pooled import PooledTransport
from fourways.models.started import Servers
from fourways.models.transport import Deadlines, Transport
from fourways.models.wire import WireTransport

ATTEMPTS = 3
"""Tries of a request whose server went away under it."""
PATIENCE = 60.0
"""Seconds to go on asking a server whose queue is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What our engine runs.

    Attributes:
        embedding: `minilm`, or a folder of a sentence-transformers model.
        rerank: a cross-encoder's folder.
        dtype: `auto`, `float32`, `bfloat16`.
        threads: packs computed at a time; the engine's own choice where None.
    """

    embedding: str = "minilm"
    rerank: str | None = None
    dtype: str = "auto"
    threads: int | None = None


def engine_spec(settings: EngineSettings) -> ServerSpec:
    """Return how our engine is started; the usual one is `engine`, another has a digest in its name."""
    options: dict[str, str | int | None] = {
        "--embedding": settings.embedding,
        "--rerank": settings.rerank,
        "--dtype": settings.dtype,
        "--threads": settings.threads,
    }
    chosen = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    command = (sys.executable, "-m", "fourways.engine", "--announce", "{announce}", *chosen)
    name = (
        "engine" if settings.embedding == "minilm" else f"engine-{sha256(settings.embedding.encode()).hexdigest()[:8]}"
    )
    return ServerSpec(name=name, command=command)


def vectors_name(embedding: str) -> str:
    """Name a model's vectors: its own name and, for a folder, a digest of its configuration and weights.

    Of the weights the size and both ends are read: that is where any training leaves its mark, and it costs nothing.

    Raises:
        Unavailable: the folder holds no `model.safetensors`.
    """
    if embedding == "minilm":
        return embedding
    folder = Path(embedding).expanduser()
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise Unavailable(f"{embedding} is not minilm and no folder with a model.safetensors")
    seen = sha256(str(weights.stat().st_size).encode())
    for path in sorted([*folder.glob("*.json"), *folder.glob("*/config.json")]):
        seen.update(path.read_bytes())
    with weights.open("rb") as file:
        seen.update(file.read(65536))
        file.seek(max(0, weights.stat().st_size - 65536))
        seen.update(file.read())
    return f"{folder.name}@{seen.hexdigest()[:12]}"


class _Counts(msgspec.Struct):
    counts: list[int]


class EngineProcess:
    """Our engine: embeds, reranks and counts tokens, in a process that is there when it is needed.

    Args:
        state: the project's state folder (`.fourways`).
        transport: how requests go out; one of its own, closed by `stop`, where not given.
    """

    def __init__(
        self,
        state: Path,
        settings: EngineSettings | None = None,
        *,
        transport: Transport | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.settings = settings or EngineSettings()
        self.server = KeptServer(engine_spec(self.settings), state, clock=clock)
        self._transport = transport or WireTransport({}, proxied=PooledTransport({}))
        self._clock = clock

    async def start(self) -> None:
        """Start the engine now, so that the first request does not wait for it."""
        await self.server.ready()

    async def ready(self) -> bool:
        """Whether the engine answers right now; starts nothing."""
        at = self.server.at
        return at is not None and await asyncio.to_thread(healthy, at, self.server.spec.health)

    async def stop(self) -> None:
        """End the engine if it is ours."""
        await self.server.stop()
        await self._transport.close()

    async def embedder(self) -> Embedder:
        """Return the engine's embedder; the engine starts at its first call."""
        return self.open_embedder()

    def open_embedder(self) -> Embedder:
        """Do what `embedder` does, for callers that cannot wait; reads a few kilobytes of the model's folder."""
        name = vectors_name(self.settings.embedding)
        return RemoteEmbedder(name=name, model="", post=lambda path, body: self.post(f"/v1{path}", body))

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's tokens in the embedding model, special ones included, uncut."""
        if not texts:
            return []
        body = await self.post("/tokenize", msgspec.json.encode({"prompt": texts}))
        return msgspec.json.decode(body, type=_Counts).counts

    async def rerank(self, query: str, documents: Sequence[str]) -> list[float]:
        """Return each document's relevance to the query, in the documents' order."""
        if not documents:
            return []
        body = await self.post("/v1/rerank", msgspec.json.encode({"query": query, "documents": documents}))
        scores = [0.0] * len(documents)
        results: list[dict[str, Any]] = msgspec.json.decode(body)["results"]
        for result in results:
            scores[result["index"]] = float(result["relevance_score"])
        return scores

    async def post(self, path: str, body: bytes) -> bytes:
        """Send a request to the engine, wherever it is; again if it died, later if its queue is full.

        Raises:
            Unavailable: there is no engine to be had, or its queue stayed full.
            UpstreamRefused: it refused the request; `status` and `body` are its own.
        """
        last: UpstreamError | None = None
        failed: Announced | None = None
        for _ in range(ATTEMPTS):
            at = await self.server.ready(instead_of=failed)
            try:
                return await self._send(at, path, body)
            except UpstreamRefused:
                raise
            except UpstreamError as error:
                last, failed = error, at
        msg = f"the engine went away {ATTEMPTS} times under the same request: {last}"
        raise Unavailable(msg, retry_after=5) from last

    async def _send(self, at: Announced, path: str, body: bytes) -> bytes:
        """Send once; while the queue is full, wait as long as the engine says and send again."""
        deadline = self._clock() + PATIENCE
        while True:
            response = await self._transport.open(
                "POST",
                f"http://{at.host}:{at.port}{path}",
                headers={"content-type": "application/json"},
                body=body,
                deadlines=Deadlines(first_byte=300.0),
            )
            try:
                answer = await response.read()
            finally:
                response.close()
            if response.status == HTTPStatus.OK:
                return answer
            wait = float(response.headers.get("retry-after", 1))
            if response.status != HTTPStatus.SERVICE_UNAVAILABLE or self._clock() + wait > deadline:
                raise _refusal(response.status, answer)
            await asyncio.sleep(wait)


class Engines:
    """The engines of one project, one for each embedding model, each started at its first use.

    Args:
        state: the project's state folder (`.fourways`).

    Attributes:
        servers: those that chat, likewise.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self.servers = Servers(state)
        self._open: dict[str, EngineProcess] = {}

    def engine(self, embedding: str = "minilm") -> EngineProcess:
        """Return the engine of `minilm` or of a folder."""
        if embedding not in self._open:
            self._open[embedding] = EngineProcess(self._state, EngineSettings(embedding=embedding))
        return self._open[embedding]

    def embedder(self, embedding: str) -> Embedder:
        """Return the embedder of `minilm` or of a folder; raises `Unavailable` where that is no model."""
        return self.engine(embedding).open_embedder()

    async def stop(self) -> None:
        """End those that are ours."""
        await asyncio.gather(self.servers.stop(), *(engine.stop() for engine in self._open.values()))


def _refusal(status: int, body: bytes) -> UpstreamRefused | Unavailable:
    try:
        message = str(msgspec.json.decode(body)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        message = body[:200].decode(errors="replace")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Unavailable(f"the engine has no room: {message}")
    return UpstreamRefused(message, target="engine", status=status, body=body)
