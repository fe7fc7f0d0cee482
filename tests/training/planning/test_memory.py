"""What stands in a GPU's memory, against what others measured."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.training.planning.figures import Figure
from fourways.training.planning.hardware import HARDWARE
from fourways.training.planning.job import METHODS, Job
from fourways.training.planning.memory import least_gpus, memory
from fourways.training.planning.plan import plan

A100 = HARDWARE["a100-80gb"]
LENGTHS = (256, 512, 1024, 2048, 4096, 8192)
QWEN = {"1.8B": (1.84e9, 24, 2048), "7B": (7.72e9, 32, 4096), "14B": (14.17e9, 40, 5120), "72B": (72.3e9, 80, 8192)}
"""Parameters, layers, width."""
MEASURED = [
    # QwenLM/Qwen, README, "Profiling of Memory and Speed": GB and seconds an iteration of 8 sequences, by their length.
    ("lora", "1.8B", (6.7, 7.4, 8.4, 11.0, 16.2, 21.8), (1.0, 1.0, 1.1, 1.7, 3.3, 6.8)),
    ("lora", "7B", (20.1, 20.4, 21.5, 23.8, 29.7, 36.6), (1.2, 1.5, 2.8, 5.2, 10.1, 21.3)),
    ("lora", "14B", (34.6, 35.1, 35.3, 37.4, 42.5, 55.2), (1.6, 2.4, 4.4, 8.4, 17.0, 36.0)),
    ("qlora", "1.8B", (5.8, 6.0, 6.6, 7.8, 10.2, 15.8), (1.4, 1.4, 1.4, 2.0, 3.4, 6.5)),
    ("qlora", "7B", (11.5, 11.5, 12.3, 13.9, 16.9, 23.5), (3.0, 3.0, 3.5, 7.0, 11.6, 22.3)),
    ("qlora", "14B", (18.7, 18.4, 18.9, 19.9, 23.0, 27.9), (5.3, 6.3, 8.2, 11.8, 20.1, 38.3)),
    ("qlora", "72B", (61.4, 61.4, 62.9, 64.1, 68.0, 75.6), (27.4, 31.5, 41.4, 59.5, 97.7, 179.8)),
]
ROWS = [
    pytest.param(method, size, length, gigabytes, seconds, id=f"{method}-{size}-{length}")
    for method, size, all_gigabytes, all_seconds in MEASURED
    for length, gigabytes, seconds in zip(LENGTHS, all_gigabytes, all_seconds, strict=True)
]
JOBS = st.builds(
    Job,
    method=st.sampled_from(sorted(METHODS)),
    parameters=st.floats(1e7, 1e12),
    tokens=st.just(1e6),
    context=st.integers(1, 8192),
    checkpointing=st.sampled_from([None, "none", "selective", "full"]),
)


def qwen(method, size, length):
    parameters, layers, hidden = QWEN[size]
    return Job(
        method=method, parameters=parameters, tokens=8 * length, context=length, rank=64, layers=layers, hidden=hidden,
        vocabulary=151_936,
    )  # fmt: skip


@pytest.mark.parametrize(("method", "size", "length", "gigabytes", "seconds"), ROWS)
def test_the_ranges_hold_what_was_measured_on_an_a100(method, size, length, gigabytes, seconds):
    made = plan(qwen(method, size, length), A100, gpus=1)
    assert made.memory.total.low <= gigabytes <= made.memory.total.high
    if length >= 512:  # of shorter ones, the published time is mostly overhead, and the figure says so
        hours = made.bill.gpu_hours
        assert hours.low <= seconds / 3600 <= hours.high


@pytest.mark.parametrize(
    ("method", "size", "gpus", "all_gigabytes"),
    [("full", "7B", 2, (139.2, 148.0, 162.0)), ("lora", "72B", 4, (215.4, 217.7, 222.6, 228.8, 249.0, 289.2))],
)
def test_sharded_over_several_the_same(method, size, gpus, all_gigabytes):
    for length, gigabytes in zip(LENGTHS, all_gigabytes, strict=False):
        total = plan(qwen(method, size, length), A100, gpus=gpus).memory.total
        assert total.low <= gigabytes / gpus <= total.high


def test_training_every_weight_with_adam_takes_16_bytes_each():
    held = Job(method="full", parameters=8e9, tokens=1).load.held
    assert held.weights + held.trained == pytest.approx(16 * 8e9)
    assert memory(Job(method="full", parameters=8e9, tokens=1).load, 1).total.low > 128


def test_four_bits_hold_what_sixteen_do_not():
    kept = {
        method: plan(Job(method=method, parameters=70e9, tokens=1e6), HARDWARE["h100-80gb"], gpus=1)
        for method in ("full", "lora", "qlora")
    }
    assert [made.fits for made in kept.values()] == ["no", "no", "yes"]
    assert [made.least for made in kept.values()] == [17, 3, 1]


@pytest.mark.parametrize(("more", "less"), [("none", "selective"), ("selective", "full")])
def test_checkpointing_trades_memory_for_flops(more, less):
    job = Job(method="full", parameters=8e9, tokens=1e6, checkpointing=more)
    kept, again = plan(job, A100), plan(dataclasses.replace(job, checkpointing=less), A100)
    assert kept.memory.activations.likely > again.memory.activations.likely
    assert kept.flops.likely < again.flops.likely


def test_a_context_that_alone_is_too_long_is_helped_by_no_number_of_gpus():
    made = plan(Job(method="lora", parameters=8e9, tokens=1e6, context=200_000), HARDWARE["l4"])
    assert (made.least, made.fits, made.bill.gpus) == (None, "no", 1)


@given(JOBS, st.sampled_from(sorted(HARDWARE)))
def test_the_least_is_the_least(job, name):
    room = HARDWARE[name].memory
    least = least_gpus(job.load, room)
    if least is None:
        assert memory(job.load, 10**9).total.likely > room * (1 - 1e-9)
        return
    assert memory(job.load, least).total.likely <= room * (1 + 1e-9)
    if least > 1:
        assert memory(job.load, least - 1).total.likely > room * (1 - 1e-9)


@given(JOBS, st.integers(2, 4096))
def test_more_gpus_hold_less_each(job, gpus):
    few, many = memory(job.load, gpus).total, memory(job.load, gpus + 1).total
    assert many.likely < few.likely
    assert isinstance(few, Figure)
    assert few.low <= few.likely <= few.high
