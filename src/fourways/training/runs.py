"""A run of a training program: `run.toml`, which says all that decides what comes out, and the reports on the way."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from fourways.core.errors import InvalidRequest

Method = Literal["sft", "dpo", "kto", "distill", "pretrain"]
AdapterKind = Literal["lora", "qlora", "full"]
Precision = Literal["none", "int8", "int4"]
Schedule = Literal["cosine", "linear", "constant"]


class Adapter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of the base is trained.

    Attributes:
        kind: low-rank matrices beside its weights (lora), the same on a base held in four bits (qlora), or all weights.
        r, alpha, dropout: of the low-rank matrices (Hu et al. 2021); r None: as the table of defaults says.
        targets: names of the matrices that get them; empty for every linear one.
    """

    kind: AdapterKind = "lora"
    r: int | None = None
    alpha: float = 32.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows, as JSON Lines beside `run.toml`; what a row looks like is said by `training/data`.

    Attributes:
        train: learned from.
        valid: watched, never learned from; empty for none.
        general: cases of general ability, to see what is forgotten; empty for none.
    """

    train: str
    valid: str = ""
    general: str = ""


class Hyper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is trained. None: as the method's table of defaults says for this base and this many rows.

    Attributes:
        learning_rate: at its highest.
        epochs: passes over the rows; `max_steps` ends earlier.
        batch: rows a step.
        length: tokens of a row at most.
        warmup: share of all steps in which the rate rises.
        schedule: how it falls afterwards, to zero at the end.
        clip: the longest that the gradient may be; a longer one is shortened.
        patience: validations without a better loss before it stops; 0 goes on.
        beta: of the preference methods (Rafailov et al. 2023).
        precision: of the computing; bf16 where the processor has it (auto).
        micro_tokens: that are computed on at a time, padding counted in: memory's bound, and nothing else changes.
    """

    learning_rate: float | None = None
    epochs: float | None = None
    max_steps: int | None = None
    batch: int | None = None
    length: int | None = None
    warmup: float = 0.05
    schedule: Schedule = "cosine"
    clip: float = 1.0
    weight_decay: float = 0.0
    packing: bool = True
    patience: int = 3
    beta: float = 0.1
    validate_every: int | None = None
    checkpoint_every: int | None = None
    precision: Literal["auto", "bf16", "float32"] = "auto"
    micro_tokens: int = 8192


class Kto(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a thumb weighs (Ethayarajh et al. 2024). None: so that both kinds weigh the same in all.

    Attributes:
        up, down: the paper's λ of desirable and of undesirable answers.
    """

    up: float | None = None
    down: float | None = None


class Spans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a reader learns to quote.

    Attributes:
        none: share of the questions that are also asked of another row's text, where the answer is none: without
            them a reader that is tuned on answered questions forgets to abstain.
    """

    none: float = 0.25


class Distill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a student learns from a teacher's distributions (Agarwal et al. 2024).

    Attributes:
        divergence: β of the generalized Jensen–Shannon divergence: 0 is KL from the teacher, 1 KL from the student.
        temperature: of both distributions.
        on_policy: share of the steps on answers that the student wrote itself.
        new_tokens: that such an answer has at most.
    """

    divergence: float = 0.5
    temperature: float = 1.0
    on_policy: float = 0.0
    new_tokens: int = 64


class Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How `training/search` looks for rate, batch and rank.

    Attributes:
        trials: that are to end, those given up counted in.
    """

    trials: int = 12


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides what a training program makes.

    Attributes:
        method: which program.
        base: a folder of safetensors, or a hub's name; "" where nothing is there yet (pretrain).
        licence: of the base, where its folder does not say it; an SPDX name as "Apache-2.0".
        start: a folder of an adapter to go on from; "" for none.
        teacher: a folder of a larger model to learn from (distill).
        pretrain: of that method alone: its dial, its overrides, its stages' files.
        merge: whether an adapter is added to the base's weights, and a whole model comes out.
        gguf: f16, bf16 or q8_0: whether a Llama is written as GGUF too; "" for not.
        report_to: tensorboard, mlflow, wandb, comet: where curves go besides `steps.jsonl`.
    """

    method: Method
    base: str = ""
    licence: str = ""
    start: str = ""
    teacher: str = ""
    seed: int = 1
    adapter: Adapter = Adapter()
    data: Data | None = None
    hyper: Hyper = Hyper()
    kto: Kto = Kto()
    distill: Distill = Distill()
    spans: Spans = Spans()
    merge: bool = False
    gguf: Literal["", "f16", "bf16", "q8_0"] = ""
    search: Search = Search()
    quantize: Precision = "none"
    pretrain: Mapping[str, Any] = msgspec.field(default_factory=dict)
    report_to: tuple[str, ...] = ()


def read_run(folder: Path) -> Run:
    """Read a folder's `run.toml`; raises InvalidRequest, which says what is wrong in it."""
    path = folder / "run.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Run)
    except FileNotFoundError as error:
        raise InvalidRequest(f"there is no {path}") from error
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"{path}: {error}") from error


def write_run(run: Run, folder: Path) -> None:
    """Write `run.toml`, whole or not at all; the folder is made where it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = msgspec.to_builtins(run)
    unfinished = folder / "run.toml.unfinished"
    unfinished.write_text("\n".join(_lines(plain, ())) + "\n", encoding="utf-8")
    unfinished.replace(folder / "run.toml")


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """Write a table in TOML: its values first, then the tables in it; what is None is left out."""
    lines = [f"[{'.'.join(path)}]"] if path else []
    lines += [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping | None)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", *_lines(value, (*path, key))]
    return lines


def _value(value: object) -> str:
    """Write a value; JSON's strings, numbers, truths and lists are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
