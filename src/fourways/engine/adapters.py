"""A LoRA adapter in peft's format, read and checked against the base it is for."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import re2

from fourways.core.errors import InvalidRequest, NotFound
from fourways.engine.checkpoints import files_of
from fourways.engine.shapes import Shape

if TYPE_CHECKING:
    from torch import Tensor

MODULES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
_NAME = re.compile(r"^base_model\.model\.(?:model\.)*layers\.(\d+)\.(.+)\.lora_([AB])(?:\.default)?\.weight$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two matrices whose product is added to one of the base's (Hu et al. 2021): `scale · up · down`.

    Attributes:
        down: (rank, in), float32.
        up: (out, rank), float32, the scale multiplied in.
    """

    down: "Tensor"
    up: "Tensor"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapter:
    """An adapter's pairs by layer and module, and its folder."""

    folder: Path
    pairs: Mapping[tuple[int, str], Pair]

    def added(self, x: "Tensor", layer: int, part: str, shape: Shape) -> "Tensor":
        """Return what it adds to a block's matrix: float32 (rows, out of the part).

        Args:
            x: what the matrix is multiplied with, (rows, in).
            layer: which block.
            part: `qkv`, `out`, `gate_up`, `down`.
            shape: of the base.
        """
        import torch

        pieces = []
        for module, width in parts_of(shape)[part]:
            pair = self.pairs.get((layer, module))
            zero = torch.zeros(len(x), width)
            pieces.append(x.float() @ pair.down.T @ pair.up.T if pair else zero)
        return torch.cat(pieces, 1)


def parts_of(shape: Shape) -> dict[str, tuple[tuple[str, int], ...]]:
    """Return a block's four matrices, each as the modules it is made of and how wide their outputs are."""
    query, key = shape.heads * shape.head, shape.keys * shape.head
    q, k, v, o, gate, up, down = MODULES
    return {
        "qkv": ((q, query), (k, key), (v, key)),
        "out": ((o, shape.width),),
        "gate_up": ((gate, shape.hidden), (up, shape.hidden)),
        "down": ((down, shape.width),),
    }


def read_adapter_config(folder: Path, digests: Collection[str]) -> dict[str, Any]:
    """Return an adapter's `adapter_config.json`, checked as far as it can be without its weights.

    Args:
        folder: of the adapter.
        digests: of the base, by whichever it may be named. An adapter that names another (`base_digest`) is refused.

    Raises:
        NotFound: there is no adapter in the folder.
        InvalidRequest: it is of a kind that is not served, or for another base.
    """
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise NotFound(f"{folder} is no folder of an adapter: it holds no adapter_config.json")
    config: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    wrong = [
        f"{name} is {config[name]!r}"
        for name, right in (("peft_type", "LORA"), ("use_dora", False), ("bias", "none"), ("modules_to_save", None))
        if name in config and config[name] != right and not (not right and not config[name])
    ]
    if wrong:
        raise InvalidRequest(f"{folder}: {', '.join(wrong)}; plain LoRA, without biases and other modules, is served")
    meant = config.get("base_digest")
    if meant and meant not in digests:
        here = ", ".join(f"{one[:12]}…" for one in digests)
        raise InvalidRequest(f"{folder} is an adapter for another base: it names {meant[:12]}…, this is {here}")
    return config


def read_adapter(folder: Path, shape: Shape, digests: Collection[str]) -> Adapter:
    """Load an adapter for our own decoder.

    Args:
        folder: peft's: `adapter_config.json` and `adapter_model.safetensors`.
        shape: of the base.
        digests: of the base, by whichever it may be named.

    Raises:
        NotFound: there is none, or it is pickled.
        InvalidRequest: it is for another base, or of a kind that is not served.
    """
    from safetensors.torch import load_file

    config = read_adapter_config(folder, digests)
    (weights,) = files_of(folder, "adapter_model")
    halves: dict[tuple[int, str], dict[str, Tensor]] = {}
    for name, tensor in load_file(weights).items():
        found = _NAME.match(name)
        if not found or found[2] not in MODULES or int(found[1]) >= shape.layers:
            raise InvalidRequest(f"{folder}: this base has no place for '{name}'; its modules are {', '.join(MODULES)}")
        halves.setdefault((int(found[1]), found[2]), {})[found[3]] = tensor.float()
    pairs = {place: _pair(folder, place, found, config, shape) for place, found in halves.items()}
    return Adapter(folder=folder, pairs=pairs)


def _pair(
    folder: Path, place: tuple[int, str], halves: Mapping[str, "Tensor"], config: Mapping[str, Any], shape: Shape
) -> Pair:
    layer, module = place
    if set(halves) != {"A", "B"}:
        raise InvalidRequest(f"{folder}: layer {layer}'s {module} has one of lora_A and lora_B; both would be right")
    down, up = halves["A"], halves["B"]
    out = next(width for part in parts_of(shape).values() for name, width in part if name == module)
    inside = {"self_attn.o_proj": shape.heads * shape.head, "mlp.down_proj": shape.hidden}.get(module, shape.width)
    rank = len(down)
    if down.shape != (rank, inside) or up.shape != (out, rank):
        msg = f"{folder}: layer {layer}'s {module} is {tuple(up.shape)} × {tuple(down.shape)}; for this base "
        raise InvalidRequest(msg + f"({out}, {rank}) × ({rank}, {inside}) would be right: it is an adapter for another")
    name = f"layers.{layer}.{module}"
    alpha = _pattern(config.get("alpha_pattern"), name, config.get("lora_alpha", rank))
    scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
    return Pair(down=down.contiguous(), up=(up * scale).contiguous())


def _pattern(patterns: Mapping[str, float] | None, name: str, default: float) -> float:
    """Return a module's own value where a pattern names it, by peft's rule."""
    for pattern, value in (patterns or {}).items():
        if re2.fullmatch(rf"(.*\.)?({pattern})", name):
            return value
    return default
