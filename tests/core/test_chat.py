"""Chunks fold into the answer that a non-streaming client gets."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fourways.core.chat import ChatRequest, Chunk, Principal, collect, onion, question_of, text_of
from fourways.core.trace import Trace, Usage


async def stream(chunks: Sequence[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


async def test_choices_are_told_apart_by_index() -> None:
    answer = await collect(
        stream(
            [Chunk(index=1, text="b"), Chunk(text="a"), Chunk(text="A", finish="stop"), Chunk(index=1, finish="length")]
        )
    )
    assert [(choice.text, choice.finish) for choice in answer.choices] == [("aA", "stop"), ("b", "length")]


async def test_tool_calls_arrive_in_pieces() -> None:
    def piece(**function: str) -> Chunk:
        return Chunk(delta={"tool_calls": [{"index": 0, "id": function.pop("id", None), "function": function}]})

    answer = await collect(
        stream([piece(id="c1", name="find", arguments=""), piece(arguments='{"q"'), piece(arguments=":1}")])
    )
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}
    assert answer.choices[0].tool_calls == [call]


async def test_usage_and_unknown_fields_are_kept() -> None:
    chunks = [Chunk(text="x", fields={"system_fingerprint": "f"}), Chunk(usage=Usage(input_tokens=3))]
    answer = await collect(stream(chunks))
    assert answer.usage == Usage(input_tokens=3)
    assert answer.fields == {"system_fingerprint": "f"}


async def test_reasoning_is_joined_like_text() -> None:
    chunks = [Chunk(delta={"role": "assistant", "reasoning_content": "a"}), Chunk(delta={"reasoning_content": "b"})]
    answer = await collect(stream(chunks))
    assert answer.choices[0].fields == {"role": "assistant", "reasoning_content": "ab"}


@given(st.text(), st.lists(st.integers(0, 200), max_size=8))
async def test_however_a_text_is_cut_it_folds_to_itself(text: str, cuts: list[int]) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [text[a:b] for a, b in pairwise(places)] or [text]
    assert (await collect(stream([*(Chunk(text=piece) for piece in pieces), Chunk(finish="stop")]))).text == text


async def test_the_first_wrapper_is_the_outermost() -> None:
    def named(name: str) -> Any:
        def wrap(inner: Any) -> Any:
            async def answer(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
                yield Chunk(text=f"<{name}>")
                async for chunk in inner(request, trace):
                    yield chunk

            return answer

        return wrap

    def core(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        return stream([Chunk(text="x", finish="stop")])

    request = ChatRequest(model="m", messages=[], principal=Principal())
    assert (await collect(onion(core, named("a"), named("b"))(request, Trace()))).text == "<a><b>x"


def test_a_question_is_the_last_thing_a_person_said() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:"}},
    ]
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "?"},
    ]
    assert question_of(messages) == "look"
    assert text_of({"role": "assistant", "content": None}) == ""
