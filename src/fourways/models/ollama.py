"""Models of an Ollama that we start: pulled by their tag, or made of files here; an adapter makes another model."""

import asyncio
import hashlib
import http.client
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from fourways.core.errors import Unavailable, UpstreamRefused
from fourways.models.adapters import Caller, Wanted
from fourways.models.child import Announced
from fourways.models.provider import message_of

UPLOADING = 600.0
"""Seconds in which the server must take the next piece of a file."""


class OllamaModels:
    """Sees to it that an Ollama has its models; they stay in its own store when it is ended.

    Args:
        offline: whether nothing may be fetched from elsewhere.
    """

    def __init__(self, caller: Caller, *, offline: bool) -> None:
        self._caller, self._offline = caller, offline
        self._lock = asyncio.Lock()
        self._at: Announced | None = None
        self._there: set[str] = set()

    async def ensure(self, at: Announced, wanted: Wanted) -> None:
        """Pull or make the model unless it is there; see `Loader`."""
        async with self._lock:
            if at != self._at:
                self._at, self._there = at, await self._listed(at)
            if _tagged(wanted.name) in self._there:
                return
            files = await asyncio.to_thread(_files_of, Path(wanted.source))
            for path, digest in files.items():
                await asyncio.to_thread(self._upload, at, path, digest)
            named = {path.name: digest for path, digest in files.items()}
            if wanted.base:
                made = {"model": wanted.name, "from": wanted.base, "adapters": named, "stream": False}
                await self._caller.ask("POST", at, "/api/create", made)
            elif files:
                await self._caller.ask(
                    "POST", at, "/api/create", {"model": wanted.name, "files": named, "stream": False}
                )
            else:
                await self._pull(at, wanted)
            self._there.add(_tagged(wanted.name))

    def dressed(self, body: bytes, wanted: Wanted | None) -> bytes:  # noqa: ARG002 - it goes by the model's name
        """Return the body as it is."""
        return body

    def forget(self, name: str) -> None:
        """Believe no more that a model is there."""
        self._there.discard(_tagged(name))

    def began(self, name: str) -> None:
        """Do nothing: Ollama itself loads and unloads by what is asked."""

    def ended(self, name: str) -> None:
        """Do nothing: Ollama itself loads and unloads by what is asked."""

    async def _listed(self, at: Announced) -> set[str]:
        listed = await self._caller.ask("GET", at, "/api/tags")
        return {str(row["name"]) for row in listed.get("models") or ()}

    async def _pull(self, at: Announced, wanted: Wanted) -> None:
        if self._offline:
            msg = (
                f"{self._caller.server} has no model {wanted.source}, and the project says network: none; pull it first"
            )
            raise Unavailable(msg)
        await self._caller.ask("POST", at, "/api/pull", {"model": wanted.source, "stream": False})
        if _tagged(wanted.source) != _tagged(wanted.name):
            await self._caller.ask(
                "POST", at, "/api/create", {"model": wanted.name, "from": wanted.source, "stream": False}
            )

    def _upload(self, at: Announced, path: Path, digest: str) -> None:
        """Hand a file over, in pieces, unless the server has it already."""
        place = f"/api/blobs/{quote(digest, safe=':')}"
        connection = http.client.HTTPConnection(at.host, at.port, timeout=UPLOADING)
        try:
            connection.request("HEAD", place)
            known = connection.getresponse()
            known.read()
            if known.status == HTTPStatus.OK:
                return
            with path.open("rb") as file:
                connection.request("POST", place, body=file, headers={"content-length": str(path.stat().st_size)})
                answer = connection.getresponse()
                said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self._caller.server} did not take {path}: {error}") from error
        finally:
            connection.close()
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            msg = f"{self._caller.server} refused {path}: {message_of(said) or answer.status}"
            raise UpstreamRefused(msg, target=self._caller.server, status=answer.status, body=said)


def _tagged(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _files_of(source: Path) -> dict[Path, str]:
    """Return what a model or adapter is made of, each file with its digest: a .gguf, a folder's; none for a tag."""
    if not source.exists():
        return {}
    paths = [source] if source.is_file() else sorted([*source.glob("*.safetensors"), *source.glob("*.json")])
    if not paths:
        raise Unavailable(f"{source} holds no .safetensors: give such a folder, a .gguf file, or a tag to pull")
    found = {}
    for path in paths:
        with path.open("rb") as file:
            found[path] = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return found
