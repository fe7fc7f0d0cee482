"""One provider's HTTP API as plain async functions: addresses, the key, errors. Knows nothing of chunks or retries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from fourways.core.errors import InvalidProject, InvalidRequest, UpstreamError, UpstreamRefused
from fourways.models.dialects import Dialect, Operation
from fourways.models.transport import Deadlines, Response, Transport

ERROR_LIMIT = 1_000_000
"""Bytes of an error's body that are read."""

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model of a provider's list."""

    id: str
    owned_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A document's place in a reranking: its index in what was sent, and its relevance (higher is better)."""

    index: int
    score: float


class ProviderClient:
    """Speaks to one provider.

    Args:
        name: as the project file calls it; the first half of `provider/model`.
        base_url: where its API begins.
        key: sent as the dialect says; "" sends none.
        headers, query: added to the dialect's own.
        local: its answers cost nothing, and nothing leaves the company's network.

    Raises:
        InvalidProject: address, key or a header cannot be sent.
    """

    def __init__(
        self,
        *,
        name: str,
        dialect: Dialect,
        base_url: str,
        transport: Transport,
        key: str = "",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        local: bool = False,
    ) -> None:
        self.name, self.dialect, self.local = name, dialect, local
        self.base_url = base_url.rstrip("/")
        self._transport = transport
        self._key = key
        asked = {**dialect.query, **(query or {})}
        self._suffix = f"?{urlencode(asked)}" if asked else ""
        self._urls: dict[Operation, str] = {}  # those that no model's name is part of
        self._headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "fourways",
            **dialect.headers,
            **({dialect.key_header: f"{dialect.key_prefix}{key}"} if key else {}),
            **{header.lower(): value for header, value in (headers or {}).items()},
        }
        _check_ascii(name, {"base_url": self.base_url, **self._headers})

    def target(self, model: str) -> str:
        """Return `provider/model`, as errors and traces name it."""
        return f"{self.name}/{model}"

    def url(self, operation: Operation, model: str) -> str:
        """Return the operation's URL; raises `InvalidRequest` where the provider has no such operation."""
        url = self._urls.get(operation)
        if url is not None:
            return url
        path = self.dialect.path(operation)
        if not path:
            raise InvalidRequest(f"provider '{self.name}' ({self.dialect.name}) has no {operation} endpoint")
        whole = f"{path if path.startswith('http') else self.base_url + path}{self._suffix}"
        if "{model}" in whole:
            return whole.replace("{model}", quote(model, safe=""))
        self._urls[operation] = whole
        return whole

    async def open(self, operation: Operation, model: str, body: bytes, deadlines: Deadlines) -> Response:
        """Send a request and return its answer, if it is one; the caller closes it.

        Args:
            body: JSON; b"" makes it a GET.

        Raises:
            UpstreamRefused: the provider answered with an error status.
            UpstreamTimeout, UpstreamError: it did not answer.
        """
        method = "POST" if body else "GET"
        url = self.url(operation, model)
        try:
            response = await self._transport.open(method, url, headers=self._headers, body=body, deadlines=deadlines)
            if response.status < 300:  # noqa: PLR2004 - where HTTP's successes end
                return response
            try:
                raise self._refused(response, await response.read(ERROR_LIMIT), model)
            finally:
                response.close()
        except UpstreamError as error:
            error.target = error.target or self.target(model)
            raise

    async def post(self, operation: Operation, model: str, body: bytes, deadlines: Deadlines) -> bytes:
        """Send a request and return the answer's whole body; raises as `open` does."""
        response = await self.open(operation, model, body, deadlines)
        try:
            return await response.read()
        except UpstreamError as error:
            error.target = error.target or self.target(model)
            raise
        finally:
            response.close()

    async def completions(self, model: str, body: Mapping[str, Any], deadlines: Deadlines) -> Response:
        """Open a legacy completion (`prompt` in, text out); its answer is relayed as it is, streamed or not."""
        return await self.open("completions", model, encode({**body, "model": model}), deadlines)

    async def embeddings(self, model: str, body: Mapping[str, Any], deadlines: Deadlines) -> bytes:
        """Return the JSON of an embeddings request whose body is `body` with this model."""
        return await self.post("embeddings", model, encode({**body, "model": model}), deadlines)

    async def rerank(
        self, model: str, query: str, documents: Sequence[str], deadlines: Deadlines, *, limit: int | None = None
    ) -> list[Ranked]:
        """Order documents by their relevance to a query, best first; `limit` of them at most.

        Speaks the shape that Cohere, Jina and vLLM share.
        """
        body = {"model": model, "query": query, "documents": list(documents), "top_n": limit or len(documents)}
        answer = decode(await self.post("rerank", model, encode(body), deadlines))
        try:
            ranked = [Ranked(index=row["index"], score=float(row["relevance_score"])) for row in answer["results"]]
            outside = [row.index for row in ranked if not 0 <= row.index < len(documents)]
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{self.target(model)} answered a rerank without results of {{index, relevance_score}}"
            raise UpstreamError(msg, target=self.target(model)) from error
        if outside:
            msg = f"{self.target(model)} ranked documents {outside}, of {len(documents)} that were sent"
            raise UpstreamError(msg, target=self.target(model))
        return sorted(ranked, key=lambda row: -row.score)

    async def models(self, deadlines: Deadlines) -> list[ModelCard]:
        """Return the provider's list of models, in its order."""
        try:
            answer = decode(await self.post("models", "", b"", deadlines))
        except msgspec.DecodeError as error:
            raise UpstreamError(f"{self.name} answered its list of models with no JSON", target=self.name) from error
        rows = (answer.get("data") or answer.get("models") or ()) if isinstance(answer, dict) else ()
        return [
            ModelCard(
                id=str(row.get("id") or row.get("name")).removeprefix("models/"), owned_by=str(row.get("owned_by"))
            )
            for row in rows
            if isinstance(row, dict)
        ]

    def _refused(self, response: Response, body: bytes, model: str) -> UpstreamError:
        target, status = self.target(model), response.status
        if status < 400:  # noqa: PLR2004 - a redirect is not followed: the body and the key would travel along
            where = response.headers.get("location", "elsewhere")
            return UpstreamError(f"{target} redirects to {where}: write that in its base_url", target=target)
        if self._key:
            body = body.replace(self._key.encode(), b"***")
        said = message_of(body) or "no message"
        return UpstreamRefused(
            f"{target} answered {status}: {said}",
            target=target,
            status=status,
            body=body,
            retry_after=_retry_after(response.headers),
        )


def _check_ascii(provider: str, sent: Mapping[str, str]) -> None:
    """Refuse what a request's head cannot carry: a key pasted with a line end or a typographic character."""
    for name, value in sent.items():
        if not value.isascii() or not value.isprintable() or not name.isascii() or not name.isprintable():
            msg = (
                f"its {name} holds a line end or a character outside ASCII: it was probably pasted with more than it is"
            )
            raise InvalidProject(msg, key=f"providers.{provider}")


def message_of(body: bytes) -> str:
    """Find what an error's body says, in any of the shapes in use; plain text is cut after 500 characters."""
    try:
        found = decode(body)
    except msgspec.DecodeError:
        return body[:500].decode(errors="replace").strip()
    while not isinstance(found, str):
        if isinstance(found, list) and found:
            found = found[0]
        elif isinstance(found, dict):
            found = next((found[name] for name in ("error", "message", "detail", "msg") if found.get(name)), "")
        else:
            return ""
    return found


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a provider asks to wait; its date form, which none of them sends, is read over."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    return None
