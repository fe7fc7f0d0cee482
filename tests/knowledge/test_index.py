"""The Lance table by itself: added, searched, changed, erased, with and without partitions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fourways.knowledge import index_writing
from fourways.knowledge.filters import visible
from fourways.knowledge.index import Held, Index
from fourways.knowledge.index_writing import ALIVE, Entry, WritableIndex

WORDS = ["apple", "river", "stone", "cloud", "ember", "flute", "grain", "hazel"]


def vector_of(seed: int, dimensions: int = 16) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal(dimensions).astype(np.float32)
    return made / np.linalg.norm(made)


def entries(document: str, count: int = 1, *, seed: int = 0, text: str = "", **fields) -> list[Entry]:
    given: dict[str, Any] = {"acl": frozenset(), "metadata": {}, "added_in": 1} | fields
    return [
        Entry(
            document=document,
            ordinal=n,
            text=text or WORDS[(seed + n) % 8],
            vector=vector_of(seed * 1000 + n),
            **given,
        )
        for n in range(count)
    ]


@pytest.fixture
def index(tmp_path: Path) -> WritableIndex:
    return WritableIndex(tmp_path / "index", "t")


SHOWN = visible(1, ())


def test_an_index_that_is_not_there_finds_nothing(index):
    assert index.held() == {}
    assert index.nearest(vector_of(0), SHOWN, 5) == []
    assert index.matching("apple", SHOWN, 5) == []
    index.erase(["d"])
    index.settle()


def test_a_table_killed_in_the_making_is_none_and_is_made_again(index):
    """Rows come first in Lance, the version that names them last."""
    torn = index.folder / "t.lance" / "data" / ".tmp"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"torn")
    assert not index.exists()
    assert index.held() == {}
    assert index.nearest(vector_of(0), SHOWN, 5) == []
    index.add(entries("d", 2))
    assert index.held()["d"].passages == 2
    assert not torn.exists()


def test_both_sides_find_their_best_and_cosines_are_exact(index):
    index.add(entries("d", 8))
    index.settle()
    best, *_ = index.nearest(vector_of(3), SHOWN, 3)
    assert (best.document, best.ordinal, round(best.score, 5)) == ("d", 3, 1.0)
    matched = index.matching("a stone in the cloud", SHOWN, 5)
    assert {one.ordinal for one in matched} == {2, 3}
    expected = [float(vector_of(3) @ vector_of(one.ordinal)) for one in matched]
    assert index.cosines(vector_of(3), matched) == pytest.approx(expected, abs=1e-6)


def test_rows_not_yet_settled_are_found_too(index):
    index.add(entries("old", 3))
    index.settle()
    index.add(entries("new", 1, seed=5, text="zebra"))
    assert [one.document for one in index.matching("zebra", SHOWN, 5)] == ["new"]
    assert index.nearest(vector_of(5000), SHOWN, 1)[0].document == "new"


def test_rows_are_shown_from_the_snapshot_that_added_them_to_the_one_that_removed_them(index):
    index.add([*entries("a", added_in=1, removed_in=3), *entries("b", added_in=2)])
    shown = [{one.document for one in index.nearest(vector_of(0), visible(number, ()), 9)} for number in range(4)]
    assert shown == [set(), {"a"}, {"a", "b"}, {"b"}]


def test_changed_rows_keep_their_place_in_both_sides(index):
    index.add([*entries("a", 3), *entries("b", 2, seed=1)])
    index.settle()
    index.change({"a": (2, frozenset({"hr"}))})
    assert index.held() == {"a": Held(3, 2, '\x1f"hr"\x1f'), "b": Held(2, ALIVE, "")}
    assert {one.document for one in index.matching("apple river stone", SHOWN, 9)} == {"b"}
    assert {one.document for one in index.matching("apple river stone", visible(1, {"hr"}), 9)} == {"a", "b"}
    assert index.nearest(vector_of(0), visible(2, {"hr"}), 9)[0].document == "b"


def test_a_row_that_moved_since_it_was_found_has_no_cosine_rather_than_a_wrong_one(index):
    index.add([*entries("a", 4), *entries("b", 4, seed=1)])
    index.settle()
    found = index.matching("apple river stone cloud ember", SHOWN, 9)
    index.erase(["a"])
    for one, cosine in zip(found, index.cosines(vector_of(0), found), strict=True):
        truth = float(vector_of(0) @ vector_of(1000 + one.ordinal))
        assert cosine is None or (one.document == "b" and cosine == pytest.approx(truth, abs=1e-6))


def test_erasing_a_document_that_fills_a_whole_file_leaves_the_others(index):
    index.add(entries("a", 4))
    index.add(entries("b", 4, seed=1))
    index.settle()
    index.erase(["a"])
    assert index.held().keys() == {"b"}
    index.erase(["b"])
    assert index.held() == {}
    assert index.nearest(vector_of(0), SHOWN, 5) == []
    index.add(entries("c", 2))
    index.settle()
    assert index.nearest(vector_of(0), SHOWN, 1)[0].document == "c"


@pytest.mark.parametrize(
    ("language", "text", "query"),
    [
        ("en", "the runner was running", "run"),
        ("de", "die Häuser der Stadt", "haus stadt"),
        ("es", "las canciones", "canción"),
        ("xx", "gobbledygook", "GOBBLEDYGOOK"),
        ("ja", "東京は日本の首都です", "首都"),
    ],
)
def test_words_are_cut_by_the_language_of_most_documents(index, language, text, query):
    index.add([*entries("a", text=text), *entries("b", seed=1, text="nothing alike")])
    index.settle(language)
    assert [one.document for one in index.matching(query, SHOWN, 5)] == ["a"]


def test_another_language_makes_full_text_anew(index):
    index.add(entries("a", text="die Häuser der Stadt"))
    index.settle("en")
    index.settle("de")
    assert index.matching("haus", SHOWN, 5)


@pytest.mark.parametrize("grown", [0, 400])
def test_partitions_find_nearly_all_true_neighbours_and_narrow_filters_find_all(index, monkeypatch, grown):
    monkeypatch.setattr(index_writing, "APPROXIMATE", 500)
    for start in range(0, 1000, 500):
        index.add([one for n in range(start, start + 500) for one in entries(f"d{n}", seed=n)])
    index.settle()
    index.add([one for n in range(1000, 1000 + grown) for one in entries(f"d{n}", seed=n)])
    index.settle()
    matrix = np.stack([vector_of(n * 1000) for n in range(1000 + grown)])
    recall = 0.0
    for seed in range(20):
        query = vector_of(-seed % 7919 + 10**6)
        truth = set(np.argsort(-(matrix @ query))[:10])
        recall += len(truth & {int(one.document[1:]) for one in index.nearest(query, SHOWN, 10)}) / 200
    assert recall > 0.95
    narrow = f"{SHOWN} AND document = 'd777'"
    assert [one.document for one in index.nearest(vector_of(1), narrow, 10)] == ["d777"]
    index.erase(["d5"])
    assert "d5" not in {one.document for one in index.nearest(vector_of(5000), SHOWN, 10)}
    assert len(index.held()) == 999 + grown


def test_fewer_rows_than_partitions_need_are_read_whole_again(index, monkeypatch):
    monkeypatch.setattr(index_writing, "APPROXIMATE", 300)
    index.add([one for n in range(400) for one in entries(f"d{n}", seed=n)])
    index.settle()
    index.erase([f"d{n}" for n in range(200)])
    assert index.nearest(vector_of(300_000), SHOWN, 1)[0].document == "d300"


def test_a_reader_goes_on_when_the_table_was_made_anew_behind_it(index):
    index.add(entries("a", 2))
    index.settle()
    reader = Index(index.folder, index.name)
    assert reader.nearest(vector_of(0), SHOWN, 1)[0].document == "a"
    index.drop()
    assert reader.nearest(vector_of(0), SHOWN, 1) == []
    index.add(entries("b", 2, seed=1))
    index.settle()
    assert reader.nearest(vector_of(0), SHOWN, 1)[0].document == "b"
