"""A model's card says where it comes from, what it took, what was measured, and what cannot be erased from it."""

import pytest

from fourways.training.card import make_card, to_markdown

RUN = {"method": "sft", "adapter": {"kind": "lora"}, "quantize": "none", "licence": ""}
RESULT = {
    "kind": "adapter",
    "base": {"name": "small", "digest": "ab12", "licence": "apache-2.0"},
    "cpu_seconds": 7200.0,
    "seconds": 3600.0,
    "flops": 1e15,
    "parameters": 6_000_000,
    "trainable": 100_000,
    "derived": {"learning_rate": 2e-4, "batch": 16},
    "loss": {"first": 2.0, "last": 1.0, "valid_first": 2.1, "valid_best": 1.2},
    "general": {"before": 3.0, "after": 3.5},
    "data": {"rows": 500, "cut": 3},
}
DATASET = {"name": "tickets", "digest": "cd34", "licence": "internal", "sources": ["a.csv", "b|c.csv"]}


def test_a_card_holds_all_that_must_be_known():
    card = make_card(RUN, RESULT, DATASET, watts=20)
    assert card["licence"] == "apache-2.0"
    assert card["data"] == {"rows": 500, "cut": 3, **DATASET}
    assert card["compute"]["kwh"] == pytest.approx(2 * 20 / 1000)
    assert "20 W a busy core" in card["compute"]["assumed"]
    assert card["metrics"]["loss"]["valid_best"] == 1.2
    assert "cannot be taken out of the weights" in card["erasure"]
    assert any("rose from 3.000 to 3.500" in limit for limit in card["limits"])
    assert any("3 rows were longer" in limit for limit in card["limits"])


def test_what_was_not_measured_is_said():
    card = make_card(RUN | {"quantize": "int8"}, {"kind": "model", "loss": {}, "cpu_seconds": 1.0}, {})
    said = " ".join(card["limits"])
    for part in ("No validation rows", "No general cases", "rounded to int8"):
        assert part in said
    assert "not stated" in to_markdown(card)


def test_a_run_that_learned_nothing_says_so():
    loss = {"valid_first": 1.0, "valid_best": 1.0}
    card = make_card(RUN, RESULT | {"loss": loss}, {})
    assert any("never fell" in limit for limit in card["limits"])


def test_a_card_for_people_has_the_front_matter_of_hubs():
    text = to_markdown(make_card(RUN, RESULT, DATASET))
    assert text.startswith(
        "---\nlicense: apache-2.0\nbase_model: small\nlibrary_name: peft\n---\n\n# sft (lora) of small\n"
    )
    assert "| learning rate | 0.0002 |" in text
    assert "| sources | a.csv, b\\|c.csv |" in text
    assert "| loss valid best | 1.2 |" in text
    for heading in ("Base and licence", "Data", "How it was trained", "What it took", "Measured", "Limits", "Erasure"):
        assert f"\n## {heading}\n" in text
