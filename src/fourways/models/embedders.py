"""Text into vectors: the `Embedder` protocol, one that asks a server, one that hashes words. Loads no weights."""

import asyncio
import re
import zlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from fourways.core.errors import InvalidRequest, UpstreamError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Post = Callable[[str, bytes], Awaitable[bytes]]
"""`await post("/embeddings", body)`: the JSON body of a 2xx answer; raises from `core/errors` otherwise."""

_WORD = re.compile(r"\w+")


class Embedder(Protocol):
    """Turns texts into vectors of unit length, so that a dot product is their cosine.

    Attributes:
        name: names the vectors: part of every cache key and of the index's name. Equal names, equal vectors.
    """

    name: str

    async def __call__(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Return float32 of shape (len(texts), dimensions), in the order of the texts."""
        ...


class _Row(msgspec.Struct):
    index: int
    embedding: str | list[float]


class _Reply(msgspec.Struct):
    data: list[_Row]


_decode_reply = msgspec.json.Decoder(_Reply).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, kw_only=True)
class RemoteEmbedder:
    """Asks any server that speaks `POST /embeddings`, in batches of bounded size sent side by side.

    Attributes:
        name: as in `Embedder`, usually `provider/model`.
        model: what the server calls the model.
        post: sends one body and brings back the answer's; its errors pass through unchanged.
        encoding: `base64` is about four times smaller and faster than `float`; a server that ignores it is understood.
        batch_texts: texts in one request, at most.
        batch_characters: characters in one request, at most, unless a single text is longer.
        concurrency: requests of one call that may be under way together.
    """

    name: str
    model: str
    post: Post
    encoding: Literal["base64", "float"] = "base64"
    batch_texts: int = 64
    batch_characters: int = 200_000
    concurrency: int = 4
    _dimensions: int = field(default=0, init=False, repr=False)

    async def __call__(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embed the texts.

        Raises:
            UpstreamError: the server's answer is no answer to what was sent; also whatever `post` raises.
        """
        import numpy as np

        if isinstance(texts, str):
            raise InvalidRequest("texts is one string; a sequence of strings would be right", param="input")
        if not texts:
            return np.zeros((0, self._dimensions), np.float32)
        room = asyncio.Semaphore(self.concurrency)
        batches = split_batches(texts, count=self.batch_texts, characters=self.batch_characters)
        tasks = [asyncio.ensure_future(self._send_one(batch, room)) for batch in batches]
        try:
            vectors = np.concatenate(await asyncio.gather(*tasks))
        except ValueError as error:
            msg = f"{self.name} answered with vectors of different lengths; one model has one length"
            raise UpstreamError(msg, target=self.name) from error
        finally:
            for task in tasks:
                task.cancel()
        self._dimensions = vectors.shape[1]
        return vectors

    async def _send_one(self, batch: Sequence[str], room: asyncio.Semaphore) -> "NDArray[np.float32]":
        body = _encode({"model": self.model, "input": batch, "encoding_format": self.encoding})
        async with room:
            reply = await self.post("/embeddings", body)
        return self._read(reply, len(batch))

    def _read(self, reply: bytes, expected: int) -> "NDArray[np.float32]":
        import numpy as np

        try:
            rows = sorted(_decode_reply(reply).data, key=lambda row: row.index)
            vectors = np.stack([_vector(row.embedding) for row in rows]) if rows else np.zeros((0, 0), np.float32)
        except (msgspec.DecodeError, NotBase64, ValueError) as error:
            msg = f"{self.name} did not answer in the shape of /v1/embeddings: {error}"
            raise UpstreamError(msg, target=self.name) from error
        if [row.index for row in rows] != list(range(expected)):
            msg = f"{self.name} answered with {len(rows)} vectors; {expected} texts were sent, one vector each is right"
            raise UpstreamError(msg, target=self.name)
        return self._unit(vectors)

    def _unit(self, vectors: "NDArray[np.float32]") -> "NDArray[np.float32]":
        import numpy as np

        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            msg = f"{self.name} answered with a vector that has no direction (zero, or not a number)"
            raise UpstreamError(msg, target=self.name)
        return np.asarray(vectors / lengths, np.float32)


def _vector(wire: str | list[float]) -> "NDArray[np.float32]":
    """Read a vector as it stands on the wire: base64 of little-endian float32, or numbers."""
    import numpy as np

    if isinstance(wire, str):
        return np.frombuffer(b64decode(wire, validate=True), "<f4")
    return np.asarray(wire, np.float32)


def split_batches(texts: Sequence[str], *, count: int, characters: int) -> Iterator[list[str]]:
    """Cut texts into runs of at most `count` texts and `characters` characters; a longer text goes alone."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) >= count or size + len(text) > characters):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


class HashEmbedder:
    """For tests and dry runs: a bag of hashed words. Texts that share words are near; meaning it knows nothing of.

    Every word adds ±1 at a place given by its CRC-32 (the hashing trick, Weinberger et al. 2009, arXiv:0902.2206).

    Args:
        dimensions: length of the vectors; small ones let words collide.
    """

    def __init__(self, dimensions: int = 256) -> None:
        self.name = f"hash-{dimensions}"
        self.dimensions = dimensions

    async def __call__(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embed the texts; one without a word gets the first axis."""
        import numpy as np

        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                digest = zlib.crc32(word.encode())
                row[digest % self.dimensions] += 1 if digest >> 31 else -1
            if not row.any():
                row[0] = 1
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
