"""What every tuning program begins with: base, tokenizer, rows and model, opened and made ready."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from fourways.core.errors import InvalidRequest
from fourways.training.clocks import Clock
from fourways.training.machine import Machine, this_machine
from fourways.training.processes import Group, join
from fourways.training.reports import Sink
from fourways.training.rows import Chat, Row, read_rows
from fourways.training.runs import Data, Run
from fourways.training.tuning import adapters, bases, kernels
from fourways.training.tuning.answers import Answers
from fourways.training.tuning.defaults import Derived, Facts, derive, length_for
from fourways.training.tuning.documents import ChatReader, Document
from fourways.training.tuning.masters import Masters
from fourways.training.tuning.reading import Reader

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A run's folder, opened, whatever its base is.

    Attributes:
        watch: is told each report.
        began: seconds on the wall's and the processor's clock when it was opened.
    """

    run: Run
    folder: Path
    group: Group
    machine: Machine
    base: bases.Base
    tokenizer: Any
    watch: Sequence[Sink]
    began: Clock

    def rows(self, name: str, kind: type[Row]) -> list[Row]:
        """Read the rows of one of the run's files; none where none is named."""
        return read_rows(self.folder / name, kind) if name else []

    @property
    def data(self) -> Data:
        """The run's files."""
        return _data(self.run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench(Opened):
    """The same, of a base that chats.

    Attributes:
        reader: turns chats into tokens.
        packing: whether documents may share a row: not where the base looks back over a window of its own.
    """

    reader: ChatReader
    packing: bool

    def answers(self, model: Any) -> Answers:  # noqa: ANN401 - any causal model
        """Return the lesson of supervised tuning for a model."""
        return Answers(Reader(model, self.machine), most=self.run.hyper.micro_tokens, packed=self.packing)

    def general(self) -> list[Document]:
        """Read the general cases: chats, whatever the method learns from."""
        return self.chats(self.data.general)[0]

    def chats(self, name: str) -> tuple[list[Document], dict[str, int]]:
        """Read a file of chats, and count them; what the length has left nothing to learn of is dropped."""
        rows = self.rows(name, Chat)
        read = [document for each in self.reader.read(row.messages for row in rows) for document in each]
        kept = self.some([document for document in read if document.weight], rows, name)
        return kept, {"rows": len(rows), **counts(kept), "dropped": len(read) - len(kept)}

    @staticmethod
    def some(kept: list[Kept], rows: Sequence[Any], name: str) -> list[Kept]:
        """Return what was kept of a file's rows; raises InvalidRequest where the length has left nothing of any."""
        if rows and not kept:
            raise InvalidRequest(f"no row of {name} keeps an answer within the length; right would be a greater length")
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The model that is trained, and the numbers it is trained by."""

    model: Any
    masters: Masters
    numbers: Derived
    sizes: adapters.Sizes

    @property
    def flops_a_token(self) -> float:
        """FLOPs of training on a token: two a weight forward, two for the gradient of its input, two more where the
        weight itself is trained (Kaplan et al. 2020); attention over the context is left out, and weights that are
        looked up and not multiplied with.
        """
        return 4.0 * (self.sizes.parameters - self.sizes.looked_up) + 2.0 * self.sizes.trainable


def counts(documents: Sequence[Document]) -> dict[str, int]:
    """Count documents, their tokens, those learned, and how many were cut."""
    return {
        "documents": len(documents),
        "tokens": sum(len(document.tokens) for document in documents),
        "learned": sum(document.weight for document in documents),
        "longest": max((len(document.tokens) for document in documents), default=0),
        "cut": sum(document.cut for document in documents),
    }


def _data(run: Run) -> Data:
    if run.data is None:
        raise InvalidRequest(f"run.toml has no [data]; {run.method} learns from rows, right would be train = a file")
    return run.data


def open_run(run: Run, folder: Path, watch: Sequence[Sink] = ()) -> Opened:
    """Open what a run names, all but the weights; raises InvalidRequest where something is not fit to be used."""
    began = Clock.now()
    _data(run)
    group = join()
    machine = this_machine(run.hyper.precision, local=group.local)
    base = bases.open_base(run.base, folder, licence=run.licence)
    if run.start:
        adapters.check_adapter(folder / run.start)
    if run.gguf:
        from fourways.training.tuning import gguf_export

        gguf_export.check(base.folder)
    tokenizer = bases.load_tokenizer(base)
    return Opened(
        run=run, folder=folder, group=group, machine=machine, base=base, tokenizer=tokenizer, watch=watch, began=began
    )


def open_bench(run: Run, folder: Path, watch: Sequence[Sink] = ()) -> Bench:
    """Open what a run names of a base that chats; raises InvalidRequest where something is not fit to be used."""
    return bench_of(open_run(run, folder, watch))


def bench_of(opened: Opened) -> Bench:
    """Make ready to read chats; raises InvalidRequest where the base cannot chat."""
    run, base = opened.run, opened.base
    if base.reads:
        raise InvalidRequest(
            f"the base {base.name} is a reader: it quotes and cannot write, so {run.method} has nothing to teach it; "
            'right would be method = "sft", or a base that writes'
        )
    return Bench(
        run=run,
        folder=opened.folder,
        group=opened.group,
        machine=opened.machine,
        base=base,
        tokenizer=opened.tokenizer,
        reader=ChatReader(opened.tokenizer, length=length_for(run.hyper.length, base.window)),
        packing=run.hyper.packing and not base.config.get("sliding_window"),
        watch=opened.watch,
        began=opened.began,
    )


def make_model(bench: Bench, *, rows: int, read: Mapping[str, int]) -> Made:
    """Load the base's weights and make ready what of them is trained."""
    run = bench.run
    torch.manual_seed(run.seed)
    model = bases.load_model(bench.base, run.adapter.kind, bench.machine.dtype)
    parameters = adapters.sizes_of(model).parameters
    numbers = derive(
        run,
        Facts(
            parameters=parameters,
            rows=rows,
            longest=read["longest"],
            learned=read["learned"],
            window=bench.base.window,
            per_rank=adapters.per_rank(model, run.adapter.targets),
        ),
    )
    if run.adapter.kind != "full":
        start = bench.folder / run.start if run.start else None
        model = (
            adapters.resume_adapter(model, start) if start else adapters.adapt(model, run.adapter, rank=numbers.rank)
        )
    elif run.start:
        model = adapters.merged(model, bench.folder / run.start).requires_grad_(requires_grad=True)
    trainable = adapters.sizes_of(model).trainable
    model = model.to(bench.machine.device)
    kernels.use(model)
    return Made(
        model=model,
        masters=Masters(model, bench.machine.dtype),
        numbers=numbers,
        sizes=adapters.Sizes(parameters=parameters, trainable=trainable),
    )
