"""What is said over HTTP: OpenAI's embeddings, Cohere's and Jina's rerank, vLLM's tokenize, OpenAI's errors."""

from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from fourways.core.errors import (
    FourwaysError,
    InvalidRequest,
    NotFound,
    RequestTooLarge,
    Unavailable,
)
from fourways.engine.tokens import Tokens

MAX_INPUTS = 2048
"""Texts in one request, as at OpenAI."""

T = TypeVar("T")


class EmbeddingRequest(msgspec.Struct, kw_only=True):
    """`POST /v1/embeddings`."""

    input: str | list[str]
    model: str | None = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


class TextDocument(msgspec.Struct):
    """A document of a rerank request in its long form."""

    text: str


class RerankRequest(msgspec.Struct, kw_only=True):
    """`POST /v1/rerank`."""

    query: str
    documents: list[str | TextDocument]
    model: str | None = None
    top_n: int | None = None
    return_documents: bool = False


class TokenizeRequest(msgspec.Struct, kw_only=True):
    """`POST /tokenize`: vLLM's, where `prompt` may also be a list."""

    prompt: str | list[str]
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer on its way out."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer that comes in frames of server-sent events; closing the iterator takes the request back."""

    frames: AsyncGenerator[bytes, None]
    status: int = 200


def decode(body: bytes, kind: type[T]) -> T:
    """Read a request's body.

    Raises:
        InvalidRequest: it is not JSON, or not of the request's shape; `param` names the field.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        complaint, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").lstrip(".") or None
        raise InvalidRequest(f"{param or 'the body'}: {complaint}", param=param) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is not the JSON of a request: {error}", code="invalid_json") from error


def texts_of(value: str | list[str], param: str) -> list[str]:
    """Return one or several texts as a list; raises `InvalidRequest` for none or too many."""
    texts = [value] if isinstance(value, str) else value
    if not texts:
        raise InvalidRequest(f"{param} is an empty list; one text or more would be right", param=param)
    if len(texts) > MAX_INPUTS:
        raise InvalidRequest(f"{param} has {len(texts)} texts; {MAX_INPUTS} at most", param=param)
    return texts


def json_reply(value: Any, status: int = 200) -> Reply:  # noqa: ANN401 - any JSON value
    """Encode a value as an answer."""
    return Reply(body=msgspec.json.encode(value), status=status)


def embeddings_reply(
    request: EmbeddingRequest, model: str, vectors: NDArray[np.float32], tokens: Sequence[Tokens]
) -> Reply:
    """Build the answer with one vector for each text; `fourways.truncated` lists the texts that were cut."""
    usage = usage_of(tokens)
    data = [
        {"object": "embedding", "index": at, "embedding": _vector(row, request.encoding_format)}
        for at, row in enumerate(vectors)
    ]
    truncated = [at for at, one in enumerate(tokens) if one.truncated]
    extra = {"fourways": {"truncated": truncated}} if truncated else {}
    return json_reply({"object": "list", "data": data, "model": model, "usage": usage} | extra)


def _vector(row: NDArray[np.float32], form: str) -> str | list[float]:
    return b64encode(row.astype("<f4", copy=False).tobytes()).decode() if form == "base64" else row.tolist()


def rerank_reply(
    request: RerankRequest, model: str, scores: NDArray[np.float32], texts: Sequence[str], tokens: Sequence[Tokens]
) -> Reply:
    """Build the answer with the best documents first; equal scores keep the documents' order."""
    best = np.argsort(-scores, kind="stable")[: request.top_n]
    results = [
        {"index": int(at), "relevance_score": float(scores[at])}
        | ({"document": {"text": texts[at]}} if request.return_documents else {})
        for at in best
    ]
    return json_reply({"model": model, "results": results, "usage": usage_of(tokens)})


def usage_of(tokens: Sequence[Tokens]) -> dict[str, int]:
    """Count the tokens that the model reads."""
    total = sum(len(one.ids) for one in tokens)
    return {"prompt_tokens": total, "total_tokens": total}


@dataclass(frozen=True, slots=True)
class _Status:
    code: int
    type: str
    name: str | None = None


STATUS: Mapping[type[FourwaysError], _Status] = MappingProxyType(
    {
        RequestTooLarge: _Status(413, "invalid_request_error", "request_too_large"),
        InvalidRequest: _Status(400, "invalid_request_error"),
        NotFound: _Status(404, "invalid_request_error", "not_found"),
        Unavailable: _Status(503, "server_error", "unavailable"),
        FourwaysError: _Status(500, "server_error"),
    }
)
"""The first entry that an error is an instance of counts."""


def error_reply(error: FourwaysError) -> Reply:
    """Say an error in OpenAI's shape; `Retry-After` tells when to come back."""
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    code = getattr(error, "code", None) or status.name
    body = {"message": error.message, "type": status.type, "param": getattr(error, "param", None), "code": code}
    headers = {b"retry-after": b"%d" % max(1, round(error.retry_after))} if isinstance(error, Unavailable) else {}
    return Reply(body=msgspec.json.encode({"error": body}), status=status.code, headers=headers)
