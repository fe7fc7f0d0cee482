"""Two processes over gloo learn what one does, from the same batches."""

import json
import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from tests.training.tuning.conftest import chats, lines, write_rows  # noqa: E402

from fourways.training.__main__ import main  # noqa: E402
from fourways.training.runs import Adapter  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning"), pytest.mark.slow]


def test_two_processes_walk_the_curve_of_one(started):
    one, two = (
        started(name, method="kto", adapter=Adapter(kind="full"), hyper={"batch": 15, "max_steps": 5})
        for name in ("one", "two")
    )
    for folder in (one, two):
        for name in ("train", "valid"):
            rows = [
                {"messages": asked[:1], "completion": asked[1]["content"], "label": at % 3 > 0}
                for at, asked in enumerate(chats(40))
            ]
            write_rows(folder / f"{name}.jsonl", rows)
    assert main([str(one)]) == 0
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*launch, "-m", "fourways.training", str(two)], env=os.environ, check=True)
    walks = [[line for line in lines(folder) if "loss" in line] for folder in (one, two)]
    assert [line["step"] for line in walks[1]] == [1, 2, 3, 4, 5]
    for alone, together in zip(*walks, strict=True):
        assert together["loss"] == pytest.approx(alone["loss"], rel=1e-5)
        assert together["tokens"] == alone["tokens"]
        assert together.get("valid_loss") == pytest.approx(alone.get("valid_loss"), rel=1e-5)
    assert json.loads((two / "result.json").read_text())["processes"] == 2
