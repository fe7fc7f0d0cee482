"""What is mended in texts: broken encodings, characters that nobody sees, personal data. Pure."""

import re
import unicodedata

_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\ufeff]")
"""Control characters, soft hyphens, marks of direction, zero-width ones but the joiners that scripts and emoji need."""
_GARBLED = re.compile(r"[ÃÂâÅÐÑ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ ¡-¿]")
"""What UTF-8 looks like that was read as Windows-1252."""
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def mended(text: str) -> str:
    """Mend a text: UTF-8 that was read as Windows-1252, characters that nobody sees, composed letters, line ends."""
    text = _ungarbled(text).replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    return re.sub(r"[ \t]+\n", "\n", text).strip()


def is_lost(text: str) -> bool:
    """Whether characters were lost for good: more than one in a hundred is the mark that stands for them."""
    return text.count(_REPLACED) * 100 > len(text)


def _ungarbled(text: str) -> str:
    """Read again, piece by piece, what was read as the wrong encoding; a piece that then is no UTF-8 stays."""
    if not _GARBLED.search(text):
        return text
    return re.sub(r"[^\x00-\x7f]+", lambda match: _again(match.group()), text)


def _again(piece: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return piece.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return piece
