"""Where a model's files lie, whether they are the right ones, and what they say of its shape. Imports no torch."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from fourways.core.errors import NotFound
from fourways.models.folders import PACKAGED

T = TypeVar("T")


class BertShape(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a `config.json` that a BERT encoder is built from, under its own names there."""

    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"
    max_position_embeddings: int = 512
    model_type: str = ""
    position_embedding_type: str = "absolute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a folder turns text into one vector.

    Attributes:
        max_tokens: longer texts are cut there, special tokens included.
        pooling: the mean of all tokens' states, or the first one's.
    """

    shape: BertShape
    max_tokens: int
    pooling: Literal["mean", "cls"]


class _Module(msgspec.Struct):
    type: str
    path: str = ""


class _Pooling(msgspec.Struct):
    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = False
    pooling_mode_max_tokens: bool = False
    pooling_mode_mean_sqrt_len_tokens: bool = False


class _Limits(msgspec.Struct):
    max_seq_length: int | None = None


def cache_folder() -> Path:
    """Return (made where absent, for this user alone) where the engine keeps what can be made again."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fourways" / "engine"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def find_folder(name: str) -> Path:
    """Return the folder of a model: of a packaged one by its name (its package is not imported), else `name` itself.

    Raises:
        NotFound: there is no such folder, or the package is not installed.
    """
    packaged = PACKAGED.get(name)
    if packaged is None:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise NotFound(f"there is no folder '{name}'; give a sentence-transformers folder, or one of: {_names()}")
        return folder
    return packaged.place()


def _names() -> str:
    return ", ".join(sorted(PACKAGED))


def weights_of(folder: Path) -> Path:
    """Return the folder's safetensors; raises `NotFound` where it has none (pickled weights are never loaded)."""
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise NotFound(f"{folder} holds no model.safetensors; other forms of weights can run code and are not loaded")
    return weights


def read_shape(folder: Path) -> BertShape | None:
    """Return the folder's BERT shape, or None where its architecture is another."""
    shape = _read(folder / "config.json", BertShape)
    known = shape and (shape.model_type, shape.hidden_act, shape.position_embedding_type) == (
        "bert",
        "gelu",
        "absolute",
    )
    return shape if known else None


def read_encoding(folder: Path) -> Encoding | None:
    """Return how the folder encodes, or None where our own BERT does not cover it.

    Covered are BERT with absolute positions, pooled by mean or first token: all-MiniLM, BGE, E5, GTE of that time.
    """
    shape = read_shape(folder)
    modules = _read(folder / "modules.json", list[_Module]) or []
    kinds = [module.type.rsplit(".", 1)[-1] for module in modules]
    if shape is None or kinds[:2] != ["Transformer", "Pooling"] or set(kinds[2:]) - {"Normalize"}:
        return None
    if modules[0].path or not (folder / "tokenizer.json").is_file():
        return None
    pooling = _read(folder / modules[1].path / "config.json", _Pooling) or _Pooling()
    if pooling.pooling_mode_max_tokens or pooling.pooling_mode_mean_sqrt_len_tokens:
        return None
    if pooling.pooling_mode_mean_tokens == pooling.pooling_mode_cls_token:
        return None
    limits = _read(folder / "sentence_bert_config.json", _Limits) or _Limits()
    return Encoding(
        shape=shape,
        max_tokens=min(limits.max_seq_length or shape.max_position_embeddings, shape.max_position_embeddings),
        pooling="mean" if pooling.pooling_mode_mean_tokens else "cls",
    )


def _read(path: Path, kind: type[T]) -> T | None:
    """Decode a JSON file, or return None where it is absent, no JSON, or lacks what `kind` requires."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
