"""Lifecycles, errors, names: the rules that everything above leans on."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core import errors
from fourways.core.errors import IllegalTransition, NotFound
from fourways.core.ids import canonical, digest, new_id
from fourways.core.lifecycle import LIFECYCLES, diagram, move
from fourways.core.specs import Candidate
from fourways.core.trace import Trace, Usage

ERRORS = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.FourwaysError)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_is_drawn_in_the_tree(error: type) -> None:
    assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", LIFECYCLES)
def test_every_state_that_can_be_reached_has_its_row(kind: str) -> None:
    table = LIFECYCLES[kind]
    reached = {target for moves in table.values() for target in moves.values()}
    assert reached <= set(table)
    assert diagram(kind).count("-->") == 1 + sum(len(moves) for moves in table.values())


def test_an_illegal_move_says_which_are_legal() -> None:
    assert move("job", "queued", "claim") == "running"
    with pytest.raises(IllegalTransition, match="a job that is done cannot claim; legal from done: nothing"):
        move("job", "done", "claim")


def test_an_unknown_name_is_answered_with_the_likely_one() -> None:
    assert "did you mean 'handbook'?" in str(NotFound.named("knowledge", "handbok", ["handbook", "faq"]))
    assert "there is: a, b" in str(NotFound.named("app", "zzz", ["b", "a"]))


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_equal_values_have_equal_digests(value: dict[str, object]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))
    assert canonical(value)


def test_a_candidate_is_named_by_its_parts() -> None:
    one = Candidate(app="a", way="rag", parts={"k": 1, "l": [1]})
    assert one.digest == Candidate(app="b", way="rag", parts={"l": [1], "k": 1}).digest
    assert one.digest != Candidate(app="a", way="prompt", parts=one.parts).digest
    assert one.digest.startswith(one.id)


def test_ids_say_what_they_name() -> None:
    assert new_id("key", random=lambda n: b"\x01" * n) == "key_" + "01" * 12


def test_a_trace_times_its_spans_and_nests_them() -> None:
    ticks = iter(range(100))
    trace = Trace(clock=lambda: float(next(ticks)), now=lambda: 1e9)
    with trace.span("retrieve") as outer, trace.span("embed"):
        outer.set(hits=5)
    with pytest.raises(ValueError, match="no"), trace.span("model"):
        raise ValueError("no")
    trace.end()
    trace.end(RuntimeError("too late to matter"))
    names = [(span.name, span.parent, span.error) for span in trace.spans]
    assert names == [("retrieve", None, None), ("embed", 0, None), ("model", None, "ValueError: no")]
    assert all(span.end is not None and span.end > span.start for span in trace.spans)
    assert (trace.status, trace.error) == ("ok", None)


def test_usage_adds_up_and_an_unknown_cost_stays_unknown() -> None:
    assert (Usage(input_tokens=1) + Usage(output_tokens=2)) == Usage(input_tokens=1, output_tokens=2)
    assert (Usage(cost_usd=0.5) + Usage()).cost_usd == 0.5
