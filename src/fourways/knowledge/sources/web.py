"""Pages of the web: a list of URLs or a sitemap, asked politely, and only for what changed since the last time."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urldefrag

from fourways.config.tree import WebSource
from fourways.core.errors import FourwaysError, InvalidProject, RefusedAddress, Unavailable, UnreadableDocument
from fourways.knowledge.parse import MEDIA_TYPES, readable
from fourways.knowledge.sources.base import Item
from fourways.knowledge.sources.fetch import Fetched, Fetcher, Resolve, resolve_by_system
from fourways.knowledge.sources.robots import Manners
from fourways.knowledge.sources.sitemap import Sitemap, read_sitemap

_GONE = frozenset((404, 410))
_NOT_MODIFIED, _OK = 304, 200
_MAX_HELD = 64_000_000
_MAX_SITEMAPS = 100
_MAX_SITEMAP_BYTES = 50_000_000
_CONDITIONS = {"etag": "If-None-Match", "modified": "If-Modified-Since"}


class Web:
    """The pages that a project's `urls` and `sitemap` name.

    Listing asks for each page, with what is known of it, so that one that has not changed sends no body; a body that
    came is held until it is read (64 MB in all; one beyond that is asked for again). A page that answers 404 or 410 is
    gone; one that fails otherwise is listed, and `read` says why.
    """

    def __init__(
        self,
        spec: WebSource,
        _root: Path,
        known: Mapping[str, str] | None = None,
        *,
        resolve: Resolve = resolve_by_system,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not spec.urls and not spec.sitemap:
            raise InvalidProject("a web source needs `urls:` or `sitemap:`", key="urls")
        self._spec = spec
        self._known = known or {}
        self._resolve = resolve
        self._clock = clock
        self._sleep = sleep
        self._acl = frozenset(spec.acl)
        self._bodies: dict[str, bytes] = {}
        self._held = 0
        self._failed: dict[str, FourwaysError] = {}

    async def list(self) -> AsyncIterator[Item]:
        """List the pages, in order, each once; raises as `Source.list` says."""
        self._bodies.clear()
        self._failed.clear()
        self._held = 0
        async with self._fetcher() as fetcher:
            manners = self._manners(fetcher)
            for url in await self._urls(fetcher, manners):
                if item := await self._item(url, fetcher, manners):
                    yield item

    async def read(self, item: Item) -> bytes:
        """Return a page's body; raises UnreadableDocument or RefusedAddress where it could not be had."""
        if error := self._failed.get(item.uri):
            raise error
        body = self._bodies.pop(item.uri, None)
        if body is not None:
            self._held -= len(body)
            return body
        async with self._fetcher() as fetcher:
            answer = await fetcher.fetch(item.uri, before=self._manners(fetcher))
        _check(answer, item.uri)
        return answer.body

    def _fetcher(self) -> Fetcher:
        return Fetcher(allow_private=self._spec.allow_private, resolve=self._resolve)

    def _manners(self, fetcher: Fetcher) -> Manners:
        return Manners(fetcher, delay=self._spec.delay.total_seconds(), clock=self._clock, sleep=self._sleep)

    async def _urls(self, fetcher: Fetcher, manners: Manners) -> Sequence[str]:
        """Return the pages to ask for, each once, as many as the limit allows."""
        found = dict.fromkeys(urldefrag(url).url for url in self._spec.urls)
        sitemaps = [self._spec.sitemap] if self._spec.sitemap else []
        done: set[str] = set()
        while sitemaps and len(found) < self._spec.limit and len(done) < _MAX_SITEMAPS:
            url = sitemaps.pop(0)
            if url in done:
                continue
            done.add(url)
            sitemap = await self._sitemap(url, fetcher, manners)
            found |= dict.fromkeys(urldefrag(page).url for page in sitemap.pages)
            sitemaps += sitemap.sitemaps
        return list(found)[: self._spec.limit]

    async def _sitemap(self, url: str, fetcher: Fetcher, manners: Manners) -> Sitemap:
        try:
            answer = await fetcher.fetch(url, limit=_MAX_SITEMAP_BYTES, before=manners)
            _check_status(answer, url)
            return await asyncio.to_thread(read_sitemap, answer.body, url=url)
        except (UnreadableDocument, RefusedAddress) as error:
            raise Unavailable(
                f"the sitemap '{url}' cannot be read, so nothing can be taken for deleted: {error.message}"
            ) from error

    async def _item(self, url: str, fetcher: Fetcher, manners: Manners) -> Item | None:
        """Ask for a page; None means that it is gone."""
        known = self._known.get(url, "")
        kind, _, value = known.partition(":")
        headers = {_CONDITIONS[kind]: value} if kind in _CONDITIONS else {}
        try:
            answer = await fetcher.fetch(url, headers, before=manners)
            if answer.status in _GONE:
                return None
            if answer.status == _NOT_MODIFIED:
                return self._listed(url, answer, token=known)
            _check(answer, url)
        except (UnreadableDocument, RefusedAddress) as error:
            self._failed[url] = error
            return Item(uri=url, link=url, acl=self._acl, metadata=self._spec.metadata)
        if self._held + len(answer.body) <= _MAX_HELD:
            self._bodies[url] = answer.body
            self._held += len(answer.body)
        return self._listed(url, answer, token=_token(answer))

    def _listed(self, url: str, answer: Fetched, *, token: str) -> Item:
        return Item(
            uri=url,
            token=token,
            link=answer.url,
            acl=self._acl,
            metadata=self._spec.metadata,
            media_type=_media_type(answer),
        )


def _check(answer: Fetched, url: str) -> None:
    """Refuse an answer that is no success, or nothing that can be parsed."""
    _check_status(answer, url)
    kind = _media_type(answer)
    if kind not in MEDIA_TYPES and not readable(answer.url):
        raise UnreadableDocument(f"'{url}' is of type {kind or 'unknown'}; read are {', '.join(MEDIA_TYPES)}")


def _check_status(answer: Fetched, url: str) -> None:
    if answer.status != _OK:
        raise UnreadableDocument(f"'{url}' answers {answer.status}; its earlier version, if any, is kept")


def _media_type(answer: Fetched) -> str | None:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower() or None


def _token(answer: Fetched) -> str:
    """Return what tells this version from the next: the server's ETag or date, else the body's digest."""
    if etag := answer.headers.get("etag"):
        return f"etag:{etag}"
    if modified := answer.headers.get("last-modified"):
        return f"modified:{modified}"
    return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
