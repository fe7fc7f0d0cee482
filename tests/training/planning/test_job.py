"""How many FLOPs a job takes."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.errors import InvalidRequest, NotFound
from fourways.training.planning.job import METHODS, Job, flops_of, tokens_of

JOBS = st.builds(
    Job,
    method=st.sampled_from(sorted(METHODS)),
    parameters=st.floats(1e6, 1e12),
    tokens=st.floats(1e3, 1e13),
    epochs=st.floats(0.1, 10),
    context=st.integers(1, 200_000),
    checkpointing=st.sampled_from([None, "none", "selective", "full"]),
    attention=st.booleans(),
    rank=st.integers(1, 256),
)


def flops(**job):
    made = Job(**job)
    return flops_of(made, tokens_of(made))


def test_all_weights_trained_take_6nd():
    assert flops(method="pretrain", parameters=65e9, tokens=1.4e12).low == pytest.approx(6 * 65e9 * 1.4e12)


def test_frozen_weights_take_4nd_and_6_for_each_of_the_adapters():
    job = Job(method="lora", parameters=8e9, tokens=20e6, rank=16, layers=32, hidden=4096)
    adapter = 18 * 16 * 4096 * 32
    assert flops_of(job, tokens_of(job)).low == pytest.approx((4 * 8e9 + 6 * adapter) * 20e6)
    assert adapter == pytest.approx(42e6, rel=0.15)  # Llama 3 8B, whose layers are less square, has 41.9 M at rank 16


def test_a_forward_pass_computed_again_is_2nd_more():
    again = flops(method="full", parameters=8e9, tokens=1e9, checkpointing="full", attention=False)
    once = flops(method="full", parameters=8e9, tokens=1e9, checkpointing="none", attention=False)
    assert (once.likely, again.likely) == pytest.approx((6 * 8e18, 8 * 8e18))
    assert once.exact


def test_attention_grows_with_the_context_and_the_weights_do_not():
    short, long = (flops(method="pretrain", parameters=8e9, tokens=1e9, context=size) for size in (2048, 4096))
    assert short.low == long.low
    assert long.likely - long.low == pytest.approx(2 * (short.likely - short.low))


def test_pretraining_without_tokens_follows_chinchilla_and_tuning_asks_for_them():
    tokens = tokens_of(Job(method="pretrain", parameters=70e9))
    assert (tokens.low, tokens.likely, tokens.high) == pytest.approx((1.4e12, 1.4e12, 2.87e12))
    assert "Hoffmann" in tokens.source
    with pytest.raises(InvalidRequest, match="tokens of your data"):
        Job(method="lora", parameters=8e9)


def test_epochs_repeat_the_tokens():
    assert tokens_of(Job(method="lora", parameters=8e9, tokens=20e6, epochs=3)).likely == pytest.approx(60e6)


@pytest.mark.parametrize("wrong", [{"parameters": 0}, {"tokens": -1}, {"epochs": float("nan")}, {"rank": 0},
                                   {"context": 0}, {"layers": 0}, {"parameters": float("inf")}])  # fmt: skip
def test_a_figure_out_of_its_bounds_is_named(wrong):
    with pytest.raises(InvalidRequest) as caught:
        Job(**{"method": "lora", "parameters": 8e9, "tokens": 1e6} | wrong)
    assert caught.value.param == next(iter(wrong))


@pytest.mark.parametrize("wrong", [{"method": "lara"}, {"checkpointing": "half"}])
def test_an_unknown_name_lists_the_known_ones(wrong):
    with pytest.raises(NotFound, match=r"did you mean 'lora'|full, none, selective"):
        Job(**{"method": "lora", "parameters": 8e9, "tokens": 1e6} | wrong)


@given(JOBS)
def test_the_likely_lies_between_and_more_tokens_take_more(job):
    once = flops_of(job, tokens_of(job))
    twice = dataclasses.replace(job, epochs=job.epochs * 2)
    assert once.low <= once.likely <= once.high
    assert flops_of(twice, tokens_of(twice)).likely == pytest.approx(2 * once.likely)


@pytest.mark.slow
def test_counted_by_torch_frozen_weights_take_two_thirds():
    """torch counts what it does: a stack of square layers, all trained, and frozen with adapters of rank 4."""
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    width, depth, tokens, rank = 256, 8, 64, 4
    weights = [torch.randn(width, width) for _ in range(depth)]
    adapters = [(torch.randn(width, rank), torch.randn(rank, width)) for _ in range(depth)]

    def counted(*, frozen):
        for weight in weights:
            weight.requires_grad_(not frozen)
        for pair in adapters:
            for matrix in pair:
                matrix.requires_grad_(frozen)
        x = torch.randn(tokens, width, requires_grad=True)
        with FlopCounterMode(display=False) as counter:
            y = x
            for weight, (down, up) in zip(weights, adapters, strict=True):
                y = y @ weight + ((y @ down) @ up if frozen else 0)
            y.sum().backward()
        return counter.get_total_flops()

    n, adapter = depth * width**2, depth * 2 * width * rank
    assert counted(frozen=False) == 6 * n * tokens
    assert counted(frozen=True) == (4 * n + 6 * adapter) * tokens
