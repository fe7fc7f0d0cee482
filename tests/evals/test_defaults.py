"""What is scored where nothing is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.evals.cases import Case
from fourways.evals.defaults import RULES, defaults_for

WANTED = [
    # what the case has → what is scored, and from which value on it passes
    ({}, []),
    ({"expected": ("14 days",)}, [("contains", 1.0), ("token_f1", 0.0)]),
    ({"metadata": {"answerable": False}}, [("abstention", 1.0)]),
    (
        {"metadata": {"answerable": False, "document": "docs/a.md"}, "expected": ("I do not know",)},
        [("abstention", 1.0)],
    ),
    (
        {"metadata": {"answerable": True}, "expected": ("x",)},
        [("contains", 1.0), ("token_f1", 0.0), ("abstention", 1.0)],
    ),
    (
        {"metadata": {"documents": ["docs/*.md"]}},
        [("hit", 0.0), ("citation_correctness", 0.0), ("groundedness", 0.0)],
    ),
    (
        {"metadata": {"document": "a.md", "answerable": True}, "expected": ("x",)},
        [
            ("contains", 1.0),
            ("token_f1", 0.0),
            ("abstention", 1.0),
            ("hit", 0.0),
            ("citation_correctness", 0.0),
            ("groundedness", 0.0),
        ],
    ),
]


def case(**fields):
    return Case(id="one", messages=({"role": "user", "content": "q"},), **fields)


@pytest.mark.parametrize(("fields", "wanted"), WANTED)
def test_what_fits_the_case_is_scored(fields, wanted):
    assert [(one.type, one.threshold) for one in defaults_for(case(**fields))] == wanted


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "expected": st.just(("x",)),
            "metadata": st.fixed_dictionaries({}, optional={"answerable": st.booleans(), "document": st.just("a.md")}),
        },
    )
)
def test_nothing_is_scored_twice(fields):
    types = [one.type for one in defaults_for(case(**fields))]
    assert len(types) == len(set(types))


def test_every_rule_says_why():
    assert all(rule.why for rule in RULES)
