"""Candidates: everything pinned that decides an answer, named by the digest of its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fourways.core.ids import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a way built and what is measured, released and served.

    Attributes:
        app: the app it answers for.
        way: the way that built it and can open it.
        parts: JSON: model and revision, adapter, prompt, examples, knowledge snapshot, decoding. Whatever
            decides an answer stands here; nothing else does. Secrets never do.
    """

    app: str
    way: str
    parts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """64 hex characters: equal parts, equal name."""
        return digest({"way": self.way, "parts": dict(self.parts)})

    @property
    def id(self) -> str:
        """The short name people use: the digest's first 12 characters."""
        return self.digest[:12]
