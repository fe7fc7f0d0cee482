"""What one pass reads: the newest token of each sequence, guesses behind it, and pieces of prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

from fourways.engine.decoders import Rows
from fourways.engine.sequences import Generation

CHUNK = 128
"""Prompt tokens read in a pass while other sequences wait for their next token."""
ALONE = 512
"""The same while none does."""
FEW = 2
"""Sequences beside which guessing ahead pays: their matrices are fetched for few rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A sequence's part in a pass.

    Attributes:
        run: its tokens there, the guessed ones last.
        wanted: how many of its rows, counted from the end, have their logits asked for.
        guessed: how many of the tokens are guesses.
    """

    one: Generation
    run: Sequence[int]
    wanted: int
    guessed: int = 0


def collect(running: Sequence[Generation], *, speculate: int, window: int) -> tuple[Rows, list[Share]]:
    """Return a pass's rows, and what of them is whose.

    Args:
        running: sequences with a slot.
        speculate: tokens guessed ahead for each at most, where few run.
        window: tokens a slot holds.
    """
    rows = Rows()
    decoding = [one for one in running if one.decoding]
    guesses = speculate if len(decoding) <= FEW else 0
    shares = [_decoding(rows, one, guesses, window) for one in decoding]
    room = CHUNK if decoding else ALONE
    for one in running:
        if room and not one.decoding:
            shares.append(_reading(rows, one, room))
            room -= len(shares[-1].run)
    return rows, shares


def _decoding(rows: Rows, one: Generation, guesses: int, window: int) -> Share:
    """Add a sequence's newest token and what may follow it; all their logits are wanted."""
    room = min(guesses, one.limit - one.generated - 1, window - len(one.tokens) - 1)
    guess = one.drafts.guess(room) if one.drafts is not None else ()
    run = [one.tokens[-1], *guess]
    _add(rows, one, run)
    rows.wanted += range(len(rows.tokens) - len(run), len(rows.tokens))
    return Share(one=one, run=run, wanted=len(run), guessed=len(guess))


def _reading(rows: Rows, one: Generation, room: int) -> Share:
    """Add a piece of a prompt; its last token's logits are wanted."""
    run = one.tokens[one.read : one.read + room]
    _add(rows, one, run)
    last = one.read + len(run) == len(one.tokens)
    if last:
        rows.wanted.append(len(rows.tokens) - 1)
    return Share(one=one, run=run, wanted=int(last))


def _add(rows: Rows, one: Generation, run: Sequence[int]) -> None:
    assert one.slot is not None  # noqa: S101 - a running one has its slot
    rows.add(run, slot=one.slot.number, position=one.read, adapter=one.adapter)
