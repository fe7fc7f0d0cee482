"""Answers that are JSON."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evals.scorers.marks import mark, value

from fourways.core.errors import InvalidSuite
from fourways.evals.scorers.blocks import Block, fenced
from fourways.evals.scorers.structured import same

ORDER: dict[str, Any] = {
    "items": [{"name": "pen", "price": 2.0}, {"name": "ink/red", "price": 7}],
    "paid": True,
    "note": None,
}
SCHEMA = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/item"}}},
    "$defs": {"item": {"type": "object", "required": ["name"], "properties": {"price": {"type": "number"}}}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

PARSING = [
    # answer, value
    ('{"a": [1, 2.5, null]}', 1.0),
    ('  "text"\n', 1.0),
    ('```json\n{"a": 1}\n```', 1.0),
    ('Here it is:\n```\n{"a": 1}\n```\nGood?', 1.0),
    ('Here it is: {"a": 1}', 0.0),
    ('```json\n{"a": 1}\n```\nor\n```json\n{"a": 2}\n```', 0.0),
    ("{'a': 1}", 0.0),
    ('{"a": NaN}', 0.0),
    ('{"a": 1', 0.0),
    ("", 0.0),
    ("[" * 100_000, 0.0),
]


@pytest.mark.parametrize(("said", "wanted"), PARSING)
def test_an_answer_is_json_or_one_fenced_block_of_it(said, wanted):
    assert value("json", said) == wanted


def test_strictly_no_fence_may_be_around_it():
    assert value("json", '```json\n{"a": 1}\n```', strict=True) == 0.0
    assert value("json", '{"a": 1}', strict=True) == 1.0


@given(JSON)
def test_all_json_is_json_and_equals_itself(one):
    assert value("json", json.dumps(one)) == 1.0
    assert same(json.loads(json.dumps(one)), one)


def test_a_schema_is_held_and_what_does_not_fit_is_named():
    assert value("json_schema", json.dumps(ORDER), SCHEMA) == 1.0
    wrong = mark("json_schema", '{"items": [{"name": "pen", "price": "2"}]}', SCHEMA)
    assert (wrong.value, wrong.reason) == (0.0, "$.items[0].price: '2' is not of type 'number'")
    assert mark("json_schema", "none", SCHEMA).reason.startswith("it is no JSON: ")
    assert value("json_schema", "[]", False) == 0.0


def test_a_schemas_own_dialect_is_kept_to():
    # `prefixItems` came with 2020-12: an older dialect does not know it, and lets it pass
    schema = {"prefixItems": [{"type": "string"}]}
    assert value("json_schema", "[1]", schema) == 0.0
    assert value("json_schema", "[1]", {"$schema": "http://json-schema.org/draft-07/schema#", **schema}) == 1.0


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "needs a `value`: a JSON Schema"),
        ("a text", "needs a `value`: a JSON Schema"),
        ({"type": "objekt"}, "its value is no JSON Schema: 'objekt' is not valid"),
        ({"$ref": "https://example.com/schema.json"}, "its schema refers to what is not in it"),
        ({"$ref": "#/$defs/none"}, "its schema refers to what is not in it"),
        ({"pattern": "("}, "its value is no JSON Schema: '(' is not a 'regex'"),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "patternProperties": {"(": {}}},
            "its schema has a pattern that cannot be read",
        ),
    ],
)
def test_a_schema_that_is_none_is_the_suites_mistake_and_nothing_is_fetched(schema, message):
    with pytest.raises(InvalidSuite, match=re.escape(message)):
        mark("json_schema", '{"x": 1}', schema)


def test_a_schema_without_an_end_or_an_answer_without_one():
    assert mark("json_schema", "{}", {"$ref": "#"}).reason == "it is nested too deeply to be checked"
    deep = {"type": "array", "items": {"$ref": "#"}}
    assert value("json_schema", "[" * 900 + "]" * 900, deep) == 0.0
    assert value("json_schema", "[" * 9 + "]" * 9, deep) == 1.0


EQUAL = [
    # path, value, result
    ("", ORDER, 1.0),
    ("/items/0/price", 2, 1.0),
    ("/items/1", {"price": 7, "name": "ink/red"}, 1.0),  # the order of keys does not matter
    ("/items", list(reversed(ORDER["items"])), 0.0),  # that of lists does
    ("/paid", True, 1.0),
    ("/paid", 1, 0.0),  # true is no 1
    ("/items/2", 1, 0.0),
    ("/items/first", 1, 0.0),
    ("/items/-1", ORDER["items"][-1], 0.0),  # RFC 6901 counts from the front
    ("/paid/0", 1, 0.0),
]


@pytest.mark.parametrize(("path", "wanted", "result"), EQUAL)
def test_a_value_at_a_path(path, wanted, result):
    assert value("json_equals", json.dumps(ORDER), wanted, path=path) == result


def test_why_a_value_is_another():
    said = json.dumps(ORDER)
    assert mark("json_equals", said, 3, path="/items/0/price").reason == "it holds 2.0"
    assert mark("json_equals", said, 3, path="/items/0/colour").reason == "there is nothing at /items/0/colour"
    assert value("json_equals", '{"a/b": {"~": 1}}', 1, path="/a~1b/~0") == 1.0
    with pytest.raises(InvalidSuite, match="a JSON Pointer"):
        mark("json_equals", said, 3, path="items.0")


def test_the_expected_output_is_json_itself():
    assert value("json_equals", '{"a": 1}', expected='{"a": 1.0}') == 1.0
    assert value("json_equals", '{"a": 1}', expected=("[]", '{"a": 1}')) == 1.0
    assert value("json_equals", '{"a": 1}', expected="not json") is None


BLOCKS = [
    # Markdown, blocks
    ("no block", []),
    ("```python\nx = 1\n```", [Block("python", "x = 1\n")]),
    ("~~~ JS {a}\n1\n```\n~~~", [Block("js", "1\n```\n")]),
    ("````\n```\n1\n```\n````", [Block("", "```\n1\n```\n")]),
    ("a\n```\none\n```\nb\n```\ntwo", [Block("", "one\n"), Block("", "two\n")]),
    ("  ```\n    x\n  y\n  ```", [Block("", "  x\ny\n")]),
]


@pytest.mark.parametrize(("text", "blocks"), BLOCKS)
def test_fenced_blocks(text, blocks):
    assert fenced(text) == blocks
