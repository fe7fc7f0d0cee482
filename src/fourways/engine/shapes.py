"""What a causal model's `config.json` says, as far as our own decoder needs it; None where it covers no such model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fourways.core.errors import NotFound

COVERED = frozenset({"llama", "mistral", "qwen2"})
"""`model_type`s of one architecture: RMS norms, rotary positions, grouped attention, gated SiLU feed-forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotary:
    """Rotary positions (Su et al. 2021).

    Attributes:
        theta: base of the frequencies.
        stretch: `llama3`'s four numbers (factor, low and high frequency factor, original window), or none.
        factor: every position is divided by it (`linear`).
    """

    theta: float = 10_000.0
    stretch: tuple[float, float, float, float] | None = None
    factor: float = 1.0

    def frequencies(self, head: int) -> list[float]:
        """Return the radians a token of each of the `head / 2` pairs."""
        plain = [self.theta ** (-2 * pair / head) / self.factor for pair in range(head // 2)]
        return [self._stretched(frequency) for frequency in plain] if self.stretch else plain

    def _stretched(self, frequency: float) -> float:
        """Slow low frequencies, as Llama 3.1 does (transformers' `_compute_llama3_parameters`)."""
        factor, low, high, window = self.stretch or (1.0, 1.0, 4.0, 8192.0)
        length = 2 * math.pi / frequency
        if length < window / high:
            return frequency
        if length > window / low:
            return frequency / factor
        smooth = (window / length - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A decoder's measures: widths in numbers, `window` in tokens.

    Attributes:
        hidden: of the feed-forward.
        keys: heads of keys and values; several query heads share one.
        tied: whether the logits are read off the embedding.
        bias: whether queries, keys and values have a bias.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    keys: int
    head: int
    hidden: int
    window: int
    epsilon: float
    rotary: Rotary
    tied: bool
    bias: bool = False


def read_config(folder: Path) -> dict[str, Any]:
    """Return a model folder's `config.json`; raises `NotFound` where there is none."""
    path = folder / "config.json"
    try:
        config: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise NotFound(f"{folder} is no folder of a model: its config.json is absent or no JSON") from error
    return config


def shape_of(config: Mapping[str, Any]) -> Shape | None:
    """Return the decoder's measures, or None where the architecture is not one of ours."""
    rotary = _rotary(config)
    window = int(config.get("max_position_embeddings", 2048))
    sliding = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    plain = (
        config.get("model_type") in COVERED
        and config.get("hidden_act", "silu") == "silu"
        and not config.get("mlp_bias")
        and not (config.get("attention_bias") and config["model_type"] != "qwen2")
        and not (sliding and sliding < window)
    )
    if not plain or rotary is None:
        return None
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    return Shape(
        vocabulary=int(config["vocab_size"]),
        width=width,
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        keys=int(config.get("num_key_value_heads") or heads),
        head=int(config.get("head_dim") or width // heads),
        hidden=int(config["intermediate_size"]),
        window=window,
        epsilon=float(config.get("rms_norm_eps", 1e-6)),
        rotary=rotary,
        tied=bool(config.get("tie_word_embeddings", False)),
        bias=config["model_type"] == "qwen2",
    )


def _rotary(config: Mapping[str, Any]) -> Rotary | None:
    """Read the rotary settings under their new name (transformers 5) or their old ones; None for a kind not known."""
    settings = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = float(settings.get("rope_theta") or config.get("rope_theta") or 10_000.0)
    match settings.get("rope_type") or settings.get("type") or "default":
        case "default":
            return Rotary(theta=theta)
        case "linear":
            return Rotary(theta=theta, factor=float(settings["factor"]))
        case "llama3":
            names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
            factor, low, high, window = (float(settings[name]) for name in names)
            return Rotary(theta=theta, stretch=(factor, low, high, window))
        case _:
            return None
