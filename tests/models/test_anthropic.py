"""OpenAI chats become Messages and come back: on bodies and events as Anthropic writes them."""

import pytest
from tests.models.fake_openai import packed

from fourways.core.chat import collect
from fourways.core.errors import InvalidRequest, UpstreamError
from fourways.core.trace import Usage
from fourways.models.anthropic import AnthropicReader, AnthropicWire
from fourways.models.anthropic_requests import JSON_ONLY, MAX_TOKENS, Json, to_messages

ASK = {"role": "user", "content": "Hi"}
LOOK = {"name": "look", "description": "Look it up.", "parameters": {"type": "object", "properties": {"at": {}}}}
PNG = "data:image/png;base64,iVBORw0KGgo="


def body(*messages, **options):
    return {"model": "claude-x", "messages": list(messages) or [ASK], **options}


def unpriced(usage: Usage) -> Usage:
    return usage


# what the caller sends, and what of it the server gets
OPTIONS: dict[str, tuple[Json, Json]] = {
    "a limit is required": ({}, {"max_tokens": MAX_TOKENS}),
    "either name of the limit": ({"max_completion_tokens": 9}, {"max_tokens": 9}),
    "stop is a list": ({"stop": "END"}, {"stop_sequences": ["END"]}),
    "several stops": ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
    "one choice is what it gives": ({"n": 1}, {}),
    "logprobs that nobody wants": ({"logprobs": False}, {}),
    "who asks": ({"user": "u1"}, {"metadata": {"user_id": "u1"}}),
    "what it knows itself": ({"top_k": 5, "temperature": 0.5}, {"top_k": 5, "temperature": 0.5}),
    "thinking": ({"thinking": {"type": "adaptive"}}, {"thinking": {"type": "adaptive"}}),
    "effort": ({"reasoning_effort": "minimal"}, {"output_config": {"effort": "low"}}),
    "no effort": ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ),
    "a schema beside effort and its own config": (
        {
            "response_format": {"type": "json_schema", "json_schema": {"schema": {}}},
            "reasoning_effort": "high",
            "output_config": {"task_budget": 1},
        },
        {"output_config": {"task_budget": 1, "effort": "high", "format": {"type": "json_schema", "schema": {}}}},
    ),
    "any JSON": ({"response_format": {"type": "json_object"}}, {"system": JSON_ONLY}),
    "plain text": ({"response_format": {"type": "text"}}, {}),
    "tools": (
        {"tools": [{"type": "function", "function": {**LOOK, "strict": True}}]},
        {
            "tools": [
                {
                    "name": "look",
                    "description": "Look it up.",
                    "strict": True,
                    "input_schema": {"type": "object", "properties": {"at": {}}},
                }
            ]
        },
    ),
    "a tool of its own": (
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    ),
    "a tool must be used": ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
    "this tool must be used": (
        {"tool_choice": {"type": "function", "function": {"name": "look"}}},
        {"tool_choice": {"type": "tool", "name": "look"}},
    ),
    "no parallel calls without tools": ({"parallel_tool_calls": False}, {}),
    "nulls mean nothing": ({"stop": None, "tools": None, "user": None, "max_tokens": None}, {}),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(name):
    options, expected = OPTIONS[name]
    sent = to_messages(body(**options))
    plain = {"model": "claude-x", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}
    assert sent == {**plain, "max_tokens": MAX_TOKENS, **expected}


def test_one_call_at_a_time_keeps_the_choice():
    tools = [{"type": "function", "function": LOOK}]
    sent = to_messages(body(tools=tools, tool_choice="required", parallel_tool_calls=False))
    assert sent["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(("option", "param"), [({"n": 2}, "n"), ({"logprobs": True}, "logprobs")])
def test_what_it_cannot_say_is_refused(option, param):
    with pytest.raises(InvalidRequest) as refused:
        to_messages(body(**option))
    assert refused.value.param == param


def test_system_texts_stand_apart_wherever_they_came():
    sent = to_messages(body({"role": "system", "content": "One."}, ASK, {"role": "developer", "content": "Two."}, ASK))
    assert [block["text"] for block in sent["system"]] == ["One.", "Two."]
    assert [turn["role"] for turn in sent["messages"]] == ["user"]
    assert to_messages(body({"role": "system", "content": "One."}, ASK))["system"] == "One."


def test_a_cached_system_text_keeps_its_mark():
    block = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}
    assert to_messages(body({"role": "system", "content": [block]}, ASK))["system"] == [block]


def test_tool_calls_and_their_results():
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"sky"}'}}
    sent = to_messages(
        body(
            ASK,
            {"role": "assistant", "content": "Let me see.", "tool_calls": [call, {**call, "id": "c2"}]},
            {"role": "tool", "tool_call_id": "c1", "content": "blue"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "grey"}]},
            {"role": "user", "content": "And?"},
        )
    )
    _, said, returned = sent["messages"]
    assert said["content"] == [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "sky"}},
        {"type": "tool_use", "id": "c2", "name": "look", "input": {"at": "sky"}},
    ]
    assert returned == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "blue"},
            {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "grey"}]},
            {"type": "text", "text": "And?"},
        ],
    }


