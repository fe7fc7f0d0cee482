"""Supervised tuning: a base learns to say what the assistant says in chats, or, where it only reads, to quote it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fourways.training.reports import Sink
from fourways.training.runs import Run
from fourways.training.tuning import spans
from fourways.training.tuning.bench import bench_of, make_model, open_run
from fourways.training.tuning.teach import teach


def train(run: Run, folder: Path, watch: Sequence[Sink] = ()) -> Mapping[str, Any]:
    """Tune a base on answers.

    Raises:
        InvalidRequest: the base, its template or the rows are not fit to be used.
    """
    opened = open_run(run, folder, watch)
    if opened.base.reads:
        return spans.tune(opened)
    bench = bench_of(opened)
    rows, read = bench.chats(bench.data.train)
    valid, _ = bench.chats(bench.data.valid)
    made = make_model(bench, rows=len(rows), read=read)
    return teach(bench, made, bench.answers, train=rows, valid=valid, more={"data": read}, shown=(valid or rows)[0])
