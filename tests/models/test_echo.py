"""The scripted model answers as its script says, and breaks off where it says so."""

import pytest

from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.errors import UpstreamError, UpstreamRefused, UpstreamTimeout
from fourways.core.trace import Trace
from fourways.models.echo import Echo, Reply


def asked(text="one two three", *, stream=True, **options):
    messages = [{"role": "user", "content": "before"}, {"role": "user", "content": text}]
    return ChatRequest(model="echo", messages=messages, principal=Principal(), stream=stream, options=options)


async def said(echo, text="one two three", **options):
    return (await collect(echo(asked(text, **options), Trace()))).text


async def test_it_says_back_the_last_thing_a_person_wrote():
    assert await said(Echo()) == "one two three"
    assert await said(Echo(), " spaced\n\nout ") == " spaced\n\nout "
    assert await said(Echo(), "") == ""


async def test_a_list_is_said_in_turn_and_again():
    echo = Echo(["a", "b"])
    assert [await said(echo) for _ in range(3)] == ["a", "b", "a"]


async def test_a_mapping_is_looked_up_by_question():
    echo = Echo({"who?": "me", "*": "what?"})
    assert await said(echo, "who?") == "me"
    assert await said(echo, "else") == "what?"
    assert await said(Echo({}), "else") == "else"


async def test_a_function_sees_the_request():
    assert await said(Echo(lambda request: str(len(request.messages)))) == "2"


async def test_choices_limits_and_usage():
    answer = await collect(Echo()(asked(n=3, max_tokens=2), Trace()))
    assert [(choice.text, choice.finish) for choice in answer.choices] == [("one two", "length")] * 3
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cost_usd) == (4, 6, 0.0)


async def test_tool_calls():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    (choice,) = (await collect(Echo([Reply(tool_calls=[call])])(asked(), Trace()))).choices
    assert choice.tool_calls == [call]
    assert choice.finish == "tool_calls"


async def test_delays_are_waited():
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    await said(Echo(first_token_delay=2.0, token_delay=0.5, sleep=sleep))
    assert waits == [2.0, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("stream", [True, False])
async def test_it_refuses_with_a_status(stream):
    with pytest.raises(UpstreamRefused) as refused:
        await said(Echo([Reply(status=429)]), stream=stream)
    assert refused.value.status == 429


@pytest.mark.parametrize(("after", "text"), [(0, ""), (2, "one two")])
async def test_it_breaks_off_after_so_many_chunks(after, text):
    trace, got = Trace(), []

    async def consume():
        async for chunk in Echo([Reply(text="one two three", fail_after=after)])(asked(), trace):
            got.append(chunk.text)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(UpstreamError, match="broke off"):
        await consume()
    assert "".join(got) == text
    assert trace.spans[0].error is not None


async def test_it_fails_with_what_it_is_given():
    with pytest.raises(UpstreamTimeout, match="too slow"):
        await said(Echo([Reply(fail_after=0, error=UpstreamTimeout("too slow"))]))
