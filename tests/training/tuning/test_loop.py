"""The loop's parts: order, schedule, reports, and curves in TensorBoard."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from tests.training.tuning.conftest import lines  # noqa: E402

from fourways.training.__main__ import main  # noqa: E402
from fourways.training.reports import Reports  # noqa: E402
from fourways.training.runs import Adapter  # noqa: E402
from fourways.training.tuning.defaults import Derived  # noqa: E402
from fourways.training.tuning.schedule import batch_at, rate_at  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


def test_each_pass_reads_every_row_once_in_an_order_of_its_own():
    read = [row for step in range(20) for row in batch_at(30, 6, 1, step)]
    passes = [read[start : start + 30] for start in range(0, 120, 30)]
    assert all(sorted(each) == list(range(30)) for each in passes)
    assert len({tuple(each) for each in passes}) == 4
    assert list(batch_at(30, 6, 1, 7)) == read[42:48]
    assert list(batch_at(30, 6, 2, 7)) != read[42:48]


@pytest.mark.parametrize(("schedule", "half"), [("cosine", 0.5), ("linear", 0.5), ("constant", 1.0)])
def test_rates_rise_and_fall(schedule, half):
    numbers = Derived(
        learning_rate=2.0, epochs=1, steps=110, batch=1, rank=0, alpha=0, length=1, warmup=10, validate_every=1,
        checkpoint_every=1, report_every=1,
    )  # fmt: skip
    assert rate_at(0, numbers, schedule) == pytest.approx(0.2)
    assert rate_at(10, numbers, schedule) == 2.0
    assert rate_at(60, numbers, schedule) == pytest.approx(2.0 * half)
    if schedule != "constant":
        assert 0 < rate_at(109, numbers, schedule) < 0.05


def test_reports_of_steps_that_are_done_again_are_dropped(tmp_path):
    path = tmp_path / "steps.jsonl"
    path.write_text('{"step": 0}\n{"step": 5}\n{"step": 10}\n{"step": 15}\n{"step": 2')
    told: list[int] = []
    reports = Reports(path, done=10, sinks=[lambda step, _: told.append(step)])
    assert not reports.empty
    reports.write({"step": 11, "loss": 1.0, "stage": "sft"})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0, 5, 10, 11]
    assert told == [11]
    assert Reports(path, done=0).empty
    Reports(path, done=0, writes=False).write({"step": 1})
    assert not path.read_text()


def test_curves_go_to_tensorboard(started):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = started(adapter=Adapter(kind="full"), hyper={"max_steps": 4}, report_to=("tensorboard",))
    assert main([str(folder)]) == 0
    read = event_accumulator.EventAccumulator(str(folder / "tensorboard"))
    read.Reload()
    shown = [(event.step, event.value) for event in read.Scalars("loss")]
    told = [(line["step"], line["loss"]) for line in lines(folder) if "loss" in line]
    assert [step for step, _ in shown] == [1, 2, 3, 4]
    assert [value for _, value in shown] == pytest.approx([value for _, value in told])
    assert read.Scalars("valid_loss")
