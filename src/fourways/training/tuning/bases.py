"""Opens a base model: folder, licence, digest, tokenizer, weights; what is unsafe or unlicensed is refused."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fourways.core.errors import InvalidRequest
from fourways.models.folders import reads
from fourways.training.machine import Machine
from fourways.training.runs import AdapterKind
from fourways.training.tuning.readers import load_reader, save_reader

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_READ = ("*.safetensors", "*.json", "*.jinja", "*.model", "README.md", "LICENSE*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model to start from.

    Attributes:
        name: as the run names it.
        folder: where its files lie.
        licence: as its folder or the run says it.
        digest: SHA-256 over the names and contents of its files.
        config: its `config.json`.
    """

    name: str
    folder: Path
    licence: str
    digest: str
    config: Mapping[str, Any]

    @property
    def window(self) -> int:
        """Tokens that it reads at most."""
        return int(self.config.get("max_position_embeddings") or 2048)

    @property
    def quantized(self) -> bool:
        """Whether its weights are in fourways' own short form."""
        return (self.config.get("quantization_config") or {}).get("quant_method") == "fourways"

    @property
    def reads(self) -> bool:
        """Whether it is a reader, which quotes and cannot write."""
        return reads(self.config)

    @property
    def dtype(self) -> torch.dtype:
        """The format that its weights are kept in."""
        named = self.config.get("dtype") or self.config.get("torch_dtype") or "bfloat16"
        return {"float32": torch.float32, "float16": torch.float16}.get(named, torch.bfloat16)


def open_base(name: str, beside: Path, *, licence: str = "", what: str = "base") -> Base:
    """Find a model and look at its files, none of which is run.

    Args:
        name: a folder (from `beside`, or absolute), or a hub's `owner/name`.
        beside: the run's folder.
        licence: where the model's folder does not say it.
        what: the model is to the run.

    Raises:
        InvalidRequest: it is not there, its weights are not safetensors, or nobody says under which licence it is.
    """
    folder = _find(name, beside, what)
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError as error:
        raise InvalidRequest(f"the {what} {folder} has no config.json; right would be a folder in HF format") from error
    if not any(folder.glob("*.safetensors")):
        found = sorted(each.name for each in folder.iterdir() if each.suffix in _PICKLES)
        told = f"only {', '.join(found)}, which can run code when it is loaded" if found else "no weights"
        raise InvalidRequest(f"the {what} {folder} holds {told}; right would be model.safetensors")
    stated = licence or _licence(folder, config)
    if not stated:
        raise InvalidRequest(
            f"the {what} {name} does not say its licence; right would be `license:` in the front matter of its "
            f"README.md, or `licence` in run.toml once you have read it"
        )
    return Base(name=name, folder=folder, licence=stated, digest=digest_of(folder), config=config)


def _find(name: str, beside: Path, what: str) -> Path:
    if not name:
        raise InvalidRequest(f"run.toml names no {what}; right would be a folder of safetensors or a hub's owner/name")
    folder = beside / Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if Path(name).is_absolute() or name.count("/") != 1 or name.startswith("."):
        raise InvalidRequest(f"there is no folder {name} for the {what}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(_READ)))
    except Exception as error:  # a hub fails in many ways, and all mean that the model is not here
        raise InvalidRequest(
            f"the {what} {name} is no folder here and could not be had from the hub ({type(error).__name__}); right "
            "would be a folder of safetensors, or a connection to the hub"
        ) from error


def _licence(folder: Path, config: Mapping[str, Any]) -> str:
    """Return what the front matter of the README, or the configuration, states."""
    readme = folder / "README.md"
    lines = readme.read_text(encoding="utf-8", errors="replace").splitlines() if readme.is_file() else []
    if lines[:1] == ["---"]:
        for line in lines[1:]:
            key, _, value = line.partition(":")
            if line == "---":
                break
            if key in {"license", "license_name"} and value.strip() not in {"", "other"}:
                return value.strip().strip("'\"")
    return str(config.get("license") or "")


def digest_of(folder: Path) -> str:
    """Return the SHA-256 over the names and contents of a folder's files, those of folders in it left out."""
    whole = hashlib.sha256()
    for file in sorted(each for each in folder.iterdir() if each.is_file()):
        with file.open("rb") as opened:
            whole.update(f"{file.name}\0{hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def weights_in(folder: Path) -> int:
    """Count the numbers in a folder's safetensors, by their headers alone."""
    from safetensors import safe_open

    count = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as opened:
            count += sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
    return count


def load_tokenizer(base: Base) -> Any:  # noqa: ANN401 - transformers has no type for it
    """Load the tokenizer as transformers does; nothing that is code in the folder is run."""
    from transformers import AutoTokenizer

    quiet()
    try:
        return AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"the tokenizer of {base.name} cannot be read: {error}") from error


def load_model(base: Base, kind: AdapterKind, dtype: torch.dtype) -> Any:  # noqa: ANN401 - any model's class
    """Load the weights: in four bits (qlora), in float32 where they are trained (full), else in the given format.

    A reader's are in float32 always: it computes by autocast.

    Raises:
        InvalidRequest: transformers does not know the architecture or does not find its weights.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    quiet()
    if base.reads:
        return load_reader(base.folder)
    if base.quantized:
        from fourways.training.tuning.quantize import load_quantized

        return load_quantized(base.folder, torch.float32 if kind == "full" else dtype)
    options: dict[str, Any] = {"dtype": torch.float32 if kind == "full" else dtype}
    if kind == "qlora":
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    try:
        config = AutoConfig.from_pretrained(base.folder, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            base.folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            **options,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InvalidRequest(f"the base {base.name} cannot be loaded: {error}") from error
    for module in model.modules() if kind == "qlora" else ():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            # bitsandbytes repacks 4-bit weights at the first look in eval mode, and no gradient passes them afterwards.
            setattr(module, "support_avx512bf16_for_cpu", False)  # noqa: B010 - an attribute of its own
    return model


def load_saved(folder: Path, machine: Machine) -> Any:  # noqa: ANN401 - any causal model's class
    """Load a model that a run has saved, rounded or not, to compute with."""
    config = json.loads((folder / "config.json").read_bytes())
    saved = Base(name=str(folder), folder=folder, licence="", digest="", config=config)
    return load_model(saved, "lora", machine.dtype).to(machine.device).eval()


def save_model(model: Any, base: Base, folder: Path) -> None:  # noqa: ANN401
    """Write a whole model as its base lies there: in its form, and in its weights' format."""
    if base.reads:
        save_reader(model, base.config, folder, base.dtype)
    else:
        model.to(base.dtype).save_pretrained(folder)


def quiet() -> None:
    """Keep transformers from talking: a program's last line on stderr is its own."""
    from transformers.utils import logging

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
