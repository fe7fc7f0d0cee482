"""Rows are named by what they teach, and parted by group and seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.training.data.judged import Judged, rows_judged
from fourways.training.data.parting import group_of, part
from fourways.training.data.rows import Row, Source, asked_alone, asked_and_answered, digest_of, reading

HERE = Source(kind="file", name="a.jsonl", line=1)


def row(number: int, group: str = "", source: Source = HERE) -> Row:
    messages = asked_and_answered(f"What is {number}?", f"It is {number}.")
    return Row(source=source, messages=messages, group=group)


def test_a_rows_digest_is_that_of_what_it_teaches():
    assert row(1).digest == row(1, group="x", source=Source(kind="trace", name="t")).digest
    assert row(1).digest != row(2).digest
    assert digest_of([row(1), row(2)]) != digest_of([row(2), row(1)])
    assert digest_of([row(1)], [row(2)]) != digest_of([row(1), row(2)])


def test_a_question_is_found_behind_its_passage():
    assert asked_alone(reading("Some passage.\n\nQuestion: no", "Which?")) == "Which?"
    assert asked_alone("Which?") == "Which?"


@given(
    groups=st.lists(st.integers(0, 9), min_size=2, max_size=60),
    valid=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_no_group_is_on_both_sides_and_no_row_is_lost(groups, valid, seed):
    rows = [row(number, f"g{group}") for number, group in enumerate(groups)]
    parted = part(rows, valid=valid, seed=seed)
    assert not {one.group for one in parted.train} & {one.group for one in parted.valid}
    assert sorted(one.question for one in (*parted.train, *parted.valid)) == sorted(one.question for one in rows)
    assert parted.train
    if valid == 0 or len(set(groups)) == 1:
        assert parted.valid == ()
    elif valid >= 0.01:
        assert parted.valid
    assert part(rows, valid=valid, seed=seed) == parted


def test_the_watched_share_is_about_what_was_asked_for():
    rows = [row(number) for number in range(1000)]
    assert len(part(rows, valid=0.1, seed=1).valid) == 100
    assert part(rows, valid=0.1, seed=1).valid != part(rows, valid=0.1, seed=2).valid


def test_rows_of_a_document_and_rows_that_ask_the_same_are_one_group():
    paper = Source(kind="document", name="a.md", knowledge="k")
    assert group_of(row(1, source=paper)) == group_of(row(2, source=paper))
    same = [Row(source=HERE, messages=asked_and_answered(text, "It.")) for text in ("Which port?", "which  port")]
    assert group_of(same[0]) == group_of(same[1]) != group_of(row(1))


SAID = [
    Judged(trace="t1", question="What is Ferry?", answer="A boat.", good=-1, corrections=("A VPN.",)),
    Judged(trace="t2", question="what is ferry", answer="The VPN [1][2].", good=1),
    Judged(trace="t3", question="Who?", answer="Ines.", good=-1),
    Judged(trace="t4", question="Who?", answer="Dov.", good=2),
    Judged(trace="t5", question="When?", answer="At nine.", good=0),
    Judged(trace="t6", question=" ", answer="Nothing was asked.", good=1),
]


@pytest.mark.parametrize(
    ("kind", "taught"),
    [
        ("sft", [("t1", "A VPN.", None), ("t4", "Dov.", None)]),
        ("dpo", [("t1", "A VPN.", "A boat."), ("t3", "Dov.", "Ines.")]),
        ("kto", [("t1", "A VPN.", True), ("t1", "A boat.", False), ("t2", "The VPN.", True), ("t3", "Ines.", False),
                 ("t4", "Dov.", True)]),
    ],
)  # fmt: skip
def test_what_people_said_teaches_each_kind_of_row(kind, taught):
    rows = rows_judged(SAID, kind)
    assert {one.kind for one in rows} == {kind}
    other = {"sft": lambda _: None, "dpo": lambda one: one.rejected, "kto": lambda one: one.label}[kind]
    assert [(one.source.name, one.answer, other(one)) for one in rows] == taught
