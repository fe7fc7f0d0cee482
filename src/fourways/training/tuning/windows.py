"""Cuts texts into what a reader reads at once: a question and a piece of a text; and finds where an answer stands."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from fourways.core.errors import InvalidRequest
from fourways.training.tuning.packing import ROUND

OVERLAP = 64
"""Tokens of a text that two windows share, so that an answer on the edge of one stands whole in the next."""
SPECIAL = 3
"""Tokens of a window besides question and piece: [CLS] question [SEP] piece [SEP]."""
ALIKE = 0.7
"""Windows that are computed together are at least this share of the longest one's length."""
PLAIN = MappingProxyType({"add_special_tokens": False, "split_special_tokens": True})
"""How texts are read: [SEP] in one is a word there."""
_CITED = re.compile(r"(?:\s*\[\d+\])+[\s.]*\Z")
_QUOTES = (('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("«", "»"), ("„", "“"), ("`", "`"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text in tokens.

    Attributes:
        starts, ends: of each token in the text, in characters.
    """

    text: str
    tokens: "array[int]"
    starts: "array[int]"
    ends: "array[int]"

    def places(self, answer: str) -> list[tuple[int, int]]:
        """Return the first and the last token of each place where an answer stands, as whole words, in any case."""
        found = []
        for place in find(answer, self.text):
            first, last = bisect_right(self.starts, place.start()) - 1, bisect_left(self.ends, place.end())
            if 0 <= first <= last < len(self.tokens) and self.ends[first] > place.start():
                found.append((first, last))
        return found


def find(answer: str, text: str) -> list[re.Match[str]]:
    """Find an answer in a text as whole words, in any case; white space is as good as any other."""
    words = r"\s+".join(map(re.escape, answer.split()))
    return list(re.finditer(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE)) if words else []


def forgiven(answer: str) -> Iterator[str]:
    """Return an answer as it is, then without what is put around a quote: citations, a full stop, quotation marks."""
    seen, bare = "", answer.strip()
    while bare and bare != seen:
        yield bare
        seen, bare = bare, _barer(bare)


def _barer(answer: str) -> str:
    """Take the outermost thing off an answer."""
    if _CITED.search(answer):
        return _CITED.sub("", answer).strip()
    if answer.endswith("."):
        return answer[:-1].rstrip()
    quoted = any(len(answer) > 1 and answer.startswith(left) and answer.endswith(right) for left, right in _QUOTES)
    return answer[1:-1].strip() if quoted else answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A question and a piece of a text.

    Attributes:
        question: its tokens.
        start, end: of the piece, in the text's tokens.
        answers: first and last token of each place in the piece where the answer stands, in the text's tokens.
    """

    question: tuple[int, ...]
    text: Text
    start: int
    end: int
    answers: tuple[tuple[int, int], ...] = ()

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.question) + SPECIAL + self.end - self.start

    @property
    def before(self) -> int:
        """Tokens before the piece."""
        return len(self.question) + 2


class Cutter:
    """Cuts questions and texts for one reader."""

    def __init__(self, tokenizer: Any, *, length: int) -> None:  # noqa: ANN401 - transformers' tokenizer
        """Take a tokenizer, and the tokens of a window.

        Raises:
            InvalidRequest: it does not say where tokens stand in a text, or has no tokens to begin and part with.
        """
        self._tokenizer, self.length = tokenizer, length
        if not tokenizer.is_fast:
            raise InvalidRequest("the reader has no tokenizer.json, by which answers are found in the text; add one")
        if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
            raise InvalidRequest("the reader's tokenizer has no [CLS] and [SEP]; right would be that of a BERT")
        self.begin, self.part = int(tokenizer.cls_token_id), int(tokenizer.sep_token_id)
        self._read: dict[str, Text] = {}
        if length <= 2 * OVERLAP:
            raise InvalidRequest(f"a window of {length} tokens is too short; right would be more than {2 * OVERLAP}")

    def question(self, text: str) -> tuple[int, ...]:
        """Return a question's tokens; of a long one those that leave half of the window."""
        tokens = self._tokenizer(text, verbose=False, **PLAIN)["input_ids"]
        return tuple(tokens[: self.length // 2 - 2])

    def text(self, text: str) -> Text:
        """Return a text in tokens; the same text is read once."""
        if text not in self._read:
            read = self._tokenizer(text, return_offsets_mapping=True, verbose=False, **PLAIN)
            starts, ends = zip(*read["offset_mapping"], strict=True) if read["input_ids"] else ((), ())
            self._read[text] = Text(
                text=text, tokens=array("i", read["input_ids"]), starts=array("i", starts), ends=array("i", ends)
            )
        return self._read[text]

    def windows(self, question: tuple[int, ...], text: Text, answer: str = "") -> list[Window]:
        """Cut a text into windows that overlap, and mark where the answer stands whole.

        Args:
            answer: "" for none.
        """
        size, places = self.length - len(question) - SPECIAL, text.places(answer) if answer else []
        shared = min(OVERLAP, size // 2)
        found = []
        for start in range(0, max(1, len(text.tokens) - shared), size - shared):
            end = min(len(text.tokens), start + size)
            answers = tuple((first, last) for first, last in places if start <= first and last < end)
            found.append(Window(question=question, text=text, start=start, end=end, answers=answers))
        return found

    def lay(self, windows: Sequence[Window]) -> "Laid":
        """Lay windows out as rows of equal length."""
        length = -(-max(window.length for window in windows) // ROUND) * ROUND
        laid = Laid(
            tokens=torch.full((len(windows), length), self.part),
            types=torch.zeros(len(windows), length, dtype=torch.long),
            seen=torch.zeros(len(windows), length, dtype=torch.long),
            allowed=torch.zeros(len(windows), length, dtype=torch.bool),
            right=torch.zeros(len(windows), length, 2, dtype=torch.bool),
        )
        for row, window in enumerate(windows):
            before, end = window.before, window.length
            piece = window.text.tokens[window.start : window.end]
            laid.tokens[row, :end] = torch.tensor([self.begin, *window.question, self.part, *piece, self.part])
            laid.types[row, before:end] = 1
            laid.seen[row, :end] = 1
            laid.allowed[row, before : end - 1] = True
            laid.allowed[row, 0] = True
            for first, last in window.answers:
                laid.right[row, before + first - window.start, 0] = True
                laid.right[row, before + last - window.start, 1] = True
            if not window.answers:
                laid.right[row, 0] = True
        return laid


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Windows laid out; all tensors are (rows, length), `right` (rows, length, 2).

    Attributes:
        types: 0 of the question, 1 of the piece.
        seen: 0 where a row has ended.
        allowed: where an answer may begin or end: in the piece, and at the first token, which says none.
        right: where it does begin, and where it does end.
    """

    tokens: Tensor
    types: Tensor
    seen: Tensor
    allowed: Tensor
    right: Tensor


def alike(windows: Sequence[Window], *, most: int) -> Iterator[list[int]]:
    """Part windows, as their numbers, so that those of like length lie together.

    Args:
        most: tokens of a part, padding counted in; a longer window has a part of its own.
    """
    part: list[int] = []
    longest = 0
    for number in sorted(range(len(windows)), key=lambda number: -windows[number].length):
        length = windows[number].length
        if part and ((len(part) + 1) * longest > most or length < ALIKE * longest):
            yield part
            part = []
        longest = longest if part else length
        part.append(number)
    if part:
        yield part


def texts_of(windows: Iterable[Window]) -> list[Text]:
    """Return the texts of windows, each once, in their order."""
    return list({window.text.text: window.text for window in windows}.values())
