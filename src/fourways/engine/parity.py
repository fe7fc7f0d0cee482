"""Whether our own decoder agrees with transformers on this model, on this machine: asked before it serves."""

import hashlib
import importlib.metadata
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from fourways.core.errors import FourwaysError
from fourways.engine.decoders import BASE, Decoder, Logits, Rows
from fourways.engine.folders import cache_folder

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

LENGTHS = (24, 7, 16)
"""Tokens of the prompts that both read."""
STEPS = 8
"""Tokens that transformers goes on with, greedily; ours read them after it."""
NEAR = {"float32": 0.01, "bfloat16": 0.1}
"""How far logits may lie apart; a model of six layers in bfloat16 came to 0.03."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Whether both say the same, and what was found, for people to read."""

    agrees: bool
    found: str


NOT_COMPARED = Agreement(agrees=True, found="not compared: transformers is not installed")


class Computing(Protocol):
    """What of ours is compared.

    Attributes:
        name: what computes, for people to read.
        build: another wherever the same tokens may give other logits.
        window: tokens that it reads at most.
    """

    name: str
    build: str
    window: int


def remembered(ours: Computing, digest: str, find: Callable[[], Agreement]) -> Agreement:
    """Return what was found before of these weights, this build of ours and this transformers; else find it out.

    Args:
        ours: what is compared.
        digest: of the weights and their `config.json`.
        find: compares them.
    """
    parts = (digest, ours.name, ours.build, str(ours.window), version(), str(NEAR))
    path = cache_folder() / f"parity-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:32]}.json"
    try:
        return Agreement(**msgspec.json.decode(path.read_bytes()))
    except (OSError, msgspec.DecodeError, TypeError):
        agreement = find()
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(msgspec.json.encode({"agrees": agreement.agrees, "found": agreement.found}))
    unfinished.replace(path)
    return agreement


def version() -> str:
    """Return transformers' version, or `none`."""
    try:
        return importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        return "none"


def compare(decoder: Decoder, folder: Path, tensors: "Mapping[str, torch.Tensor]") -> Agreement:
    """Let transformers (in float32) and our own decoder read the same tokens.

    Ours reads prompts of three lengths in one batch, in pieces, and then a token of each at a time: all that serving
    does. They agree where the logits lie near and the likeliest token is the same, or as good as.

    Args:
        decoder: ours; its slots are used, and hold nothing of worth.
        folder: of the model.
        tensors: its weights, unpacked.
    """
    if version() == "none":
        return NOT_COMPARED
    from fourways.engine.fallback import open_float32

    chance = np.random.default_rng(1)
    lengths = [min(length, decoder.window - STEPS - 1) for length in LENGTHS[: decoder.slots]]
    prompts = [chance.integers(0, decoder.vocabulary, length).tolist() for length in lengths]
    try:
        sequences, wanted = _expected(open_float32(folder, tensors), prompts)
        found = _found(decoder, sequences, prompts)
    except FourwaysError:
        raise
    except Exception as error:
        log.exception("our own decoder failed on %s", folder)
        return Agreement(agrees=False, found=f"our own decoder failed: {error!r}")
    return judge(wanted, found, near=near_of(decoder))


def near_of(ours: Computing) -> float:
    """Return how far its logits may lie apart from transformers'."""
    return NEAR["bfloat16" if "bfloat16" in ours.name else "float32"]


def judge(wanted: Logits, found: Logits, *, near: float, of: str = "greedy tokens") -> Agreement:
    """Compare rows of logits, each (rows, vocabulary).

    Args:
        wanted: transformers'.
        found: ours.
        near: how far they may lie apart, as a root mean square over a row, in the row's standard deviations; and half
            of how much worse our likeliest token may be than theirs.
        of: what a row's likeliest column is, for people to read.
    """
    spread = wanted.std(1) + 1e-9
    apart = float((np.sqrt(((found - wanted) ** 2).mean(1)) / spread).max())
    rows = np.arange(len(wanted))
    lost = float(((wanted.max(1) - wanted[rows, found.argmax(1)]) / spread).max())
    same = int((wanted.argmax(1) == found.argmax(1)).sum())
    said = f"{same} of {len(wanted)} {of} the same, logits {apart:.4f} standard deviations apart"
    return Agreement(agrees=bool(np.isfinite(apart) and apart < near and lost < 2 * near), found=said)


def _expected(model: Any, prompts: "list[list[int]]") -> "tuple[list[list[int]], Logits]":  # noqa: ANN401 - transformers' own
    """Return what transformers goes on with, and its logits from each prompt's last token on."""
    import torch

    sequences, rows = [], []
    with torch.inference_mode():
        for prompt in prompts:
            ids = list(prompt)
            for _ in range(STEPS):
                logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].float()
                rows.append(logits.numpy())
                ids.append(int(logits.argmax()))
            sequences.append(ids)
    return sequences, np.stack(rows)


def _found(decoder: Decoder, sequences: "list[list[int]]", prompts: "list[list[int]]") -> Logits:
    """Let ours read the same tokens, as a server would: together, in two pieces, then one by one."""
    steps: list[Logits] = []
    halves = [len(prompt) // 2 for prompt in prompts]
    first = Rows()
    for slot, (ids, half) in enumerate(zip(sequences, halves, strict=True)):
        first.add(ids[:half], slot=slot, position=0, adapter=BASE)
    decoder.forward(first)
    for step in range(STEPS):
        rows = Rows()
        for slot, (ids, prompt, half) in enumerate(zip(sequences, prompts, halves, strict=True)):
            start = half if step == 0 else len(prompt) + step - 1
            rows.add(ids[start : len(prompt) + step], slot=slot, position=start, adapter=BASE)
            rows.wanted.append(len(rows.tokens) - 1)
        steps.append(decoder.forward(rows))
    for slot in range(len(prompts)):
        decoder.keep(slot, 0)
    return np.stack(steps, 1).reshape(-1, decoder.vocabulary)
