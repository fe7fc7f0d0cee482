"""Which Answerer a `model` name means."""

import pytest

from fourways.core.chat import Chunk, Principal, collect
from fourways.core.errors import InvalidRequest, NotAllowed, UnknownModel
from fourways.core.trace import Trace
from fourways.gateway.routes import Route, Routes, Switch, app_routes, routed


def says(text):
    async def answer(request, trace, /):
        yield Chunk(text=text)

    return answer


def route(app, way, candidate):
    return Route(app=app, way=way, candidate=candidate, answerer=says(candidate))


HELP = app_routes(
    [route("help", "prompt", "aa11"), route("help", "rag", "bb11"), route("help", "rag", "bb22")], default="rag"
)
HR = app_routes([route("hr", "rag", "cc11")], default="rag")
ROUTES = Routes(apps={"help": HELP, "hr": HR}, models=["fast"], open_model=says)
ANYBODY = Principal()
HELPER = Principal(apps=frozenset({"help"}))


@pytest.mark.parametrize(
    ("model", "candidate"),
    [
        ("help", "bb22"),
        ("help:rag", "bb22"),
        ("help:prompt", "aa11"),
        ("help@bb11", "bb11"),
        ("help@aa", "aa11"),
        ("hr", "cc11"),
    ],
)
def test_a_name_means_one_candidate(model, candidate):
    assert ROUTES.pick(model, ANYBODY).candidate == candidate


@pytest.mark.parametrize("model", ["fast", "openai/gpt-9"])
def test_a_model_is_reached_directly_by_a_key_without_scope(model):
    assert ROUTES.pick(model, ANYBODY).app is None
    with pytest.raises(NotAllowed, match="help"):
        ROUTES.pick(model, HELPER)


@pytest.mark.parametrize("model", ["nope", "help:finetune", "help@dd", "help@", "", ":", "hr@aa"])
def test_a_name_that_means_nothing_is_told_with_what_there_is(model):
    with pytest.raises(UnknownModel, match=r"there is:|did you mean"):
        ROUTES.pick(model, ANYBODY)


def test_a_prefix_that_fits_several_is_refused():
    with pytest.raises(InvalidRequest, match="bb11, bb22"):
        ROUTES.pick("help@bb", ANYBODY)


def test_what_a_key_may_not_use_is_neither_answered_nor_listed():
    with pytest.raises(NotAllowed):
        ROUTES.pick("hr", HELPER)
    with pytest.raises(UnknownModel) as caught:
        ROUTES.pick("nope", HELPER)
    assert "hr" not in str(caught.value)
    assert ROUTES.visible(HELPER) == ["help", "help:prompt", "help:rag"]
    assert ROUTES.visible(ANYBODY)[-1] == "fast"


async def test_an_answer_finishes_on_the_routes_it_began_with(ask):
    switch = Switch(ROUTES)
    chunks = routed(switch)(ask("hr"), Trace())
    switch.current = Routes()
    assert switch.opened
    assert (await collect(chunks)).text == "cc11"


async def test_the_trace_tells_who_answered(ask):
    trace = Trace()
    await collect(routed(Switch(ROUTES))(ask("help:prompt"), trace))
    assert (trace.app, trace.way, trace.candidate) == ("help", "prompt", "aa11")