def test_arguments_that_are_no_json_are_the_callers_fault():
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{at"}}
    with pytest.raises(InvalidRequest, match="must be JSON"):
        to_messages(body(ASK, {"role": "assistant", "tool_calls": [call]}))


def test_thinking_is_handed_back_before_what_was_said():
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    sent = to_messages(body(ASK, {"role": "assistant", "content": "Yes.", "thinking_blocks": [thought]}, ASK))
    assert sent["messages"][1]["content"] == [thought, {"type": "text", "text": "Yes."}]


PARTS = {
    "a picture inside": (
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    ),
    "a picture elsewhere": (
        {"type": "image_url", "image_url": {"url": "https://x.org/a.png"}},
        {"type": "image", "source": {"type": "url", "url": "https://x.org/a.png"}},
    ),
    "a document": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
            "title": "a.pdf",
        },
    ),
    "a block of its own": ({"type": "search_result", "source": "s"}, {"type": "search_result", "source": "s"}),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts(name):
    part, block = PARTS[name]
    sent = to_messages(body({"role": "user", "content": [{"type": "text", "text": ""}, part]}))
    assert sent["messages"][0]["content"] == [block]


@pytest.mark.parametrize("part", [{"type": "input_audio"}, {"type": "file", "file": {"file_id": "f"}}])
def test_parts_it_cannot_take_are_refused(part):
    with pytest.raises(InvalidRequest):
        to_messages(body({"role": "user", "content": [part]}))


# ---------------------------------------------------------------- answers

MESSAGE: Json = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [
        {"type": "thinking", "thinking": "The sky.", "signature": "EqQB"},
        {"type": "text", "text": "I will look."},
        {"type": "tool_use", "id": "toolu_01", "name": "look", "input": {"at": "sky"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "output_tokens": 50,
        "service_tier": "standard",
    },
}
EVENTS: list[Json] = [
    {
        "type": "message_start",
        "message": {
            **MESSAGE,
            "content": [],
            "stop_reason": None,
            "usage": {**MESSAGE["usage"], "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "The "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "sky."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQB"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I will "}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "look."}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "toolu_01", "name": "look", "input": {}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"at":'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '"sky"}'}},
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 50},
    },
    {"type": "message_stop"},
]


def read(events):
    reader = AnthropicReader(unpriced)
    return [chunk for event in events for chunk in reader.feed(packed(event))], reader


async def folded(chunks):
    async def stream():
        for chunk in chunks:
            yield chunk

    return await collect(stream())


async def test_streamed_and_whole_messages_are_the_same_answer():
    chunks, reader = read(EVENTS)
    assert reader.complete()
    streamed, whole = await folded(chunks), await folded(AnthropicWire().answer(packed(MESSAGE), unpriced))
    assert streamed == whole
    (choice,) = whole.choices
    assert (choice.text, choice.finish) == ("I will look.", "tool_calls")
    assert choice.fields["reasoning_content"] == "The sky."
    assert choice.fields["thinking_blocks"] == MESSAGE["content"][:1]
    assert choice.tool_calls == [
        {"id": "toolu_01", "type": "function", "function": {"name": "look", "arguments": '{"at":"sky"}'}}
    ]
    assert whole.usage == Usage(input_tokens=1110, output_tokens=50, cached_tokens=1000)
    assert whole.fields == {"id": "msg_01", "model": "claude-sonnet-5-5"}


async def test_a_tool_without_arguments_gets_an_empty_object():
    start = {"type": "tool_use", "id": "t", "name": "now", "input": {}}
    chunks, _ = read(
        [
            {"type": "content_block_start", "index": 0, "content_block": start},
            {"type": "content_block_stop", "index": 0},
        ]
    )
    assert (await folded(chunks)).choices[0].tool_calls[0]["function"] == {"name": "now", "arguments": "{}"}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_reasons_to_stop(reason, finish):
    (chunk,) = AnthropicWire().answer(packed({**MESSAGE, "stop_reason": reason}), unpriced)
    assert chunk.finish == finish


def test_events_nobody_knows_are_read_over():
    assert read([{"type": "new_event"}, {"type": "content_block_delta", "delta": {"type": "new_delta"}}])[0] == []


def test_an_error_in_the_stream_is_an_error():
    with pytest.raises(UpstreamError, match="overloaded_error: Overloaded"):
        read([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}])


@pytest.mark.parametrize("payload", [b"<html>", b"[]", b"{}", b'{"type":"content_block_delta"}'])
def test_nonsense_in_the_stream_is_an_error(payload):
    with pytest.raises(UpstreamError, match="none of a message's"):
        AnthropicReader(unpriced).feed(payload)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"content":[{"type":"text"}]}'])
def test_a_whole_answer_that_is_none_is_an_error(payload):
    with pytest.raises(UpstreamError, match="no message"):
        AnthropicWire().answer(payload, unpriced)


def test_a_stream_without_its_end_is_not_complete():
    assert not read(EVENTS[:-1])[1].complete()
