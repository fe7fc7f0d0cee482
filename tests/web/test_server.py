"""How the server begins and ends."""

import asyncio
import socket
import time

import openai
import pytest

from fourways.core.chat import Chunk


def ask(running, model):
    return running.client().chat.completions.create(
        model=model, messages=[{"role": "user", "content": "x"}], stream=True
    )


def traces(running):
    deadline = time.monotonic() + 5
    while not (rows := running.traces()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [(row.status, row.answer) for row in rows]


def pausing(seconds):
    async def answer(request, trace, /):
        yield Chunk(text="begun")
        await asyncio.sleep(seconds)
        yield Chunk(text=" ended", finish="stop")

    return answer


def test_an_open_answer_finishes_when_the_server_is_told_to_stop(serve):
    running = serve(apps={"slow": pausing(0.6)})
    stream = ask(running, "slow")
    first = next(stream).choices[0].delta.content
    running.server.should_exit = True
    assert first + "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "begun ended"
    assert traces(running) == [("ok", "begun ended")]


def test_an_answer_that_outlasts_the_drain_is_cut_and_told_so(serve):
    running = serve(apps={"endless": pausing(60)})
    stream = ask(running, "endless")
    next(stream)
    running.server.should_exit = True
    with pytest.raises(openai.APIError, match="stopping"):
        list(stream)
    assert traces(running) == [("cancelled", "begun")]


def test_no_new_connection_is_taken_while_it_drains(serve):
    running = serve(apps={"slow": pausing(0.8)})
    stream = ask(running, "slow")
    next(stream)
    running.server.should_exit = True
    time.sleep(0.4)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)
    assert list(stream)
