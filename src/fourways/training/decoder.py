"""The small model itself: a Llama decoder in plain torch, named as transformers names its parts, begun half-wired."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGE = -30000.0
"""Added to the score of a position that must not be seen; within bf16's range."""
BRANCHES = 64
"""Numbers that a document takes: one for its trunk, the rest for what may stand behind it, each as if alone."""
SLOW = 0.01
"""Radians a token, under which a rotary pair hardly turns within a passage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A decoder's measures.

    Attributes:
        vocabulary: pieces.
        width: of the residual stream.
        layers: blocks of attention and feed-forward.
        heads: of attention, each `head` wide.
        head: an even number.
        hidden: width of the feed-forward's gate.
        theta: base of the rotary frequencies (Su et al. 2021).
        window: tokens that the weights are meant for.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    head: int
    hidden: int
    theta: float = 100_000.0
    window: int = 1024


class Attention(nn.Module):
    """Causal attention with rotary positions, within documents."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads, self.head, inner = size.heads, size.head, size.heads * size.head
        self.q_proj = nn.Linear(size.width, inner, bias=False)
        self.k_proj = nn.Linear(size.width, inner, bias=False)
        self.v_proj = nn.Linear(size.width, inner, bias=False)
        self.o_proj = nn.Linear(inner, size.width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], hide: Tensor) -> Tensor:
        """Attend. Written out: on CPU, at these lengths, it is faster forth and back than the fused kernel."""
        rows, length, _ = x.shape
        query, key, value = (
            project(x).view(rows, length, self.heads, self.head).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = _turned(query, turn), _turned(key, turn)
        weights = (query @ key.transpose(-1, -2) * self.head**-0.5 + hide).softmax(-1).to(value.dtype)
        seen: Tensor = self.o_proj((weights @ value).transpose(1, 2).reshape(rows, length, -1))
        return seen


class Forward(nn.Module):
    """The gated feed-forward (Shazeer 2020)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(size.width, size.hidden, bias=False)
        self.up_proj = nn.Linear(size.width, size.hidden, bias=False)
        self.down_proj = nn.Linear(size.hidden, size.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it at each position."""
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Norm(nn.Module):
    """Root-mean-square norm (Zhang & Sennrich 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Scale each position to the length that the weights ask for."""
        return functional.rms_norm(x, (x.shape[-1],), self.weight, 1e-5)


class Block(nn.Module):
    """Attention, then feed-forward, each added to what it read."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.self_attn, self.mlp = Attention(size), Forward(size)
        self.input_layernorm, self.post_attention_layernorm = Norm(size.width), Norm(size.width)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], hide: Tensor) -> Tensor:
        """Pass the stream on."""
        x = x + self.self_attn(self.input_layernorm(x), turn, hide)
        return x + self.mlp(self.post_attention_layernorm(x))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Tokens in, the last block's normed states out; `scores` turns those asked for into logits."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.embed_tokens = nn.Embedding(size.vocabulary, size.width)
        self.layers = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = Norm(size.width)

    def forward(self, tokens: Tensor, documents: Tensor, places: Tensor | None = None) -> Tensor:
        """Read packed rows.

        Args:
            tokens: (rows, length).
            documents: (rows, length), `BRANCHES` times a number for each document of a row, plus the number of the
                branch within it, 0 for its trunk: a position sees what stands before it in its branch and its trunk.
            places: (rows, length), each token's place in its document; its place in the row where None.

        Returns:
            States, (rows, length, width).
        """
        length = tokens.shape[1]
        turn = _turns(self.size, length)
        if places is not None:
            turn = (turn[0][places][:, None], turn[1][places][:, None])
        at, seen = documents[:, :, None], documents[:, None, :]
        trunk = (seen % BRANCHES == 0) & (seen // BRANCHES == at // BRANCHES)
        visible = ((seen == at) | trunk) & torch.ones(length, length, dtype=torch.bool).tril()
        hide = torch.where(visible, 0.0, LARGE).to(torch.bfloat16)[:, None]
        x = self.embed_tokens(tokens)
        for block in self.layers:
            x = block(x, turn, hide)
        return self.norm(x)  # type: ignore[no-any-return]

    def scores(self, states: Tensor) -> Tensor:
        """Return logits, (…, vocabulary), in float32."""
        return functional.linear(states, self.embed_tokens.weight).float()


def _turns(size: Size, length: int) -> tuple[Tensor, Tensor]:
    angles = torch.arange(length)[:, None] * _frequencies(size)
    return angles.cos().to(torch.bfloat16), angles.sin().to(torch.bfloat16)


def _frequencies(size: Size) -> Tensor:
    half = size.head // 2
    return torch.exp(-math.log(size.theta) * torch.arange(half) / half)


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = turn
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


@torch.no_grad()
def begin(model: Decoder, seed: int) -> None:
    """Set the weights to begin with: random, and wired to look back and to copy.

    A small decoder spends most of its first hours finding two circuits: heads that look at the token before, and heads
    that look for where the present token stood before and fetch what followed it (Olsson et al. 2022). As in Trockman &
    Kolter (2023), attention therefore begins near where training would take it: one coordinate of every embedding is
    the same, so that some heads of the first layer attend by distance alone (to 1, 2 and 3 back), and in later layers
    queries and keys compare tokens with tokens, or with tokens before, on the slow rotary pairs, and values pass on
    what they read. All of it is trained on like any other weight.
    """
    size, chance = model.size, torch.Generator().manual_seed(seed)

    def noise(rows: int, columns: int, deviation: float) -> Tensor:
        return torch.randn(rows, columns, generator=chance) * deviation

    def basis() -> Tensor:
        columns: Tensor = torch.linalg.qr(torch.randn(size.width, size.width, generator=chance)).Q
        return columns

    model.embed_tokens.weight.copy_(noise(size.vocabulary, size.width, 0.5))
    model.embed_tokens.weight[:, 0] = 2.0
    model.norm.weight.fill_(0.1)
    read, before = basis(), [basis()[: size.head] for _ in range(3)]
    blocks = [block for block in model.layers if isinstance(block, Block)]
    for block in blocks:
        _begin_random(block, noise, size.width**-0.5)
    _look_back(blocks[0].self_attn, size, read, before)
    for depth, block in enumerate(blocks[1:], 1):
        _compare_and_pass_on(block.self_attn, size, read, [before[0], before[(depth + 1) % len(before)]])


def _begin_random(block: Block, noise: Callable[[int, int, float], Tensor], deviation: float) -> None:
    attention, forward = block.self_attn, block.mlp
    scales = {
        attention.q_proj: 0.3,
        attention.k_proj: 0.3,
        attention.v_proj: 1.0,
        attention.o_proj: 0.1,
        forward.gate_proj: 1.0,
        forward.up_proj: 1.0,
        forward.down_proj: 0.1,
    }
    for part, scale in scales.items():
        part.weight.copy_(noise(part.out_features, part.in_features, scale * deviation))


def _look_back(attention: Attention, size: Size, read: Tensor, before: list[Tensor]) -> None:
    """Let head n look n + 1 tokens back and write what stands there into a place of its own.

    A constant query against a constant key turned by `back` steps: their product is the sum of cos(ω (distance - back))
    over the fast rotary pairs, at its highest where the distance is `back`.
    """
    half, head = size.head // 2, size.head
    constant = 2.0 / math.sqrt((4.0 + (size.width - 1) * 0.25) / size.width)
    fast = torch.arange(half // 2)
    frequencies, strength = _frequencies(size)[fast], 6.0 / constant
    for number, place in zip(range(min(size.heads, len(before))), before, strict=False):
        rows, back = slice(number * head, (number + 1) * head), number + 1
        query, key = attention.q_proj.weight[rows], attention.k_proj.weight[rows]
        query[fast, 0] = strength
        key[fast, 0] = strength * (back * frequencies).cos()
        key[fast + half, 0] = strength * (back * frequencies).sin()
        attention.v_proj.weight[rows] = read[:head]
        attention.o_proj.weight[:, rows] = 0.5 * place.T


def _compare_and_pass_on(attention: Attention, size: Size, read: Tensor, before: list[Tensor]) -> None:
    """Let even heads look for the token before, odd ones for the token itself, and pass on a part of what they find."""
    half, head = size.head // 2, size.head
    slow = [pair for pair, frequency in enumerate(_frequencies(size).tolist()) if frequency < SLOW]
    chosen = torch.tensor([*slow, *(pair + half for pair in slow)])
    for number in range(size.heads):
        rows = slice(number * head, (number + 1) * head)
        seen = read[:head] if number % 2 else before[0 if number == 0 else 1]
        attention.q_proj.weight[rows][chosen] = 1.2 * read[: len(chosen)]
        attention.k_proj.weight[rows][chosen] = 1.2 * seen[: len(chosen)]
        passed = read[(torch.arange(head) + number * head) % size.width]
        attention.v_proj.weight[rows] = passed
        attention.o_proj.weight[:, rows] = 0.25 * passed.T


def save(model: Decoder, folder: Path, *, end: int, pad: int) -> None:
    """Write weights and config as transformers' LlamaForCausalLM reads them: bf16 safetensors, one file."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        f"model.{name}": value.detach().to(torch.bfloat16).contiguous() for name, value in model.state_dict().items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config(model.size, end=end, pad=pad), indent=2) + "\n")


def load(model: Decoder, folder: Path) -> None:
    """Read weights that `save` wrote."""
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    model.load_state_dict({name.removeprefix("model."): value.float() for name, value in weights.items()})


def config(size: Size, *, end: int, pad: int) -> dict[str, Any]:
    """Return the size in transformers' words."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": size.vocabulary,
        "hidden_size": size.width,
        "intermediate_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "head_dim": size.head,
        "hidden_act": "silu",
        "max_position_embeddings": size.window,
        "rms_norm_eps": 1e-5,
        "rope_theta": size.theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": size.theta},
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": end,
        "pad_token_id": pad,
        "torch_dtype": "bfloat16",
    }
