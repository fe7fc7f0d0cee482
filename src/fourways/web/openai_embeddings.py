"""POST /v1/embeddings: vectors by an embedder's name, or by the app or knowledge whose embedder it is."""

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from fourways.core.chat import Principal
from fourways.core.errors import InvalidRequest, NotAllowed, UnknownModel
from fourways.core.trace import Usage
from fourways.gateway.record import recording
from fourways.web.asgi import Exchange
from fourways.web.house import House
from fourways.web.presence import Presence
from fourways.web.traces import traced
from fourways.web.wire import checked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGED = "minilm"
MOST_TEXTS = 2048
CHARACTERS_A_TOKEN = 4
"""Tokens are not counted by embedders; English has about so many characters in one."""


class EmbeddingBody(msgspec.Struct, kw_only=True):
    """The body of POST /v1/embeddings."""

    model: str
    input: str | Annotated[list[str], Meta(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    user: str | None = None


class EmbeddingRow(msgspec.Struct, kw_only=True):
    """One vector: numbers, or base64 of little-endian float32."""

    index: int
    embedding: list[float] | str
    object: str = "embedding"


class EmbeddingUsage(msgspec.Struct, kw_only=True):
    """Tokens read, estimated from the number of characters."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, kw_only=True):
    """The vectors, in the order of the texts; of unit length."""

    data: list[EmbeddingRow]
    model: str
    usage: EmbeddingUsage
    object: str = "list"


_typed = msgspec.json.Decoder(EmbeddingBody)
_encode = msgspec.json.Encoder().encode


async def embeddings(house: House, exchange: Exchange) -> None:
    """Embed texts."""
    body = checked(await exchange.body(), _typed)
    texts = [body.input] if isinstance(body.input, str) else body.input
    if not all(texts):
        raise InvalidRequest("input holds an empty string; there is nothing in it to embed", param="input")
    trace = traced(exchange)
    tokens = max(1, sum(map(len, texts)) // CHARACTERS_A_TOKEN)
    with (
        recording(house.recorder, trace, exchange.principal, "embeddings", body.model),
        house.limits.charged(body.model, exchange.principal),
        Presence(exchange),
    ):
        name = embedder_of(house, body.model, exchange.principal)
        trace.model = name
        vectors = shortened(await house.models.embedder(name)(texts), body.dimensions)
        trace.usage = Usage(input_tokens=tokens)
    rows = [
        EmbeddingRow(index=index, embedding=row) for index, row in enumerate(written(vectors, body.encoding_format))
    ]
    usage = EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens)
    await exchange.reply(200, _encode(EmbeddingList(data=rows, model=name, usage=usage)))


def embedder_of(house: House, name: str, principal: Principal) -> str:
    """Return the embedder that a `model` name means. Never a folder that the project does not name itself.

    Raises:
        UnknownModel: it means none; says which names do.
        NotAllowed: a key for apps asks for an embedder directly.
    """
    project = house.project
    by_knowledge = {each: node.embedding.model for each, node in project.knowledge.items()}
    by_app = {
        each: by_knowledge[app.ways.rag.knowledge] if app.ways.rag else PACKAGED for each, app in project.apps.items()
    }
    if name in by_app and principal.may_use(name):
        return by_app[name]
    direct = {PACKAGED, *by_knowledge.values()}
    provider, slash, _ = name.partition("/")
    known = name in direct or name in by_knowledge or (slash and provider in house.models.providers())
    if principal.apps is not None:
        if known or name in by_app:
            msg = f"this key is for apps; it may embed as one of them: {', '.join(sorted(principal.apps))}"
            raise NotAllowed(msg)
        raise UnknownModel.named("embedder", name, principal.apps)
    if not known:
        raise UnknownModel.named("embedder", name, (*direct, *by_knowledge, *by_app, "provider/model"))
    return by_knowledge.get(name, name)


def shortened(vectors: "NDArray[np.float32]", dimensions: int | None) -> "NDArray[np.float32]":
    """Keep the first `dimensions` of each vector, of unit length again."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    if dimensions > vectors.shape[1]:
        message = f"dimensions is {dimensions}; this model has {vectors.shape[1]}"
        raise InvalidRequest(message, param="dimensions")
    import numpy as np

    cut = vectors[:, :dimensions]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    return np.asarray(cut / np.where(lengths > 0, lengths, 1), np.float32)


def written(vectors: "NDArray[np.float32]", form: str) -> list[Any]:
    """Return each vector as it stands on the wire."""
    if form == "float":
        return list(vectors.tolist())
    return [b64encode(row.astype("<f4").tobytes()).decode() for row in vectors]
