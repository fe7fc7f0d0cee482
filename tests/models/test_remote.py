"""A remote model sends what it is given, relays what comes, and says what went wrong."""

import asyncio

import pytest
from tests.models.fake_openai import TEXT, USAGE, Answer, completion, frame, frames, packed

from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.errors import InvalidProject, InvalidRequest, UpstreamError, UpstreamRefused, UpstreamTimeout
from fourways.core.trace import Trace
from fourways.models.dialects import DIALECTS
from fourways.models.prices import free
from fourways.models.provider import ModelCard, ProviderClient, Ranked, message_of
from fourways.models.remote import Remote
from fourways.models.transport import Deadlines

KEY = "sk-secret"


@pytest.fixture
def client(server, transport):
    def make(dialect="openai", **settings):
        given = {"base_url": server.url, "key": KEY, **settings}
        return ProviderClient(name="p", dialect=DIALECTS[dialect], transport=transport, **given)

    return make


@pytest.fixture
def remote(client):
    def make(dialect="openai", deadlines=None, **settings):
        return Remote(client(dialect, **settings), "m", deadlines=deadlines or Deadlines(), cost=free)

    return make


def asked(*, stream=True, **options):
    messages = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}], "x_odd": 1}]
    return ChatRequest(model="app", messages=messages, principal=Principal(), stream=stream, options=options)


async def chunks_of(answerer, request=None, trace=None):
    return [chunk async for chunk in answerer(request or asked(), trace or Trace())]


OPTIONS = {
    "temperature": 0.1,
    "n": 1,
    "stop": ["x"],
    "seed": 7,
    "logprobs": True,
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": "auto",
    "response_format": {"type": "json_object"},
    "x_unknown": {"deep": [1, None]},
}


async def test_every_option_and_message_goes_out_untouched(server, remote):
    await chunks_of(remote(), asked(stream=False, **OPTIONS))
    assert server.requests[0].json == {"model": "m", "messages": list(asked().messages), **OPTIONS}


async def test_a_stream_is_asked_to_tell_its_usage(server, remote):
    await chunks_of(remote(), asked(stream_options={"include_obfuscation": False}))
    assert server.requests[0].json["stream"] is True
    assert server.requests[0].json["stream_options"] == {"include_obfuscation": False, "include_usage": True}


async def test_frames_are_relayed_as_they_came(server, remote):
    sent = frames()
    server.script.append(Answer(frames=sent))
    chunks = await chunks_of(remote(), asked(stream_options={"include_usage": True}))
    assert [chunk.raw for chunk in chunks] == sent[:-1]


async def test_the_usage_that_nobody_asked_for_is_known_but_not_relayed(server, remote):
    chunks = await chunks_of(remote())
    assert chunks[-1].usage is not None
    assert chunks[-1].raw is None
    assert all(chunk.raw is not None for chunk in chunks[:-1])


async def test_a_server_that_answers_a_stream_with_a_whole_is_understood(server, remote):
    server.script.append(Answer(body=completion()))
    (chunk,) = await chunks_of(remote())
    assert chunk.text == TEXT


async def test_mistral_gets_no_field_it_would_refuse_and_the_span_says_so(server, remote):
    server.script.append(Answer(frames=[frame({"content": "a"}), frame({}, finish="stop", usage=USAGE), b"[DONE]"]))
    trace = Trace()
    chunks = await chunks_of(remote("mistral"), asked(seed=7, user="ann", max_completion_tokens=5), trace)
    body = server.requests[0].json
    assert (body["random_seed"], body["max_tokens"]) == (7, 5)
    assert not body.keys() & {"seed", "user", "stream_options", "max_completion_tokens"}
    assert trace.spans[0].attributes["dropped"] == ["user"]
    assert chunks[-1].usage is not None


