"""Where documents come from. A new kind of source is one file here, one row of the table, one node in config/tree."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from fourways.config import tree
from fourways.core.errors import RefusedAddress
from fourways.knowledge.sources.base import Item, Source
from fourways.knowledge.sources.files import Files
from fourways.knowledge.sources.web import Web

__all__ = ["NEEDS_NETWORK", "SOURCES", "Item", "Source", "open_source"]

SOURCES: Mapping[str, Callable[[Any, Path, Mapping[str, str]], Source]] = {
    "files": Files,
    "web": Web,
}
"""By `type:` in the project file: what opens it from its node, the project's folder and the tokens already known."""

NEEDS_NETWORK = frozenset({"web"})


def open_source(
    spec: tree.Source, root: Path, *, network: Literal["open", "none"] = "open", known: Mapping[str, str] | None = None
) -> Source:
    """Open a source of the project file.

    Args:
        spec: its node.
        root: the project's folder.
        network: the project's `network`; with `none`, sources that would reach out are refused.
        known: token by uri as of the last sync, so that what has not changed need not be sent again.

    Raises RefusedAddress where `network: none` forbids the source.
    """
    if network == "none" and spec.type in NEEDS_NETWORK:
        raise RefusedAddress(
            f"a source of type '{spec.type}' needs the network, and the project file says network: none; "
            "take the source out, or say network: open"
        )
    return SOURCES[spec.type](spec, root, known or {})
