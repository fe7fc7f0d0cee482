"""PDF by PDFium: the lines of every page with their places, handed to `layout`, and what the file says of itself.

PDFium is not thread-safe: one lock is held while a document is open. A scanned page has no text and is passed over.
"""

from __future__ import annotations

import ctypes
import re
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fourways.core.errors import UnreadableDocument
from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.decode import tidy
from fourways.knowledge.parse.layout import Line, lay_out

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

_PDFIUM = threading.Lock()
_MAX_PAGES = 5_000
_MAX_CHARS = 20_000_000
_MAX_LINE_GAPS = 200
_WIDE = 1.5  # a space this many times the type's size parts two cells
_SPACES = re.compile(r"[ \t\xa0]+")
_UNIT_CELL = re.compile(r"(?<=[$€£(])\t|\t(?=[%)])")  # a currency's or per cent sign in a cell of its own
_NEXT_CELL = re.compile(r"(?<=[\d)%—]) (?=[$€£] ?[(\d—])")
_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_NAME_BYTES = 128
_FAMILIAR = re.compile(r"[^\W\d_]{2,}")
_PASSWORD = 4  # FPDF_ERR_PASSWORD


def parse_pdf(data: bytes, uri: str) -> Parsed:
    """Parse a PDF; raises UnreadableDocument where it is encrypted, broken, endless or scanned."""
    with _PDFIUM:
        document = _open(data, uri)
        try:
            pages = _pages(document, uri)
            title = _title(document)
        finally:
            document.close()
    laid = lay_out(pages)
    if not laid.text.strip():
        raise UnreadableDocument(f"'{uri}' has no text: it looks scanned; run OCR on it first (ocrmypdf, for one)")
    return Parsed(title=title, text=laid.text, pages=laid.pages, headings=laid.headings)


def _open(data: bytes, uri: str) -> PdfDocument:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD:
            raise UnreadableDocument(f"'{uri}' is encrypted; save a copy without a password") from error
        raise UnreadableDocument(
            f"'{uri}' is no PDF that can be opened ({error}); save or download it again"
        ) from error
    if count > _MAX_PAGES:
        document.close()
        raise UnreadableDocument(f"'{uri}' has {count:,} pages; up to {_MAX_PAGES:,} are read: split it")
    return document


def _pages(document: PdfDocument, uri: str) -> list[list[Line]]:
    import pypdfium2

    pages, total = [], 0
    for number in range(len(document)):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            pages.append(list[Line]())  # a broken page: the others may be read
            continue
        textpage = page.get_textpage()
        total += textpage.count_chars()
        if total > _MAX_CHARS:
            raise UnreadableDocument(f"'{uri}' has more than {_MAX_CHARS:,} characters; split it")
        pages.append(list(_lines(textpage)))
        textpage.close()
        page.close()
    return pages


def _lines(page: PdfTextPage) -> Iterator[Line]:
    """Yield a page's lines in the order of its content, with their places in points from the bottom left."""
    text = _characters(page)
    start = 0
    for raw in text.splitlines(keepends=True):
        body = raw.strip()
        begin = start + len(raw) - len(raw.lstrip())
        start += len(raw)
        if body:
            yield _line(page, text, begin, begin + len(body))


def _characters(page: PdfTextPage) -> str:
    """Return a page's text, one character for each of PDFium's, so that places in it are PDFium's own."""
    count = page.count_chars()
    text = str(page.get_text_range()) if count else ""
    if len(text) == count:
        return text
    from pypdfium2 import raw

    codes = (raw.FPDFText_GetUnicode(page, place) for place in range(count))
    return "".join(_character(code) for code in codes)


def _character(code: int) -> str:
    """Return the character of a code point, or a space for what is none: a surrogate, a zero, nonsense."""
    text = chr(code) if 0 < code <= sys.maxunicode else " "
    return " " if "\ud800" <= text <= "\udfff" else text


def _line(page: PdfTextPage, text: str, begin: int, end: int) -> Line:
    left, bottom, _, top = page.get_charbox(begin, loose=True)
    _, _, right, _ = page.get_charbox(end - 1, loose=True)
    size = max(top - bottom, 1.0)
    pieces, done = [], begin
    for count, space in enumerate(_SPACES.finditer(text, begin, end)):
        if count > _MAX_LINE_GAPS:
            break
        gap = page.get_charbox(space.end())[0] - page.get_charbox(space.start() - 1)[2]
        pieces += [text[done : space.start()], "\t" if gap > _WIDE * size else " "]
        done = space.end()
    words = tidy("".join((*pieces, text[done:end])).replace("\x02", "\ufffe"))
    return Line(
        text=_NEXT_CELL.sub("\t", _UNIT_CELL.sub(" ", words)),
        left=left,
        right=right,
        bottom=bottom,
        top=top,
        size=round(size, 1),
        bold=_is_bold(page, begin) and _is_bold(page, end - 1),
    )


def _is_bold(page: PdfTextPage, place: int) -> bool:
    """Whether a character's font calls itself bold: the weight that PDFium estimates does not tell."""
    from pypdfium2 import raw

    name = ctypes.create_string_buffer(_NAME_BYTES)
    raw.FPDFText_GetFontInfo(page, place, name, _NAME_BYTES, ctypes.c_int())
    return _BOLD.search(name.value) is not None


def _title(document: PdfDocument) -> str:
    """Return the title the file gives itself, unless it is a number or the name of some other file."""
    title = tidy(str(document.get_metadata_dict().get("Title") or "")).strip()
    named = len(_FAMILIAR.findall(title)) > 1 and not title.startswith("Microsoft ")
    return title if named and "." not in title[-5:] else ""
