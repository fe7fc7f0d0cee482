"""A folder of weights, opened: our own BERT where it fits, sentence-transformers for any other architecture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from fourways.core.errors import InvalidRequest, Unavailable
from fourways.engine.bert import Bert, pooled, relevance
from fourways.engine.folders import Encoding, find_folder, read_encoding, read_shape, weights_of
from fourways.engine.precision import choose
from fourways.engine.tokens import Tokens, WordPieces
from fourways.models.folders import PACKAGED, verify


class Encoder(Protocol):
    """Tokens in, one row of float32 each out. `encode` may run in several threads at once.

    Attributes:
        dimensions: length of a row.
        max_tokens: longer texts are cut.
        precision: what it computes in, and why, for people to read.
    """

    dimensions: int
    max_tokens: int
    precision: str

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return each text's tokens."""
        ...

    def encode(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Return float32 of shape (len(batch), dimensions), each row of unit length."""
        ...


class BertEncoder:
    """Our own forward pass: MiniLM, BGE, E5 and their kin."""

    def __init__(self, folder: Path, encoding: Encoding, weights: Mapping[str, torch.Tensor], dtype: str) -> None:
        self._pooling = encoding.pooling
        self._words = WordPieces(folder, encoding.max_tokens)
        self.dimensions, self.max_tokens = encoding.shape.hidden_size, encoding.max_tokens

        def build(kind: torch.dtype) -> Bert:
            return Bert(weights, encoding.shape, kind)

        chosen = choose(dtype, build, self._vectors)
        self._bert, self.precision = chosen.model, chosen.reason

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return each text's tokens."""
        return self._words.tokenize(texts)

    def encode(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Return one vector of unit length for each sequence."""
        with torch.inference_mode():
            return np.asarray(self._vectors(self._bert, batch).numpy(), np.float32)

    def _vectors(self, bert: Bert, batch: Sequence[Tokens]) -> torch.Tensor:
        return pooled(bert.states(batch), batch, self._pooling)


class SentenceTransformersEncoder:
    """Any other architecture, by sentence-transformers: padded batches in float32; imports it (about 6 CPU-seconds)."""

    precision = "float32 (sentence-transformers)"

    def __init__(self, folder: Path) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            msg = f"{folder} is no BERT of our own kind and needs: pip install sentence-transformers"
            raise Unavailable(msg) from error
        self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        self.max_tokens = int(self._model.max_seq_length or 512)
        self.dimensions = int(self._model.get_embedding_dimension() or 0)

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return each text's tokens."""
        tokenizer: Any = self._model.tokenizer
        whole = tokenizer(list(texts), truncation=False)["input_ids"]
        kept = tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"]
        return [Tokens(ids=ids, whole=len(all_ids)) for ids, all_ids in zip(kept, whole, strict=True)]

    def encode(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Return one vector of unit length for each sequence."""
        tokenizer: Any = self._model.tokenizer
        padded = tokenizer.pad({"input_ids": [list(tokens.ids) for tokens in batch]}, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(dict(padded))["sentence_embedding"].float()
            return np.asarray(torch.nn.functional.normalize(states).numpy(), np.float32)


class CrossEncoder:
    """A reranker: reads question and passage together, scores them in [0, 1]. BERT with one class."""

    dimensions = 1

    def __init__(self, folder: Path, dtype: str) -> None:
        shape = read_shape(folder)
        weights = _load(weights_of(folder))
        head = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}
        if shape is None or "classifier.weight" not in head or len(head["classifier.weight"]) != 1:
            msg = f"{folder} is no cross-encoder: a BertForSequenceClassification with one class would be right"
            raise Unavailable(msg)
        self._head = {name: head[name].float() for name in _HEAD}
        self.max_tokens = shape.max_position_embeddings
        self._words = WordPieces(folder, self.max_tokens)

        def build(kind: torch.dtype) -> Bert:
            return Bert(weights, shape, kind)

        chosen = choose(dtype, build, self._scores)
        self._bert, self.precision = chosen.model, chosen.reason

    def tokenize_pairs(self, question: str, passages: Sequence[str]) -> list[Tokens]:
        """Return the tokens of the question with each passage."""
        opening = len(self._words.tokenize([question])[0].ids)
        if opening > self.max_tokens // 2:
            msg = f"query has {opening} tokens; at most {self.max_tokens // 2} leave room for a passage"
            raise InvalidRequest(msg, param="query")
        return self._words.tokenize_pairs(question, passages)

    def encode(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Return each pair's score: (len(batch), 1)."""
        with torch.inference_mode():
            return np.asarray(self._scores(self._bert, batch).unsqueeze(1).numpy(), np.float32)

    def _scores(self, bert: Bert, batch: Sequence[Tokens]) -> torch.Tensor:
        return relevance(bert.states(batch), batch, self._head)


_HEAD = ("pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias")


def open_encoder(name: str, dtype: str = "auto") -> Encoder:
    """Load an embedding model.

    Args:
        name: a packaged model's name, whose weights are verified first, or a sentence-transformers folder.
        dtype: `auto`, `float32`, `bfloat16`.

    Raises:
        NotFound: no such model, or no safetensors in it.
        Unavailable: its weights are not the ones promised, or what it needs is not installed.
    """
    folder = find_folder(name)
    weights = weights_of(folder)
    if name in PACKAGED:
        verify(weights, PACKAGED[name].sha256)
    encoding = read_encoding(folder)
    if encoding is None:
        return SentenceTransformersEncoder(folder)
    return BertEncoder(folder, encoding, _load(weights), dtype)


def _load(weights: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(weights)
