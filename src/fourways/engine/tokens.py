"""Text into token ids, cut to what the model reads. Knows nothing of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourways.core.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """One sequence for the model.

    Attributes:
        ids: token ids, special ones included, cut to the model's length.
        second: where the second text begins (the passage after the question, for a reranker), if there is one.
        whole: tokens before cutting.
    """

    ids: Sequence[int]
    second: int | None = None
    whole: int = 0

    @property
    def truncated(self) -> bool:
        """Whether the model does not see the text's end."""
        return self.whole > len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """A text in tokens, uncut.

    Attributes:
        spans: where each token's characters begin and end in the text.
    """

    ids: Sequence[int]
    spans: Sequence[tuple[int, int]]


class WordPieces:
    """The folder's own `tokenizer.json`, without its padding and with our cutting; "[SEP]" in a text is a word there.

    Args:
        max_tokens: longer sequences lose their end; the closing special token stays.

    Raises:
        NotFound: the folder has none.
    """

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer

        self.max_tokens = max_tokens
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise NotFound(f"{folder} holds no tokenizer.json; save the model's tokenizer there")
        self._tokenizer: Any = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = True

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return each text's tokens."""
        return [self._cut(encoded.ids) for encoded in self._tokenizer.encode_batch_fast(texts)]

    def tokenize_pairs(self, first: str, seconds: Sequence[str]) -> list[Tokens]:
        """Return the tokens of (first, second) for each second; what is too long loses the second's end."""
        pairs = self._tokenizer.encode_batch_fast([(first, second) for second in seconds])
        opening = len(self._tokenizer.encode(first).ids)
        return [self._cut(encoded.ids, second=opening) for encoded in pairs]

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return int(self._tokenizer.get_vocab_size())

    def spell(self, texts: Sequence[str], *, special: bool = False) -> list[Spelled]:
        """Return each text's tokens, all of them, and where they stand; with or without special ones."""
        found = self._tokenizer.encode_batch(texts, add_special_tokens=special)
        return [Spelled(ids=encoded.ids, spans=encoded.offsets) for encoded in found]

    def _cut(self, ids: list[int], second: int | None = None) -> Tokens:
        kept = ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]
        return Tokens(ids=kept, second=second, whole=len(ids))
