"""Texts cut into windows that a span reader takes in, each behind the question. Knows nothing of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

from fourways.engine.tokens import Spelled, Tokens

OVERLAP = 64
"""Tokens that two neighbours share, where there is room: more than an answer has, so that one of them sees it whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A question and a piece of a text.

    Attributes:
        tokens: `[CLS] question [SEP] piece [SEP]`; its `second` is where the piece begins.
        text: which text it is of.
        spans: where each of the piece's tokens begins and ends in that text, in characters.
    """

    tokens: Tokens
    text: int
    spans: Sequence[tuple[int, int]]


def windows_of(opening: Sequence[int], texts: Sequence[Spelled], size: int) -> list[Window]:
    """Cut texts into windows, as few as cover every token of theirs.

    Args:
        opening: the question's tokens with the special ones around them, the last of which closes a window too; at
            most half of `size`.
        texts: one without tokens has no window.
        size: tokens of a window at most.
    """
    room = size - len(opening) - 1
    overlap = min(OVERLAP, room // 2)
    return [
        _window(opening, spelled, number, start, room)
        for number, spelled in enumerate(texts)
        if spelled.ids
        for start in range(0, max(1, len(spelled.ids) - overlap), room - overlap)
    ]


def _window(opening: Sequence[int], spelled: Spelled, number: int, start: int, room: int) -> Window:
    ids = [*opening, *spelled.ids[start : start + room], opening[-1]]
    tokens = Tokens(ids=ids, second=len(opening), whole=len(ids))
    return Window(tokens=tokens, text=number, spans=spelled.spans[start : start + room])