@pytest.mark.parametrize(
    ("dialect", "path", "header", "value"),
    [
        ("openai", "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        ("anthropic", "/v1/messages", "x-api-key", KEY),
        ("azure", "/v1/openai/deployments/m/chat/completions?api-version=2024-10-21", "api-key", KEY),
        ("ollama", "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
    ],
)
async def test_each_dialect_finds_its_path_and_shows_its_key(server, remote, dialect, path, header, value):
    await chunks_of(remote(dialect))
    assert server.requests[0].path == path
    assert server.requests[0].headers[header] == value


async def test_headers_and_query_of_the_project_go_along(server, remote):
    await chunks_of(remote("azure", headers={"X-Team": "it", "api-key": "own"}, query={"api-version": "v1"}))
    assert server.requests[0].headers["x-team"] == "it"
    assert server.requests[0].headers["api-key"] == "own"
    assert server.requests[0].path.endswith("?api-version=v1")


async def test_without_a_key_none_is_shown(server, remote):
    await chunks_of(remote(key=""))
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("key", ["sk-1\n", "sk-“1”", "sk\x00"])
def test_a_key_that_cannot_be_sent_is_named(client, key):
    with pytest.raises(InvalidProject, match="authorization"):
        client(key=key)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_keeps_the_providers_words(server, remote, stream):
    body = packed({"error": {"message": f"Incorrect API key provided: {KEY}", "type": "invalid_request_error"}})
    server.script.append(Answer(status=401, body=body, headers={"retry-after": "2.5"}))
    trace = Trace()
    with pytest.raises(UpstreamRefused, match=r"p/m answered 401: Incorrect API key provided: \*\*\*") as refused:
        await chunks_of(remote(), asked(stream=stream), trace)
    assert (refused.value.status, refused.value.target, refused.value.retry_after) == (401, "p/m", 2.5)
    assert b"invalid_request_error" in refused.value.body
    assert KEY.encode() not in refused.value.body
    assert trace.spans[0].error is not None
    assert KEY not in trace.spans[0].error


async def test_a_redirect_is_not_followed_with_the_key(server, remote):
    server.script.append(Answer(status=307, headers={"location": "https://elsewhere.example/v1"}))
    with pytest.raises(UpstreamError, match=r"redirects to https://elsewhere\.example/v1"):
        await chunks_of(remote())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"message":"a"}}', "a"),
        (b'{"error":"b"}', "b"),
        (b'{"message":"c"}', "c"),
        (b'{"detail":[{"msg":"d"}]}', "d"),
        (b'[{"error":{"message":"e"}}]', "e"),
        (b"<html>f</html>", "<html>f</html>"),
        (b"", ""),
        (b"{}", ""),
        (b"7", ""),
    ],
)
def test_errors_are_read_in_all_their_shapes(body, said):
    assert message_of(body) == said


@pytest.mark.parametrize(
    "sent",
    [
        frames()[:3],
        [frame({"content": "a"}), b'{"choices":'],
        [frame({"content": "a"}), packed({"error": {"message": "out of memory"}})],
    ],
)
async def test_a_stream_that_does_not_end_well_is_an_error_after_what_came(server, remote, sent):
    server.script.append(Answer(frames=sent))
    got, trace = [], Trace()

    async def consume():
        async for chunk in remote()(asked(), trace):
            got.append(chunk)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(UpstreamError) as failed:
        await consume()
    assert failed.value.target == "p/m"
    assert got
    assert trace.spans[0].error is not None


async def test_a_connection_cut_in_the_stream_is_an_error(server, remote):
    server.script.append(Answer(frames=frames(), drop_after=3, frame_delay=0.01))
    with pytest.raises(UpstreamError, match="middle of its answer"):
        await chunks_of(remote())


@pytest.mark.parametrize("answer", [Answer(delay=5), Answer(frames=frames()[:2], hold=True)])
async def test_a_silent_server_is_a_timeout(server, remote, answer):
    server.script.append(answer)
    with pytest.raises(UpstreamTimeout) as late:
        await chunks_of(remote(deadlines=Deadlines(first_byte=0.1, idle=0.1)))
    assert late.value.target == "p/m"


async def test_leaving_hangs_up_on_the_provider_at_once(server, remote):
    server.script.append(Answer(frames=frames(), frame_delay=0.05, hold=True))
    chunks = remote()(asked(), Trace())
    await anext(chunks)
    await chunks.aclose()
    await asyncio.wait_for(server.hung_up.wait(), 1)


async def test_cancelling_hangs_up_on_the_provider_at_once(server, remote):
    server.script.append(Answer(frames=frames()[:2], hold=True))
    task = asyncio.ensure_future(chunks_of(remote()))
    await server.asked.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait_for(server.hung_up.wait(), 1)


# ---------------------------------------------------------------- the other endpoints


async def test_embeddings_rerank_completions_and_models(server, client):
    ask = client()
    assert b'"embedding"' in await ask.embeddings("m", {"input": ["a", "bb"]}, Deadlines())
    ranked = await ask.rerank("m", "q", ["a", "bbbb", "cc"], Deadlines())
    assert ranked[0] == Ranked(index=1, score=0.04)
    assert [row.index for row in ranked] == [1, 2, 0]
    response = await ask.completions("m", {"prompt": "hi"}, Deadlines())
    assert b'"HI"' in await response.read()
    assert await ask.models(Deadlines()) == [ModelCard(id="m", owned_by="vllm")]
    assert [request.json["model"] for request in server.requests[:3]] == ["m"] * 3


async def test_an_operation_that_a_provider_lacks_is_refused_before_anything_is_sent(server, client):
    with pytest.raises(InvalidRequest, match="no embeddings endpoint"):
        await client("anthropic").embeddings("m", {"input": ["a"]}, Deadlines())
    assert not server.requests


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"results":[{"index":0}]}', "without results of"),
        (b'{"results":[{"index":"0","relevance_score":1}]}', "without results of"),
        (b"[]", "without results of"),
        (b'{"results":[{"index":1,"relevance_score":1}]}', r"ranked documents \[1\], of 1"),
    ],
)
async def test_a_rerank_that_is_none_is_an_error(server, client, body, said):
    server.script.append(Answer(body=body))
    with pytest.raises(UpstreamError, match=said):
        await client().rerank("m", "q", ["a"], Deadlines())


async def test_usage_is_folded_once_over_many_choices(remote):
    answer = await collect(remote()(asked(n=3), Trace()))
    assert [choice.text for choice in answer.choices] == [TEXT] * 3
