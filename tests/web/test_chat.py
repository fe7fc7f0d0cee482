"""POST /v1/chat/completions through a real server, by the stock OpenAI client."""

import asyncio
import threading
import time

import openai
import pytest
from inline_snapshot import snapshot

from fourways.core.chat import Chunk
from fourways.core.data import Citation
from fourways.core.errors import CircuitOpen, UpstreamTimeout
from fourways.core.trace import Usage
from fourways.models.echo import Echo, Reply

RESTING = CircuitOpen("rests", target="a/b", retry_after=7.2)
PLACE = Citation(
    number=1, knowledge="manual", document="printer.md", title="Printers", quote="Use toner.", start=10, end=20, page=2
)


async def citing(request, trace, /):
    yield Chunk(text="Use toner ")
    yield Chunk(text="[1].")
    yield Chunk(finish="stop", citations=(PLACE,), usage=Usage(input_tokens=3, output_tokens=2, cost_usd=0.0))


async def abstaining(request, trace, /):
    trace.attributes["abstained"] = True
    yield Chunk(text="I could not find this.", finish="stop")


async def relaying(request, trace, /):
    """A provider's frames, kept as they came."""
    raw = (
        b'{"id":"up-1","object":"chat.completion.chunk","created":1,"model":"up",  "choices":[{"index":0,"delta":%b}]}'
    )
    yield Chunk(text="hi", raw=raw % b'{"content":"hi"}', fields={"id": "up-1"})
    last = raw.replace(b"}]}", b',"finish_reason":"stop"}]}')
    yield Chunk(finish="stop", raw=last % b"{}")
    yield Chunk(usage=Usage(input_tokens=1, output_tokens=1))


def ask(client, model="parrot", content="hello dear world", **body):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}], **body)


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_chat_is_answered_whole(plain):
    answer = ask(plain.client())
    assert answer.choices[0].message.content == "hello dear world"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 6
    assert answer.model == "parrot"
    assert answer.fourways["app"] == "parrot"
    assert answer.fourways["way"] == "prompt"
    assert len(answer.fourways["trace_id"]) == 32


def test_a_chat_is_streamed_with_its_usage_last(plain):
    chunks = list(ask(plain.client(), stream=True, stream_options={"include_usage": True}))
    assert text_of(chunks) == "hello dear world"
    ends = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert ends[0].fourways["candidate"] == "parrot00000001"
    assert chunks[-1].usage.completion_tokens == 3
    assert chunks[-1].choices == []


def test_usage_is_not_streamed_to_a_client_that_did_not_ask(plain):
    assert all(chunk.choices for chunk in ask(plain.client(), stream=True))


def test_citations_come_as_annotations(serve):
    client = serve(apps={"manual": citing}).client()
    whole = ask(client, "manual").choices[0].message
    chunks = list(ask(client, "manual", stream=True))
    streamed = next(c.choices[0].delta.annotations for c in chunks if hasattr(c.choices[0].delta, "annotations"))
    [annotation] = whole.annotations
    assert whole.content[annotation.url_citation.start_index : annotation.url_citation.end_index] == "[1]"
    assert annotation.citation == snapshot(
        {
            "number": 1,
            "knowledge": "manual",
            "document": "printer.md",
            "title": "Printers",
            "quote": "Use toner.",
            "start": 10,
            "end": 20,
            "headings": [],
            "page": 2,
            "link": "",
        }
    )
    assert streamed[0]["url_citation"] == annotation.url_citation.model_dump()


def test_an_abstention_says_so(serve):
    assert ask(serve(apps={"a": abstaining}).client(), "a").fourways["abstained"] is True


