"""Invented tables and lists: every cell asked for stands where row and column say, and what is unsaid does not."""

import random

import pytest

from fourways.training.reader.inventing import Inventor
from fourways.training.reader.tables import write_list, write_table


@pytest.mark.parametrize("seed", range(40))
def test_a_cell_is_asked_for_by_its_row_and_column(seed):
    document = write_table(Inventor(random.Random(seed)), 4, questions=8)
    lines = [line for line in document.passage.splitlines() if line.startswith("| ")]
    head, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(rows) == 4
    for one in document.asked:
        if one.answer is None:
            continue
        row = next(row for row in rows if one.answer in row)
        at = row.index(one.answer)
        named = head[at].lower() if at else row[0]
        assert named in one.question or at == 0


@pytest.mark.parametrize("seed", range(40))
def test_an_item_of_a_list_is_asked_for_by_its_name(seed):
    document = write_list(Inventor(random.Random(seed)), 5, questions=8)
    for one in document.asked:
        said = one.answer is not None
        lines = [line for line in document.passage.splitlines() if said and line.endswith(f" {one.answer}")]
        assert bool(lines) == said


def test_some_questions_have_no_answer():
    documents = [write_table(Inventor(random.Random(seed)), 3, questions=8, unsaid=0.5) for seed in range(50)]
    asked = [one for document in documents for one in document.asked]
    assert 0.35 < sum(one.answer is None for one in asked) / len(asked) < 0.65
