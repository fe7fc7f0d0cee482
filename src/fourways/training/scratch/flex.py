"""The decoder for GPUs: the same weights, attention by a kernel that skips the blocks in which nothing is seen."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from fourways.training import decoder
from fourways.training.decoder import Attention, Block, Decoder, Size
from fourways.training.scratch.epochs import APART

COMPILED = torch.compile(flex_attention, dynamic=False)
"""The kernel; what is not compiled computes all scores and is for checking only."""


class FlexAttention(Attention):
    """Attention whose mask is one of blocks (Dong et al. 2024, FlexAttention)."""

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], hide: Any) -> Tensor:  # noqa: ANN401 - a BlockMask
        """Attend."""
        rows, length, _ = x.shape
        query, key, value = (
            project(x).view(rows, length, self.heads, self.head).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = (decoder._turned(part, turn).to(value.dtype) for part in (query, key))  # noqa: SLF001
        attend = COMPILED if x.is_cuda else flex_attention
        attended = attend(query, key, value, block_mask=hide)
        seen: Tensor = self.o_proj(attended.transpose(1, 2).reshape(rows, length, -1))
        return seen


class FlexDecoder(Decoder):
    """A decoder that attends so."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        for block in self.layers:
            if isinstance(block, Block):
                block.self_attn = FlexAttention(size)

    def forward(self, tokens: Tensor, documents: Tensor, places: Tensor | None = None) -> Tensor:
        """Read packed rows, as the decoder does: a position sees its own document, or branch and trunk."""

        def seen(row: Tensor, _head: Tensor, at: Tensor, before: Tensor) -> Tensor:
            mine, other = documents[row, at], documents[row, before]
            trunk = (other % APART == 0) & (other // APART == mine // APART)
            return (at >= before) & ((mine == other) | trunk)

        rows, length = tokens.shape
        hide = create_block_mask(seen, rows, None, length, length, device=str(tokens.device))
        turn = decoder._turns(self.size, length)  # noqa: SLF001 - the decoder's own rotation
        if places is not None:
            turn = (turn[0][places][:, None], turn[1][places][:, None])
        x = self.embed_tokens(tokens)
        for block in self.layers:
            x = block(x, turn, hide)
        return self.norm(x)  # type: ignore[no-any-return]


def decoder_for(size: Size, device: torch.device) -> Decoder:
    """Return the decoder that suits a device, its weights not yet set; on CPU attention written out is the faster."""
    return FlexDecoder(size) if device.type == "cuda" else Decoder(size)
