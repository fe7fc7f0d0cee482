"""Those that are compared: each takes a few steps of the same model on the same tokens when it is asked."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fourways.training.decoder import Size, begin, config
from fourways.training.machine import Machine, this_machine
from fourways.training.processes import Group
from fourways.training.scratch.epochs import Reader, Stream
from fourways.training.scratch.flex import decoder_for
from fourways.training.scratch.learning import optimizers, take_step
from fourways.training.scratch.lessons import Lesson
from fourways.training.scratch.scorer import Scorer
from fourways.training.scratch.shards import open_shards, write_shards

ARCHITECTURE = {"architectures", "model_type", "torch_dtype"}
STEPS = 3
"""Steps of an arm at a time."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    size: Size
    rows: int
    length: int
    folder: Path

    @property
    def tokens(self) -> int:
        return STEPS * self.rows * self.length

    def documents(self) -> Iterator[tuple[list[int], None]]:
        """Tokens as frequent as words are (Zipf), in documents of some hundred."""
        chance = np.random.default_rng(1)
        for _ in range(400):
            count = int(chance.integers(100, 900))
            yield (np.minimum(chance.zipf(1.2, count) + 4, self.size.vocabulary - 1)).tolist(), None

    def lesson(self, machine: Machine) -> Lesson:
        write_shards(self.documents(), self.folder / "shards", self.size.vocabulary)
        return Lesson(
            train=Reader(Stream(open_shards(self.folder / "shards"), self.length, 1)),
            valid=None,
            checkpoints=self.folder,
            report=lambda _: None,
            group=Group(),
            machine=machine,
            micro=self.rows * self.length,
        )


def llama(size: Size) -> Any:
    import transformers

    torch.manual_seed(1)
    plain = {name: value for name, value in config(size, end=1, pad=0).items() if name not in ARCHITECTURE}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**plain))


def ours(bench: Bench, *, compiled: bool, optimizer: str) -> Callable[[], None]:
    machine = this_machine("auto")
    model = decoder_for(bench.size, machine.device)
    begin(model, 1)
    model.to(machine.device)
    learning = optimizers(model, optimizer, muon=0.02, adam=0.002)
    scorer = Scorer(model, Group(), compiled=compiled)
    lesson = bench.lesson(machine)
    done = 0

    def run() -> None:
        nonlocal done
        for _ in range(STEPS):
            take_step(scorer, lesson.train.rows(done, bench.rows), learning, lesson)
            done += bench.rows

    return run


def trainer(bench: Bench, *, bf16: bool) -> Callable[[], None]:
    """transformers' Trainer with what it does when nothing is said, but for the batch and the steps."""
    import transformers

    reader = bench.lesson(this_machine("auto")).train
    rows = [torch.from_numpy(reader.rows(at, 1).tokens[0]) for at in range(STEPS * bench.rows)]
    data = [{"input_ids": row, "labels": row} for row in rows]
    model = llama(bench.size)

    def run() -> None:
        settings = transformers.TrainingArguments(
            output_dir=tempfile.mkdtemp(dir=bench.folder),
            per_device_train_batch_size=bench.rows,
            max_steps=STEPS,
            bf16=bf16,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        silent = transformers.Trainer(model=model, args=settings, train_dataset=data)
        silent.remove_callback(transformers.PrinterCallback)
        silent.train()

    return run


def plain_loop(bench: Bench) -> Callable[[], None]:
    """As nanoGPT trains on a CPU: bf16 autocast, fused kernels where torch has them, nothing compiled, no isolation."""
    reader = bench.lesson(this_machine("auto")).train
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = llama(bench.size).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    done = 0

    def run() -> None:
        nonlocal done
        for _ in range(STEPS):
            tokens = torch.from_numpy(reader.rows(done, bench.rows).tokens).to(device)
            with torch.autocast(device, torch.bfloat16):
                loss = model(input_ids=tokens, labels=tokens).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            loss.item()
            done += bench.rows

    return run
