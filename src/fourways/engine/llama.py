"""The Llama family in plain torch, over slots: always there where torch is, fast enough where nothing faster runs."""

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fourways.engine.decoders import BASE, Logits, Rows
from fourways.engine.shapes import Shape

if TYPE_CHECKING:
    from fourways.engine.adapters import Adapter

PARTS: Mapping[str, tuple[str, ...]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""The four matrices of a block, each made of those under transformers' names, one above the other."""


class Weights:
    """A checkpoint's tensors as the decoder multiplies them.

    Args:
        tensors: under transformers' names.
        dtype: of the matrices; norms and biases stay in float32.
    """

    def __init__(self, tensors: Mapping[str, Tensor], shape: Shape, dtype: torch.dtype) -> None:
        self.shape, self.dtype = shape, dtype
        self.embedding = tensors["model.embed_tokens.weight"].to(dtype)
        self.head = self.embedding if shape.tied else tensors["lm_head.weight"].to(dtype)
        self.norm = tensors["model.norm.weight"].float()
        self.layers = [self._layer(tensors, f"model.layers.{at}.") for at in range(shape.layers)]
        frequencies = torch.tensor(shape.rotary.frequencies(shape.head), dtype=torch.float64)
        angles = torch.arange(shape.window, dtype=torch.float64)[:, None] * frequencies
        self.cos, self.sin = angles.cos().float(), angles.sin().float()

    def _layer(self, tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
        layer = {
            part: torch.cat([tensors[f"{prefix}{name}.weight"] for name in names]).to(self.dtype)
            for part, names in PARTS.items()
        }
        if self.shape.bias:
            layer["bias"] = torch.cat([tensors[f"{prefix}{name}.bias"] for name in PARTS["qkv"]]).float()
        layer["before"] = tensors[f"{prefix}input_layernorm.weight"].float()
        layer["between"] = tensors[f"{prefix}post_attention_layernorm.weight"].float()
        return layer


class TorchDecoder:
    """See `Decoder`.

    Args:
        window: tokens a slot holds; memory is taken as it fills.
    """

    reuses = True

    def __init__(self, weights: Weights, *, slots: int, window: int) -> None:
        shape = weights.shape
        self.name = f"torch, {str(weights.dtype).removeprefix('torch.')}"
        self.build = str(torch.__version__)
        self.vocabulary, self.window, self.slots = shape.vocabulary, window, slots
        self._weights, self._shape = weights, shape
        kept = (shape.layers, slots, window, shape.keys, shape.head)
        self._keys, self._values = torch.zeros(kept, dtype=weights.dtype), torch.zeros(kept, dtype=weights.dtype)
        self._adapters: dict[int, Adapter] = {}
        self._numbers = count()

    @torch.inference_mode()
    def forward(self, rows: Rows) -> Logits:
        """Read the rows; returns the wanted ones' logits."""
        weights, dtype = self._weights, self._weights.dtype
        positions = torch.tensor(rows.positions)
        places = torch.tensor(rows.slots), positions
        turn = weights.cos[positions][:, None], weights.sin[positions][:, None]
        x = weights.embedding[torch.tensor(rows.tokens)].float()
        for at, layer in enumerate(weights.layers):
            states = self._normed(x, layer["before"]).to(dtype)
            qkv = self._multiplied(states, layer, "qkv", at, rows).float()
            if weights.shape.bias:
                qkv += layer["bias"]
            x = x + self._attended(qkv, at, places, turn, rows)
            states = self._normed(x, layer["between"]).to(dtype)
            gate, up = self._multiplied(states, layer, "gate_up", at, rows).float().chunk(2, -1)
            x = x + self._multiplied((functional.silu(gate) * up).to(dtype), layer, "down", at, rows).float()
        states = self._normed(x[rows.wanted], weights.norm).to(dtype)
        return np.asarray(functional.linear(states, weights.head).float().numpy())

    def keep(self, slot: int, length: int) -> None:
        """Nothing to do: what lies behind a slot's length is written over before it is read."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy keys and values."""
        for kept in (self._keys, self._values):
            kept[:, target, :length] = kept[:, source, :length]

    def load(self, adapter: "Adapter") -> int:
        """Take an adapter in."""
        number = next(self._numbers)
        self._adapters[number] = adapter
        return number

    def unload(self, number: int) -> None:
        """Let an adapter go."""
        del self._adapters[number]

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, (self._shape.width,), weight, self._shape.epsilon)

    def _multiplied(self, x: Tensor, layer: Mapping[str, Tensor], part: str, at: int, rows: Rows) -> Tensor:
        """Multiply with a matrix, and add for each row what its adapter adds."""
        out = functional.linear(x, layer[part])
        numbers = set(rows.adapters) - {BASE}
        for number in numbers:
            mine = torch.tensor([found == number for found in rows.adapters])
            out[mine] += self._adapters[number].added(x[mine], at, part, self._shape).to(out.dtype)
        return out

    def _attended(
        self, qkv: Tensor, at: int, places: tuple[Tensor, Tensor], turn: tuple[Tensor, Tensor], rows: Rows
    ) -> Tensor:
        shape, dtype = self._shape, self._weights.dtype
        heads = qkv.view(len(qkv), shape.heads + 2 * shape.keys, shape.head)
        query, key, value = torch.split_with_sizes(heads, [shape.heads, shape.keys, shape.keys], 1)
        keys, values = self._keys[at], self._values[at]
        keys[places] = _turned(key, turn).to(dtype)
        values[places] = value.to(dtype)
        query = _turned(query, turn).to(dtype)
        parts = []
        for start, end in rows.runs():
            slot, last = rows.slots[start], rows.positions[end - 1] + 1
            q, k, v = (
                part.transpose(0, 1)[None] for part in (query[start:end], keys[slot, :last], values[slot, :last])
            )
            hidden = None
            if end - start > 1:
                first = rows.positions[start]
                hidden = torch.arange(last) <= torch.arange(first, last)[:, None]
            seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=hidden, enable_gqa=True)
            parts.append(seen[0].transpose(0, 1).reshape(end - start, -1))
        layer = self._weights.layers[at]
        return self._multiplied(torch.cat(parts), layer, "out", at, rows).float()


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = turn
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
