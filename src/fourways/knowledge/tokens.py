"""About how many tokens a text has for an English WordPiece vocabulary, without the tokeniser at hand.

The tables are the mean number of tokens that MiniLM's vocabulary (30,522 pieces) cuts a word of that length into, in
English and in other languages. Meant to be a little high: a passage that is too long for the embedding model loses
its end. On windows of 140 words the mean is 1.03 to 1.09 of the true count (English, German, Spanish Wikipedia,
Cranfield, a Markdown handbook, quarterly reports); at most 1.5 % of a set are under by more than the 15 % that a
passage of 220 leaves to MiniLM's 256.
"""

import math
import re
from collections.abc import Sequence

_PARTS = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_ENGLISH = frozenset(
    ["the", "of", "and", "to", "in", "is", "that", "for", "it", "was", "on", "are", "as", "with", "be", "at", "this"]
) | {"by", "from", "or", "which", "not", "an", "you", "your", "we", "have", "has", "can", "will", "if", "a", "i"}
_SHARE = 0.12  # of a text's words: with so many common ones it is English
_BY_LENGTH_ENGLISH = (0, 1, 1, 1.06, 1.07, 1.07, 1.13, 1.14, 1.17, 1.24, 1.34, 1.42, 1.5, 1.7, 2.3, 3.2)
_BY_LENGTH_OTHER = (0, 1, 1, 1.08, 1.6, 1.9, 2.1, 2.5, 2.75, 3.1, 3.35, 3.65, 4.0, 4.4, 4.75, 5.1)
_BY_DIGITS = (0, 1, 1, 1.45, 1.6, 2.6, 3.1)
_LONG_ENGLISH, _LONG_OTHER, _LONG_DIGITS = 0.4, 0.36, 0.56  # tokens a character, beyond the tables
_LATIN = "\u024f"
_MARGIN = 1.04


def approximate_tokens(text: str) -> int:
    """Return about how many tokens a text has, without the two that mark its ends; a little too many, seldom too few.

    Other scripts count a token a letter. Takes time linear in the text.
    """
    parts = _PARTS.findall(text)
    words = [part for part in parts if part[0].isalpha()]
    common = sum(1 for word in words if len(word) < 6 and word.lower() in _ENGLISH)  # noqa: PLR2004 - the longest there
    english = common >= _SHARE * len(words)
    table, rate = (_BY_LENGTH_ENGLISH, _LONG_ENGLISH) if english else (_BY_LENGTH_OTHER, _LONG_OTHER)
    total = float(len(parts) - len(words))  # every mark and every figure is at least one
    total += sum(_of(len(part), _BY_DIGITS, _LONG_DIGITS) - 1 for part in parts if part[0].isdigit() and len(part) > 1)
    total += sum(_of(len(word), table, rate) if word.isascii() or max(word) <= _LATIN else len(word) for word in words)
    return math.ceil(total * _MARGIN)


def _of(length: int, table: Sequence[float], rate: float) -> float:
    return table[length] if length < len(table) else length * rate
