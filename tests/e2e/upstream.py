"""Models' servers on loopback, in a thread: one that answers at once, one that takes its time."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.models.fake_openai import Answer, FakeOpenAI, Request, frames

PACE = 0.05
"""Seconds between two words of the slow one."""


@dataclass
class _Thread:
    """A server's life in a thread."""

    words: int = 0
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    async def serve(self) -> None:
        async with FakeOpenAI() as server:
            if self.words:
                server.script.extend([Answer(frames=frames(" ".join(["slow"] * self.words)), frame_delay=PACE)] * 10)
            self.requests = server.requests
            self.url = server.url
            self.started.set()
            while not self.ended.is_set():
                await asyncio.sleep(0.01)
                if server.hung_up.is_set():
                    self.hung_up.set()


@contextlib.contextmanager
def _running(life: _Thread) -> Iterator[_Thread]:
    thread = threading.Thread(target=asyncio.run, args=(life.serve(),), daemon=True)
    thread.start()
    assert life.started.wait(10)
    try:
        yield life
    finally:
        life.ended.set()
        thread.join(10)


@contextlib.contextmanager
def tortoise(words: int = 400) -> Iterator[tuple[str, threading.Event]]:
    """Serve a slow stream: its address, and the event of a client that hung up."""
    with _running(_Thread(words=words)) as life:
        yield life.url, life.hung_up


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[Request]]]:
    """Serve ordinary answers: the address, and what was asked, as it comes."""
    with _running(_Thread()) as life:
        yield life.url, life.requests
