"""Bytes to text: by byte-order mark, then UTF-8, then what the document declares, then the likeliest old encoding."""

import codecs
import re

from fourways.core.errors import UnreadableDocument

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""")
_SAMPLE = 20_000
_ASCII, _WESTERN = 0x7F, 0.2
_BREAKS = re.compile("\r\n?|\u2028|\u2029|\x0b")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufeff\u200b\u2060\u00ad]")


def decode(data: bytes, *, uri: str) -> str:
    """Return the text of bytes in whatever encoding, tidied; raises UnreadableDocument where they are no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return tidy(data[len(mark) :].decode(encoding, errors="replace"))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = _decode_old(data, uri)
    else:
        if "\x00" in text[:_SAMPLE]:
            text = _decode_old(data, uri)
    return tidy(text)


def tidy(text: str) -> str:
    r"""Return text with `\n` as its only line break and without invisible characters (soft hyphens, zero widths)."""
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text.replace("\x0c", "\n"))
    return _BREAKS.sub("\n", text)


def _decode_old(data: bytes, uri: str) -> str:
    """Decode what is no UTF-8."""
    if declared := _DECLARED.search(data[:2000]):
        try:
            return data.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass  # a wrong declaration is common; the bytes themselves say more
    if b"\x00" in data[:_SAMPLE]:
        return _decode_wide(data, uri)
    sample = data[:_SAMPLE]
    if sum(byte > _ASCII for byte in sample) < _WESTERN * len(sample):
        return data.decode("cp1252", errors="replace")  # letters without accents prevail: Western, says experience
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=["cp1252", "cp1250", "cp1251", "shift_jis", "gb18030"]).best()
    return data.decode(best.encoding if best else "cp1252", errors="replace")


def _decode_wide(data: bytes, uri: str) -> str:
    """Decode UTF-16 that has no byte-order mark: every other byte of plain text is zero."""
    sample = data[:_SAMPLE]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) > len(sample) // 5 and min(even, odd) < max(even, odd) // 20 + 1:
        return data.decode("utf-16-le" if odd > even else "utf-16-be", errors="replace")
    raise UnreadableDocument(
        f"'{uri}' is not text: its bytes are binary; give it the suffix of what it is, or exclude it"
    )