def test_a_providers_frames_are_relayed_as_they_came(serve):
    running = serve(apps={"up": relaying})
    with running.client().chat.completions.with_streaming_response.create(
        model="up", messages=[{"role": "user", "content": "x"}], stream=True
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    first = '{"id":"up-1","object":"chat.completion.chunk","created":1,"model":"up",  "choices":'
    assert lines[0] == "data: " + first + '[{"index":0,"delta":{"content":"hi"}}]}'
    assert lines[1].startswith("data: " + first)
    assert '"fourways":{"trace_id":"' in lines[1]
    assert lines[2:] == ["data: [DONE]"]


def test_several_choices_are_made_of_an_answerer_that_knows_one(plain):
    client = plain.client()
    answer = ask(client, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {choice.message.content for choice in answer.choices} == {"hello dear world"}
    assert answer.usage.completion_tokens == 9
    seen = {chunk.choices[0].index for chunk in ask(client, n=2, stream=True)}
    assert seen == {0, 1}


def test_a_stop_sequence_ends_a_local_answer(plain):
    client = plain.client()
    assert ask(client, stop="dear").choices[0].message.content == "hello "
    assert text_of(ask(client, stop=["r w"], stream=True)) == "hello dea"


def test_tool_calls_survive_both_ways(serve):
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
    client = serve(apps={"tools": Echo([Reply(tool_calls=[call])])}).client()
    whole = ask(client, "tools").choices[0]
    assert whole.finish_reason == "tool_calls"
    assert whole.message.content is None
    assert whole.message.tool_calls[0].function.arguments == '{"at":"it"}'
    chunks = list(ask(client, "tools", stream=True))
    assert chunks[0].choices[0].delta.tool_calls[0].function.name == "look"


def test_unknown_fields_and_variables_reach_the_answerer(serve):
    seen = []

    async def looking(request, trace, /):
        seen.append(request)
        yield Chunk(text="ok", finish="stop")

    body = {"min_p": 0.1, "fourways": {"variables": {"tone": "kind"}}}
    ask(serve(apps={"look": looking}).client(), "look", temperature=0.5, user="ann", extra_body=body)
    [request] = seen
    assert request.options == {"temperature": 0.5, "min_p": 0.1, "user": "ann"}
    assert request.variables == {"tone": "kind"}
    assert request.principal.user == "ann"


# ---------------------------------------------------------------- errors


FAILURES = {
    "wrong": (Reply(status=400), openai.BadRequestError, 400, "upstream_invalid_request"),
    "our-key": (Reply(status=401), openai.InternalServerError, 502, "upstream_not_authenticated"),
    "our-name": (Reply(status=404), openai.InternalServerError, 502, "upstream_not_found"),
    "busy": (Reply(status=429), openai.RateLimitError, 429, "upstream_rate_limit_exceeded"),
    "broken": (Reply(status=500), openai.InternalServerError, 502, "upstream_refused"),
    "slow": (Reply(fail_after=0, error=UpstreamTimeout("x")), openai.InternalServerError, 504, "upstream_timeout"),
    "resting": (Reply(fail_after=0, error=RESTING), openai.InternalServerError, 503, "upstream_circuit_open"),
}


@pytest.fixture(scope="module")
def failing(serve_for_module):
    with serve_for_module(apps={name: Echo([failure[0]]) for name, failure in FAILURES.items()}) as running:
        yield running


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("stream", [False, True])
def test_a_failing_model_is_told_by_status_and_code(failing, name, stream):
    _, kind, status, code = FAILURES[name]
    with pytest.raises(kind) as caught:
        list(ask(failing.client(), name, stream=stream))
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.response.headers.get("retry-after") == ("8" if name == "resting" else None)


def test_an_error_in_the_middle_of_a_stream_is_its_last_event(serve):
    client = serve(apps={"bad": Echo([Reply(text="one two three", fail_after=2)])}).client()
    stream = ask(client, "bad", stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(2)] == ["one", " two"]
    with pytest.raises(openai.APIError, match="broke off"):
        next(stream)


def test_an_unexpected_error_shows_its_trace_and_nothing_else(serve, caplog):
    async def broken(request, trace, /):
        yield Chunk(usage=Usage(input_tokens=1 // len(request.messages[1:]) + len("secret detail")))

    client = serve(apps={"bad": broken}).client()
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, "bad")
    assert "division" not in str(caught.value)
    assert caught.value.response.headers["fourways-trace-id"] in str(caught.value)
    assert "ZeroDivisionError" in caplog.text


# ---------------------------------------------------------------- presence


def test_a_client_that_hangs_up_cancels_the_answer_at_once(serve):
    cancelled = threading.Event()

    async def slow(request, trace, /):
        try:
            yield Chunk(text="begun")
            await asyncio.sleep(30)
        except (GeneratorExit, asyncio.CancelledError):
            cancelled.set()
            raise

    running = serve(apps={"slow": slow})
    stream = ask(running.client(), "slow", stream=True)
    next(iter(stream))
    stream.close()
    assert cancelled.wait(2)
    assert recorded(running) == [("slow", "cancelled", "begun")]


def test_hanging_up_on_a_whole_answer_cancels_it_too(serve):
    cancelled = threading.Event()

    async def slow(request, trace, /):
        try:
            await asyncio.sleep(30)
            yield Chunk(text="never")
        except asyncio.CancelledError:
            cancelled.set()
            raise

    running = serve(apps={"slow": slow})
    with pytest.raises(openai.APITimeoutError):
        ask(running.client(timeout=0.3), "slow")
    assert cancelled.wait(2)
    assert recorded(running) == [("slow", "cancelled", None)]


def test_comments_keep_a_silent_stream_alive(serve):
    async def slow(request, trace, /):
        await asyncio.sleep(0.45)
        yield Chunk(text="at last", finish="stop")

    running = serve(apps={"slow": slow})
    with running.client().chat.completions.with_streaming_response.create(
        model="slow", messages=[{"role": "user", "content": "x"}], stream=True
    ) as response:
        lines = [line for line in response.iter_lines() if line]
    comments = lines.count(": waiting")
    assert 2 <= comments <= 4
    assert lines[:comments] == [": waiting"] * comments
    assert lines[-1] == "data: [DONE]"


def test_an_error_after_a_comment_is_an_event(serve):
    async def slow(request, trace, /):
        await asyncio.sleep(0.25)
        async for chunk in Echo([Reply(status=400)])(request, trace):
            yield chunk

    client = serve(apps={"slow": slow}).client()
    with pytest.raises(openai.APIError, match="as its script says"):
        list(ask(client, "slow", stream=True))


def test_a_client_that_does_not_read_holds_the_answer_back(serve):
    made = 0

    async def endless(request, trace, /):
        nonlocal made
        for _ in range(100_000):
            made += 1
            yield Chunk(text="x" * 1000)

    running = serve(apps={"endless": endless})
    stream = ask(running.client(), "endless", stream=True)
    next(iter(stream))
    time.sleep(0.5)
    before = made
    time.sleep(0.2)
    assert made == before < 100_000
    stream.close()


# ---------------------------------------------------------------- traces


def recorded(running, expected=1):
    deadline = time.monotonic() + 3
    rows = running.traces()
    while time.monotonic() < deadline and len(rows) < expected:
        running.house.recorder.flush()
        rows = running.traces()
        time.sleep(0.02)
    return [(row.app, row.status, row.answer) for row in rows]


def test_every_request_leaves_exactly_one_trace(serve):
    running = serve(
        apps={"good": Echo(), "bad": Echo([Reply(status=400)]), "odd": Echo([Reply(text="a b", fail_after=1)])}
    )
    client = running.client()
    ask(client, "good")
    list(ask(client, "good", stream=True))
    for model in ("bad", "odd", "nowhere"):
        with pytest.raises(openai.APIError):
            list(ask(client, model, stream=True))
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="good", messages=[])
    rows = recorded(running, 6)
    time.sleep(0.1)
    assert len(recorded(running, 6)) == 6
    by_app = sorted((app or "", status) for app, status, _ in rows)
    assert by_app == [("", "error"), ("", "error"), ("bad", "error"), ("good", "ok"), ("good", "ok"), ("odd", "error")]


def test_a_trace_tells_who_what_and_how_long(serve):
    running = serve()
    answer = ask(running.client(), user="ann")
    running.house.recorder.flush()
    [row] = running.traces()
    assert row.id == answer.fourways["trace_id"]
    assert (row.user, row.question, row.answer) == ("ann", "hello dear world", "hello dear world")
    assert (row.input_tokens, row.output_tokens, row.model) == (3, 3, "parrot")
    assert 0 < row.first_token <= row.duration


def test_a_callers_trace_id_is_taken_over(plain):
    header = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answer = ask(plain.client(), extra_headers=header)
    assert answer.fourways["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
