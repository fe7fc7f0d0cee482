"""Texts as reports can hold them: without what no file may contain, and no longer than there is room for."""

import re
from collections.abc import Sequence

LONGEST = 4_000
"""Characters of a text that are shown at most; how many more there were is said."""
LEAST = 200
"""Characters that are shown however many texts there are."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Replace the characters that XML 1.0 forbids (§2.2): control characters, and halves that UTF-8 cannot write."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def cut(text: str, most: int = LONGEST) -> str:
    """Return a text's beginning, and how much was left out."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most:,} more characters)"


def flat(text: object, most: int) -> str:
    """Return a text's beginning in one line."""
    line = " ".join(str(text)[: 8 * most].split())
    return line if len(line) <= most else f"{line[:most]} …"


def fair(texts: Sequence[str], room: int) -> int:
    """Return how long texts may be so that together they fit: short ones stay whole, the long ones are cut alike.

    Args:
        room: bytes for all of them, in UTF-8.
    """
    starts = [text[:LONGEST] for text in texts]
    letters, written = sum(map(len, starts)), sum(len(text.encode("utf-8", "replace")) for text in starts)
    left = room * letters / written if written else 0.0
    lengths = sorted(map(len, starts))
    for place, length in enumerate(lengths):
        share = left / (len(lengths) - place)
        if length > share:
            return max(LEAST, int(share))
        left -= length
    return LONGEST
