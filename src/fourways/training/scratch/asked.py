"""What a run that trains from scratch asks for: the dial, the files of its stages, and what is set by hand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Self

import msgspec

from fourways.core.errors import InvalidRequest
from fourways.training.planning.figures import read_count

SIZES: Mapping[str, float] = MappingProxyType(
    {"tiny": 1.5e6, "mini": 6e6, "small": 22e6, "base": 124e6, "medium": 350e6, "large": 1.3e9}
)
"""Parameters by name, embedding counted in."""


class Cleaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of the corpus is kept.

    Attributes:
        languages: kept, as ISO 639-1 codes; empty for all.
        quality: whether the rules of Gopher and C4 drop documents.
        near: share of word 5-grams from which on two documents are the same one; above 1 for none.
        personal: mask, keep or drop what looks like personal data.
    """

    languages: tuple[str, ...] = ()
    quality: bool = True
    near: float = 0.8
    personal: Literal["mask", "keep", "drop"] = "mask"


class Overrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is set by hand and not derived; None for the rule's."""

    vocabulary: int | None = None
    layers: int | None = None
    width: int | None = None
    heads: int | None = None
    hidden: int | None = None
    length: int | None = None
    tokens: int | None = None
    chat_tokens: int | None = None
    batch: int | None = None
    muon_rate: float | None = None
    adam_rate: float | None = None
    warmup: float | None = None
    decay: float | None = None
    weight_decay: float | None = None
    wordings: int | None = None
    valid: float | None = None
    optimizer: Literal["muon", "adamw"] | None = None
    compile: bool | None = None
    shard: bool | None = None


class Dial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`pretrain` of a run: the dial, the files of its later stages, and what is set by hand.

    Attributes:
        size: parameters, as a number, "124M" or a name of `SIZES`.
        minutes: of training on this machine, all stages counted in.
        usd: for its time, at `usd_per_hour` or the price of `hardware`.
        hardware: a row of the plan's table that it will run on; "" for what the program finds and measures.
        chat: rows of chats beside `run.toml`, for the instruction stage; "" for none.
        chat_valid: the like, watched and never learned from.
        preferences: rows with `chosen` and `rejected`, for the preference stage; "" for none.
        documents: tokens of documents that the instruction stage mixes in, by tokens of chats.
        set: by hand.
        clean: what of the corpus is kept.
    """

    size: str | float | None = None
    minutes: float | None = None
    usd: float | None = None
    hardware: str = ""
    usd_per_hour: float | None = None
    chat: str = ""
    chat_valid: str = ""
    preferences: str = ""
    documents: float | None = None
    set: Overrides = Overrides()
    clean: Cleaning = Cleaning()

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Self:
        """Read a run's `pretrain`; raises InvalidRequest, which says what is wrong in it."""
        try:
            dial = msgspec.convert(dict(table), cls)
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"pretrain: {error}", param="pretrain") from error
        turned = [name for name in ("size", "minutes", "usd") if getattr(dial, name) is not None]
        if len(turned) > 1:
            raise InvalidRequest(f"pretrain has {' and '.join(turned)}; right would be one of them", param="pretrain")
        return dial

    def parameters(self) -> float | None:
        """Return what `size` says; None where it is not what was turned."""
        if self.size is None or isinstance(self.size, int | float):
            return self.size
        return SIZES[self.size] if self.size in SIZES else read_count(self.size, "pretrain.size")
