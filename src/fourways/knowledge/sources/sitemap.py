"""Sitemaps (sitemaps.org 0.9): the pages they name, and the sitemaps an index names; packed ones too."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

from fourways.core.errors import UnreadableDocument

_GZIP = b"\x1f\x8b"
_MAX_BYTES = 50_000_000  # the protocol's own limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """What a sitemap names, in order."""

    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]


def read_sitemap(data: bytes, *, url: str) -> Sitemap:
    """Read a sitemap or an index of sitemaps, in XML or as lines of text, packed or not; raises UnreadableDocument."""
    if data.startswith(_GZIP):
        data = _unpacked(data, url)
    if not data.lstrip().startswith((b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")):
        lines = data.decode("utf-8-sig", errors="replace").split()
        return Sitemap(pages=tuple(line for line in lines if line.startswith(("http://", "https://"))), sitemaps=())
    walker = _Walker(url)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = walker.start
    parser.EndElementHandler = walker.end
    parser.CharacterDataHandler = walker.data
    parser.StartDoctypeDeclHandler = walker.refuse_doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableDocument(f"'{url}' is no sitemap: {error}; name pages under `urls:` instead") from error
    return Sitemap(pages=tuple(walker.pages), sitemaps=tuple(walker.sitemaps))


def _unpacked(data: bytes, url: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(data, _MAX_BYTES)
    except zlib.error as error:
        raise UnreadableDocument(f"'{url}' is a damaged gzip file: {error}") from error
    if unpacker.unconsumed_tail:
        raise UnreadableDocument(f"'{url}' unpacks to more than {_MAX_BYTES / 1e6:,.0f} MB; split the sitemap")
    return body


class _Walker:
    """Takes each `loc`, told apart by what it stands in."""

    def __init__(self, url: str) -> None:
        self.pages: list[str] = []
        self.sitemaps: list[str] = []
        self._url = url
        self._open: list[str] = []
        self._text: list[str] = []

    def start(self, tag: str, _given: Mapping[str, str]) -> None:
        """Begin an element."""
        self._open.append(tag.rpartition(" ")[2])
        self._text.clear()

    def end(self, _tag: str) -> None:
        """End an element."""
        name = self._open.pop()
        if name == "loc" and self._open and (found := "".join(self._text).strip()):
            (self.sitemaps if self._open[-1] == "sitemap" else self.pages).append(found)
        self._text.clear()

    def data(self, text: str) -> None:
        """Take text."""
        self._text.append(text)

    def refuse_doctype(self, *_declared: object) -> None:
        """Refuse entities: no sitemap needs them."""
        raise UnreadableDocument(f"'{self._url}' declares XML entities, which no sitemap needs; take them out")
