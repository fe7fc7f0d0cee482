"""Text into token ids, cut to what the model reads. Knows nothing of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


class WordPieces:
    """The folder's own `tokenizer.json`, without its padding and with our cutting.

    Args:
        max_tokens: longer sequences lose their end; the closing special token stays.
    """

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer

        self.max_tokens = max_tokens
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return each text's tokens."""
        return [self._cut(encoded.ids) for encoded in self._tokenizer.encode_batch_fast(texts)]

    def tokenize_pairs(self, first: str, seconds: Sequence[str]) -> list[Tokens]:
        """Return the tokens of (first, second) for each second; what is too long loses the second's end."""
        pairs = self._tokenizer.encode_batch_fast([(first, second) for second in seconds])
        opening = len(self._tokenizer.encode(first).ids)
        return [self._cut(encoded.ids, second=opening) for encoded in pairs]

    def _cut(self, ids: list[int], second: int | None = None) -> Tokens:
        kept = ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]
        return Tokens(ids=kept, second=second, whole=len(ids))
