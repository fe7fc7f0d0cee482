"""From candidates to hits: which passages are handed on, and with what around them."""

from fourways.core.data import Passage
from fourways.knowledge.search import _runs, _shared

PAGE = {
    ("v", n): Passage(id=str(n), knowledge="k", document="d", title="", text="", start=n, end=n + 1, ordinal=n)
    for n in range(6)
}


def runs(hits: list[int], reach: int) -> dict[int, list[int]]:
    return {key[1]: list(run) for key, run in _runs([("v", n) for n in hits], PAGE, reach).items()}


def test_a_hit_has_its_neighbours_as_far_as_there_are_any():
    assert runs([2], 0) == {2: [2]}
    assert runs([2], 1) == {2: [1, 2, 3]}
    assert runs([0], 2) == {0: [0, 1, 2]}
    assert runs([5], 2) == {5: [3, 4, 5]}


def test_no_passage_is_handed_on_twice_and_the_better_hit_goes_first():
    assert runs([2, 3], 1) == {2: [1, 2, 3]}, "a hit inside a better one's run is part of it"
    assert runs([2, 4], 1) == {2: [1, 2, 3], 4: [4, 5]}
    assert runs([0, 3], 2) == {0: [0, 1, 2], 3: [3, 4, 5]}


def test_passages_that_may_not_be_read_end_a_run():
    readable = {key: one for key, one in PAGE.items() if key[1] != 3}
    assert [list(run) for run in _runs([("v", 2)], readable, 3).values()] == [[0, 1, 2]]


def test_headings_of_a_run_are_what_its_passages_share():
    assert _shared([("A", "B", "C"), ("A", "B"), ("A", "B", "D")]) == ("A", "B")
    assert _shared([("A",), ("B",)]) == ()
    assert _shared([("A",)]) == ("A",)
