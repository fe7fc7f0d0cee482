"""BERT's forward pass over packed sequences: no padding, so no CPU goes into it. Knows nothing of text or files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional

from fourways.engine.folders import BertShape
from fourways.engine.tokens import Tokens


@dataclass(frozen=True, slots=True)
class _Affine:
    """A weight and a bias: of a linear map, or of a layer norm."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    qkv: _Affine
    out: _Affine
    norm: _Affine
    up: _Affine
    down: _Affine
    final: _Affine


class Bert:
    """The encoder of Devlin et al. 2018 (arXiv:1810.04805), post-norm, as in Hugging Face's `BertModel`.

    Args:
        weights: tensors by their names in `model.safetensors`, with or without the prefix `bert.`.
        dtype: what matrices and states are held in; sums over tokens are always float32.
    """

    def __init__(self, weights: Mapping[str, Tensor], shape: BertShape, dtype: torch.dtype) -> None:
        self.shape, self.dtype = shape, dtype
        named = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}

        def affine(*names: str) -> _Affine:
            return _Affine(*(torch.cat([named[f"{n}.{p}"] for n in names]).to(dtype) for p in ("weight", "bias")))

        def layer(number: int) -> _Layer:
            at = f"encoder.layer.{number}"
            return _Layer(
                qkv=affine(*(f"{at}.attention.self.{name}" for name in ("query", "key", "value"))),
                out=affine(f"{at}.attention.output.dense"),
                norm=affine(f"{at}.attention.output.LayerNorm"),
                up=affine(f"{at}.intermediate.dense"),
                down=affine(f"{at}.output.dense"),
                final=affine(f"{at}.output.LayerNorm"),
            )

        self.words = named["embeddings.word_embeddings.weight"].to(dtype)
        self.positions = named["embeddings.position_embeddings.weight"].float()
        self.types = named["embeddings.token_type_embeddings.weight"].float()
        self.norm = affine("embeddings.LayerNorm")
        self.layers = [layer(number) for number in range(shape.num_hidden_layers)]

    def states(self, batch: Sequence[Tokens]) -> Tensor:
        """Return the last layer's states, one row a token, sequence after sequence: (tokens of all, hidden)."""
        lengths = [len(tokens.ids) for tokens in batch]
        x = self._normed(self._embed(batch), self.norm)
        for layer in self.layers:
            attended = self._attend(functional.linear(x, layer.qkv.weight, layer.qkv.bias), lengths)
            x = self._normed(x + functional.linear(attended, layer.out.weight, layer.out.bias), layer.norm)
            inner = functional.gelu(functional.linear(x, layer.up.weight, layer.up.bias))
            x = self._normed(x + functional.linear(inner, layer.down.weight, layer.down.bias), layer.final)
        return x

    def _embed(self, batch: Sequence[Tokens]) -> Tensor:
        ids = torch.tensor([token for tokens in batch for token in tokens.ids])
        places = torch.cat([self.positions[: len(tokens.ids)] + self._types_of(tokens) for tokens in batch])
        return self.words[ids] + places.to(self.dtype)

    def _types_of(self, tokens: Tokens) -> Tensor:
        if tokens.second is None:
            return self.types[:1]
        kinds = torch.arange(len(tokens.ids)) >= tokens.second
        return self.types[kinds.long()]

    def _normed(self, x: Tensor, norm: _Affine) -> Tensor:
        return functional.layer_norm(x, (self.shape.hidden_size,), norm.weight, norm.bias, self.shape.layer_norm_eps)

    def _attend(self, qkv: Tensor, lengths: Sequence[int]) -> Tensor:
        """Let each sequence attend to itself; neighbours of equal length go in one call."""
        heads, width = self.shape.num_attention_heads, self.shape.hidden_size
        parts = []
        start = 0
        for length, group in groupby(lengths):
            count = sum(1 for _ in group)
            rows = qkv[start : start + count * length]
            q, k, v = rows.view(count, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            parts.append(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, width))
            start += count * length
        return torch.cat(parts)


def pooled(states: Tensor, batch: Sequence[Tokens], pooling: str) -> Tensor:
    """Return one vector of unit length for each sequence, float32: (len(batch), hidden).

    Args:
        pooling: `mean` of a sequence's states, or its first (`cls`).
    """
    pieces = torch.split_with_sizes(states, [len(tokens.ids) for tokens in batch])
    vectors = [piece.float().mean(0) if pooling == "mean" else piece[0].float() for piece in pieces]
    return functional.normalize(torch.stack(vectors))


def relevance(states: Tensor, batch: Sequence[Tokens], weights: Mapping[str, Tensor]) -> Tensor:
    """Return a cross-encoder's score of each sequence in [0, 1]: its first state, pooler, classifier, sigmoid.

    Args:
        weights: holds `pooler.dense.*` and `classifier.*`, with one class; float32.
    """
    starts = [0]
    for tokens in batch[:-1]:
        starts.append(starts[-1] + len(tokens.ids))
    first = states[starts].float()
    hidden = torch.tanh(functional.linear(first, weights["pooler.dense.weight"], weights["pooler.dense.bias"]))
    return torch.sigmoid(functional.linear(hidden, weights["classifier.weight"], weights["classifier.bias"])).squeeze(1)
