"""OpenAI's frames and bodies become chunks that lose nothing: what is not understood travels in `raw`."""

import json

import pytest
from tests.models.fake_openai import HEAD, USAGE, completion, frame, frames, packed

from fourways.core.chat import Chunk, collect
from fourways.core.errors import UpstreamError
from fourways.core.trace import Usage
from fourways.models.openai import OpenAIReader, OpenAIWire, usage_of


def unpriced(usage: Usage) -> Usage:
    return usage


def read(payloads, *, hide_usage=True):
    reader = OpenAIReader(unpriced, hide_usage=hide_usage)
    return [chunk for payload in payloads for chunk in reader.feed(payload)], reader


async def folded(chunks):
    async def stream():
        for chunk in chunks:
            yield chunk

    return await collect(stream())


def test_an_ordinary_frame_is_text_and_the_frame_itself():
    first, second = frame({"role": "assistant", "content": ""}), frame({"content": " hi"})
    chunks, _ = read([first, second])
    assert chunks[0].delta == {"role": "assistant"}
    assert chunks[0].fields == {**HEAD, "object": "chat.completion.chunk"}
    assert chunks[1] == Chunk(text=" hi", raw=second)


def test_fields_nobody_knows_stay_in_the_frame():
    payload = packed(
        {**HEAD, "choices": [{"index": 0, "delta": {"content": "x", "mood": "calm"}, "odd": 1}], "new": [2]}
    )
    chunks, _ = read([payload])
    assert chunks[0].raw is payload
    assert chunks[0].delta == {"mood": "calm"}
    assert chunks[0].fields is not None
    assert chunks[0].fields["new"] == [2]


async def test_tool_calls_come_together_from_their_pieces():
    pieces = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"at":'}},
        {"index": 0, "function": {"arguments": '"sky"}'}},
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "wait", "arguments": "{}"}},
    ]
    sent = [frame({"tool_calls": [piece]}) for piece in pieces]
    chunks, _ = read([*sent, frame({}, finish="tool_calls")])
    choice = (await folded(chunks)).choices[0]
    assert [call["function"] for call in choice.tool_calls] == [
        {"name": "look", "arguments": '{"at":"sky"}'},
        {"name": "wait", "arguments": "{}"},
    ]
    assert choice.finish == "tool_calls"


async def test_reasoning_logprobs_and_refusal_come_through():
    logged = packed({"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}}]})
    sent = [frame({"reasoning_content": "hm"}), frame({"reasoning_content": "m"}), logged, frame({"refusal": "no"})]
    chunks, _ = read([*sent, frame({}, finish="stop")])
    choice = (await folded(chunks)).choices[0]
    assert choice.fields["reasoning_content"] == "hmm"
    assert choice.fields["refusal"] == "no"
    assert choice.logprobs == {"content": [{"token": "a"}]}


async def test_choices_are_told_apart():
    chunks, reader = read(frames("one two", choices=3))
    answer = await folded(chunks)
    assert [choice.text for choice in answer.choices] == ["one two"] * 3
    assert reader.complete()


def test_several_choices_in_one_frame_become_chunks_without_a_frame():
    both = packed({"choices": [{"index": i, "delta": {"content": str(i)}, "finish_reason": None} for i in (0, 1)]})
    chunks, _ = read([both])
    assert [(chunk.index, chunk.text, chunk.raw) for chunk in chunks] == [(0, "0", None), (1, "1", None)]


def test_the_frame_of_usage_is_only_relayed_to_who_asked():
    payload = packed({**HEAD, "choices": [], "usage": USAGE})
    told = Usage(input_tokens=12, output_tokens=6, cached_tokens=4, reasoning_tokens=2)
    (hidden,), _ = read([payload])
    (shown,), _ = read([payload], hide_usage=False)
    assert (hidden.usage, hidden.raw) == (told, None)
    assert (shown.usage, shown.raw) == (told, payload)


def test_usage_on_the_last_frame_stays_there():
    payload = frame({"content": ""}, finish="stop", usage=USAGE)
    (chunk,), _ = read([payload])
    assert chunk.usage is not None
    assert chunk.usage.output_tokens == 6
    assert chunk.raw is payload


def test_remarks_before_the_first_choice_are_relayed():
    payload = packed({"choices": [], "prompt_filter_results": []})
    (chunk,), reader = read([payload])
    assert chunk.raw is payload
    assert not reader.complete()


def test_content_in_parts_gives_the_text_among_them():
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "hi"}]
    (chunk,), _ = read([frame({"content": parts})])
    assert chunk.text == "hi"


@pytest.mark.parametrize(
    ("payloads", "whole"),
    [
        (frames(), True),
        (frames()[:-1], True),
        (frames()[:-3], False),
        (frames(choices=2)[:8], False),
        ([], False),
        ([b"[DONE]"], True),
    ],
)
def test_a_stream_is_whole_when_it_says_so_or_every_choice_has_finished(payloads, whole):
    assert read(payloads)[1].complete() is whole


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (packed({"error": {"message": "overloaded", "code": 503}}), "overloaded"),
        (packed({"error": "out of memory"}), "out of memory"),
        (b'{"choices":[{"delta":', r"no chat\.completion\.chunk"),
        (b"<html>", r"no chat\.completion\.chunk"),
        (packed({"choices": [{"delta": "text"}]}), r"no chat\.completion\.chunk"),
        (b"\xff\xfe", r"no chat\.completion\.chunk"),
    ],
)
def test_error_frames_and_nonsense_are_errors(payload, said):
    with pytest.raises(UpstreamError, match=said):
        read([payload])


def test_a_whole_answer_of_one_choice_keeps_its_body():
    body = completion(
        "hello", tool_calls=[{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    )
    (chunk,) = OpenAIWire().answer(body, unpriced)
    assert (chunk.text, chunk.finish, chunk.raw) == ("hello", "stop", body)
    assert chunk.delta is not None
    assert chunk.delta["tool_calls"][0]["id"] == "c"
    assert chunk.fields == {**HEAD, "object": "chat.completion"}


def test_a_whole_answer_of_several_choices_tells_usage_once():
    chunks = OpenAIWire().answer(completion("hello", choices=3), unpriced)
    assert [chunk.index for chunk in chunks] == [0, 1, 2]
    assert [chunk.usage is not None for chunk in chunks] == [False, False, True]
    assert all(chunk.raw is None for chunk in chunks)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{"message":null}]}', b"<html>"])
def test_a_whole_answer_that_is_none_is_an_error(body):
    with pytest.raises(UpstreamError):
        OpenAIWire().answer(body, unpriced)


@pytest.mark.parametrize(
    ("wire", "usage"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2}, Usage(input_tokens=3, output_tokens=2)),
        ({"prompt_tokens": 3, "prompt_cache_hit_tokens": 2}, Usage(input_tokens=3, cached_tokens=2)),
        ({"prompt_tokens": 3, "prompt_tokens_details": None, "completion_tokens": None}, Usage(input_tokens=3)),
        ({}, None),
        (None, None),
    ],
)
def test_usage_in_all_its_forms(wire, usage):
    assert usage_of(wire, unpriced) == usage


def test_the_request_is_the_callers():
    body = {"model": "m", "messages": [], "x_unknown": {"a": 1}}
    assert OpenAIWire().request(json.loads(json.dumps(body))) == body
