"""Filters mean in Lance's SQL what they mean on plain values; nothing a caller writes becomes syntax."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fourways.core.errors import InvalidRequest
from fourways.knowledge.filters import compile_filter, token, visible
from fourways.knowledge.index import Index
from fourways.knowledge.index_writing import Entry, WritableIndex

NASTY = ["a", "it's", "'; DROP TABLE x --", "\\", "%", "_", "\x1f", '"', "a\nb", "", "日本", "a' OR '1'='1"]
DOCUMENTS: list[dict[str, Any]] = [
    {},
    {"year": 2024, "team": "it's", "tags": ["a", "b"], "open": True},
    {"year": 2020.5, "team": "hr", "tags": [], "date": "2024-05-01"},
    {"year": "2024", "team": None, "a' OR '1'='1": 1, "open": False},
    {"date": "2023-01-01", "year": -3, "\x1f": "\x1f", "tags": "a"},
    *({"team": text, text: 1} for text in NASTY),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> WritableIndex:
    made = WritableIndex(tmp_path_factory.mktemp("index"), "t")
    vector = np.array([1.0, 0.0], np.float32)
    made.add(
        [
            Entry(document=f"d{n}", ordinal=0, text="word", vector=vector, acl=frozenset(), metadata=data, added_in=1)
            for n, data in enumerate(DOCUMENTS)
        ]
    )
    return made


def matching(index: Index, filters: Any) -> set[int]:
    where = f"{visible(1, ())} AND {compile_filter(filters)}"
    found = index.nearest(np.array([1.0, 0.0], np.float32), where, 100)
    return {int(one.document[1:]) for one in found}


def holds(data: dict[str, Any], node: dict[str, Any]) -> Any:
    """Say what a filter means, in Python."""
    kind = node["type"]
    if kind in {"and", "or"}:
        return (all if kind == "and" else any)(holds(data, each) for each in node["filters"])
    key, wanted = node["key"], node["value"]
    has = data.get(key, ...)
    elements = [] if has is ... else [token(each) for each in (has if isinstance(has, list) else [has])]
    if kind in {"eq", "ne"}:
        return (token(wanted) in elements) == (kind == "eq")
    if kind in {"in", "nin"}:
        return any(token(each) in elements for each in wanted) == (kind == "in")
    if isinstance(has, bool) or not isinstance(has, str if isinstance(wanted, str) else (int, float)):
        return False
    return {"gt": has > wanted, "gte": has >= wanted, "lt": has < wanted, "lte": has <= wanted}[kind]


KEYS = st.sampled_from(["year", "team", "tags", "open", "date", *NASTY])
SIZED = st.one_of(st.sampled_from([2024, 2020.5, -3, 0, "2024", "2024-05-01"]), st.sampled_from(NASTY))
VALUES = st.one_of(SIZED, st.booleans(), st.none())
LEAVES = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["eq", "ne"]), "key": KEYS, "value": VALUES}),
    st.fixed_dictionaries({"type": st.sampled_from(["gt", "gte", "lt", "lte"]), "key": KEYS, "value": SIZED}),
    st.fixed_dictionaries({"type": st.sampled_from(["in", "nin"]), "key": KEYS, "value": st.lists(VALUES, max_size=4)}),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(["and", "or"]), "filters": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=5,
)


@given(FILTERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_filter_finds_exactly_the_documents_that_fulfil_it(index, filters):
    assert matching(index, filters) == {n for n, data in enumerate(DOCUMENTS) if holds(data, filters)}


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ([], "a filter is an object"),
        ({"key": "a", "value": 1}, "type is one of"),
        ({"type": ["eq"], "key": "a", "value": 1}, "type is one of"),
        ({"type": "eq", "key": 3, "value": 1}, "has a key"),
        ({"type": "eq", "key": "a"}, "has a key"),
        ({"type": "in", "key": "a", "value": "abc"}, "take a list"),
        ({"type": "gt", "key": "a", "value": True}, "compare a number or a text"),
        ({"type": "gt", "key": "a", "value": float("nan")}, "compare a number or a text"),
        ({"type": "or", "filters": {}}, "has from 1 to"),
    ],
)
def test_what_is_no_filter_is_refused(filters, reason):
    with pytest.raises(InvalidRequest, match=reason) as caught:
        compile_filter(filters)
    assert caught.value.param == "filters"


def test_deep_filters_are_refused_before_they_cost_anything():
    node: dict[str, Any] = {"type": "eq", "key": "a", "value": 1}
    for _ in range(2000):
        node = {"type": "and", "filters": [node]}
    with pytest.raises(InvalidRequest, match="deep"):
        compile_filter(node)


@pytest.mark.parametrize("label", NASTY)
def test_a_label_opens_only_what_carries_exactly_that_label(tmp_path, label):
    index = WritableIndex(tmp_path, "t")
    vector = np.array([1.0], np.float32)
    for number, acl in enumerate([set(), {label}, {"other"}, {f"{label}x"}, {"other", label}]):
        entry = Entry(
            document=str(number), ordinal=0, text="", vector=vector, acl=frozenset(acl), metadata={}, added_in=1
        )
        index.add([entry])
    found = {one.document for one in index.nearest(vector, visible(1, {label}), 10)}
    assert found == {"0", "1", "4"}
