"""Guesses what comes next from what was read: answers that quote their prompt are checked several tokens at a time."""

from collections.abc import Sequence

LONG = 3
"""Tokens that must have stood together before, for what followed them then to be guessed now (Saxena 2023)."""


class Drafts:
    """What followed each run of `LONG` tokens of one sequence, the newest time."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        self._found: int | None = None
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        """Go on by a token."""
        self._tokens.append(token)
        if len(self._tokens) < LONG:
            return
        key = tuple(self._tokens[-LONG:])
        self._found = self._after.get(key)
        self._after[key] = len(self._tokens)

    def guess(self, count: int) -> Sequence[int]:
        """Return up to `count` tokens that may come; none where the newest ones were not seen together before."""
        if self._found is None or count <= 0:
            return ()
        return self._tokens[self._found : self._found + count]
