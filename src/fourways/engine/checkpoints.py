"""A folder of a causal model's weights, read: safetensors only, one file or several, quantised ones unpacked."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fourways.core.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from torch import Tensor

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
GROUP = 64
"""Inputs that share a scale in four bits."""


def files_of(folder: Path, name: str = "model") -> list[Path]:
    """Return the folder's safetensors, all parts of them.

    Raises:
        NotFound: there are none. Pickled weights are never loaded.
    """
    single, index = folder / f"{name}.safetensors", folder / f"{name}.safetensors.index.json"
    if single.is_file():
        return [single]
    if index.is_file():
        parts = msgspec.json.decode(index.read_bytes(), type=dict[str, Any])["weight_map"]
        return [folder / part for part in sorted(set(parts.values()))]
    pickled = sorted(path.name for kind in PICKLED for path in folder.glob(kind))
    found = f"; {', '.join(pickled)} is pickled: it can run code and is not loaded" if pickled else ""
    raise NotFound(f"{folder} holds no {name}.safetensors{found}; save the weights as safetensors")


def digest_of(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the files' bytes, one after the other."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while piece := file.read(1 << 22):
                digest.update(piece)
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 over names and contents of a folder's files, by which training programs name a base."""
    whole = hashlib.sha256()
    for file in sorted(each for each in folder.iterdir() if each.is_file()):
        with file.open("rb") as opened:
            whole.update(f"{file.name}\0{hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def read_tensors(folder: Path, config: Mapping[str, Any]) -> dict[str, "Tensor"]:
    """Load a model folder's tensors under transformers' names, quantised ones as what they stand for.

    Raises:
        InvalidRequest: they are damaged, or quantised in a way that is not ours.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {name: tensor for path in files_of(folder) for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise InvalidRequest(f"{folder} holds damaged safetensors: {error}; save or copy them again") from error
    quantization = config.get("quantization_config")
    if not quantization:
        return tensors
    if quantization.get("quant_method") != "fourways":
        method = quantization.get("quant_method")
        raise InvalidRequest(f"{folder} is quantised by '{method}'; 'fourways' (int8, int4) or none would be right")
    return unpacked(tensors, bits=int(quantization["bits"]))


def unpacked(tensors: Mapping[str, "Tensor"], *, bits: int) -> dict[str, "Tensor"]:
    """Return the matrices that quantised ones stand for, in bfloat16.

    Args:
        tensors: for a matrix X.weight (out, in) they hold X.weight.q and X.weight.scale. Eight bits: int8 (out, in)
            and a scale a row. Four: uint8 (out, in/2), the low half first, eight more than meant; a scale for each
            `GROUP` inputs.
        bits: 8 or 4.
    """
    import torch

    whole = {name: tensor for name, tensor in tensors.items() if not name.endswith((".q", ".scale"))}
    for name in tensors:
        if not name.endswith(".weight.q"):
            continue
        packed, scale = tensors[name], tensors.get(f"{name.removesuffix('.q')}.scale")
        if scale is None:
            raise InvalidRequest(f"{name} has no scale; {name.removesuffix('.q')}.scale beside it would be right")
        scale = scale.float()
        if bits == 8:  # noqa: PLR2004 - of the format's two
            matrix = packed.float() * scale.view(-1, 1)
        else:
            halves = torch.stack([packed & 15, packed >> 4], -1).view(len(packed), -1).float() - 8
            matrix = (halves.view(len(packed), -1, GROUP) * scale[..., None]).view(len(packed), -1)
        whole[name.removesuffix(".q")] = matrix.to(torch.bfloat16)
    return whole
