"""Token ids into text as they come: whole characters only, and cut at the first stop string."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fourways.core.errors import NotFound
from fourways.engine.templates import ChatTemplate, read_settings, read_template, text_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BROKEN = "\N{REPLACEMENT CHARACTER}"
"""What stands where bytes are no whole character yet."""


class Words:
    """A model folder's tokenizer and chat template.

    Attributes:
        ends: tokens that end an answer.
        template: None where the folder has none.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        if not path.is_file():
            raise NotFound(f"{folder} holds no tokenizer.json; save the model's tokenizer there")
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.template: ChatTemplate | None = read_template(folder)
        self.ends = frozenset(_ends(folder, self.tokenizer))

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Return the text's tokens.

        Args:
            text: any.
            special: whether the tokenizer adds what it adds to every text (its first token, mostly).
        """
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=special).ids
        return ids

    def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
        """Return the tokens' text; with `special`, special tokens are spelt out."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=not special)
        return text

    def spelling(self, token: int) -> str:
        """Return one token's text."""
        return self.decode([token], special=True)


def _ends(folder: Path, tokenizer: "Tokenizer") -> set[int]:
    """Collect the tokens that end an answer, from wherever the folder says so."""
    found: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        path = folder / name
        if path.is_file():
            value: Any = msgspec.json.decode(path.read_bytes()).get("eos_token_id")
            found |= set(value) if isinstance(value, list) else {value} - {None}
    spelled = text_of(read_settings(folder).get("eos_token"))
    token = tokenizer.token_to_id(spelled) if spelled else None
    return found | ({token} if token is not None else set())


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What some tokens added to the text, and whether a stop string ended it (and which)."""

    text: str
    stop: str | None = None


class Reader:
    """Reads one sequence's tokens.

    Text is held back while it may still become part of a stop string; a character waits for all its bytes.

    Args:
        stops: strings that end the text; they are cut off.
        include: whether the stop string stays.
        after: the tokens that the text goes on from; none for a text of its own, which begins without a blank.
    """

    def __init__(
        self, words: Words, stops: Sequence[str] = (), *, include: bool = False, after: Sequence[int] = ()
    ) -> None:
        self._words, self._stops, self._include = words, [stop for stop in stops if stop], include
        self._ids = list(after[-_CONTEXT:])
        self._from, self._to = 0, len(self._ids)
        self._held = ""
        self.stopped: str | None = None

    def add(self, tokens: Sequence[int], *, last: bool = False) -> Added:
        """Read more tokens; with `last` nothing is held back any longer."""
        fresh = "".join([self._read(token) for token in tokens])
        if last:
            fresh += self._rest()
        self._held += fresh
        return self._released(last=last)

    def _read(self, token: int) -> str:
        """Return what a token adds: decoded beside the tokens before it, whose text it may change."""
        self._ids.append(token)
        before = self._words.decode(self._ids[self._from : self._to])
        now = self._words.decode(self._ids[self._from :])
        if len(now) <= len(before) or now.endswith(BROKEN):
            return ""
        self._from, self._to = self._to, len(self._ids)
        return now[len(before) :]

    def _rest(self) -> str:
        before = self._words.decode(self._ids[self._from : self._to])
        return self._words.decode(self._ids[self._from :])[len(before) :]

    def _released(self, *, last: bool) -> Added:
        hits = [(at, stop) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if hits:
            at, self.stopped = min(hits)
            text = self._held[: at + len(self.stopped) if self._include else at]
            self._held = ""
            return Added(text=text, stop=self.stopped)
        keep = 0 if last else max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return Added(text=text)


_CONTEXT = 6
"""Tokens before a text that may change how it is written."""


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the text's end are the beginning of a stop string."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
