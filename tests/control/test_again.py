"""Work that is never done."""

import asyncio
import logging

import pytest

from fourways.control.again import again
from fourways.core.errors import Unavailable


@pytest.mark.parametrize("trouble", [Unavailable("the store is away"), ZeroDivisionError("a mistake of ours")])
async def test_what_goes_wrong_is_logged_and_tried_again(trouble, caplog):
    turns: list[int] = []
    done = asyncio.Event()

    async def work() -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise trouble
        done.set()

    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(again(work, "it could not be done", pause=0.0))
        await asyncio.wait_for(done.wait(), 5)
    assert "it could not be done" in caplog.text
    assert str(trouble) in caplog.text
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_turn_that_took_long_is_followed_by_a_longer_pause():
    begun: list[float] = []
    enough = asyncio.Event()

    async def work() -> None:
        begun.append(asyncio.get_running_loop().time())
        if len(begun) == 2:
            enough.set()
        await asyncio.sleep(0.05)

    task = asyncio.create_task(again(work, "slow", pause=0.0, load=3.0))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    assert begun[1] - begun[0] >= 0.19  # its own 0.05 s, and three times as much
