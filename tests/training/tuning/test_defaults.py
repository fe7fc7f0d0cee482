"""What a run leaves open is filled in by the table: published settings come out at the sizes they are for."""

import pytest

from fourways.training.runs import Adapter, AdapterKind, Hyper, Method, Run
from fourways.training.tuning.defaults import Facts, batch_for, derive, rank_for, rate_for

PUBLISHED = [
    # method, adapters, parameters, published rate, off by a factor of at most, source
    ("sft", False, 7e9, 2e-5, 1.01),  # Alpaca, Llama 2 chat
    ("sft", False, 65e9, 1e-5, 1.3),  # LIMA
    ("sft", False, 117e6, 6.25e-5, 1.8),  # GPT
    ("sft", True, 7e9, 2e-4, 1.01),  # QLoRA
    ("sft", True, 65e9, 1e-4, 1.3),  # QLoRA
    ("dpo", False, 7e9, 5e-7, 1.01),  # Zephyr
    ("kto", False, 7e9, 1e-6, 1.01),  # trl
]


@pytest.mark.parametrize(("method", "adapters", "parameters", "published", "off"), PUBLISHED)
def test_rates_are_near_those_published(method, adapters, parameters, published, off):
    rate = rate_for(method, int(parameters), adapters=adapters)
    assert published / off <= rate <= published * off


@pytest.mark.parametrize(("rows", "batch"), [(1, 4), (200, 8), (500, 16), (1000, 32), (52_000, 128)])
def test_a_batch_is_a_32nd_of_the_rows(rows, batch):
    assert batch_for(rows) == batch


@pytest.mark.parametrize(("learned", "rank"), [(100, 8), (1_000_000, 16), (10_000_000, 128), (10**9, 128)])
def test_a_rank_holds_what_the_rows_bring(learned, rank):
    assert rank_for(learned, 40_000) == rank


def derived(hyper=None, *, kind: AdapterKind = "lora", method: Method = "sft"):
    facts = Facts(parameters=6_000_000, rows=500, longest=300, learned=9000, window=1024, per_rank=40_000)
    return derive(Run(method=method, adapter=Adapter(kind=kind), hyper=hyper or Hyper()), facts)


def test_what_is_given_is_kept():
    given = Hyper(learning_rate=1.0, epochs=2.0, batch=7, length=99, validate_every=3, checkpoint_every=5)
    got = derived(given)
    assert (got.learning_rate, got.epochs, got.batch, got.length) == (1.0, 2.0, 7, 99)
    assert (got.steps, got.validate_every, got.checkpoint_every) == (143, 3, 5)


def test_what_is_not_given_follows_from_the_facts():
    got = derived()
    assert (got.epochs, got.batch, got.steps, got.rank) == (3.0, 16, 94, 8)
    assert (got.warmup, got.validate_every) == (5, 10)
    assert derived(kind="full").rank == 0
    assert derived(kind="full").learning_rate < derived().learning_rate


def test_a_run_can_be_ended_before_its_rows_are():
    got = derived(Hyper(max_steps=10))
    assert got.steps == 10
    assert got.epochs == pytest.approx(10 * 16 / 500)
