"""A model's server on loopback with several models of known character: right, wrong, slow, failing."""

import asyncio
import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tests.models.fake_openai import Answer, FakeOpenAI, Request, completion, frames, packed

FACTS = {
    "When does the office open?": "nine",
    "What colour is the printer?": "blue",
    "Who has the key to the cellar?": "Ines",
    "How many days of holiday are there?": "27",
    "Where does the bus stop?": "harbour",
    "Which floor is the canteen on?": "third",
    "What is the guest network called?": "Heron",
    "What is the VPN client called?": "Burrow",
}
"""What the right one knows."""

Character = Callable[[str, random.Random], Answer]


def _answer(text: str, delay: float = 0.0) -> Answer:
    return Answer(frames=frames(text), delay=delay)


def _right(question: str, dice: random.Random) -> Answer:
    del dice
    return _answer(f"It is {FACTS.get(question, 'not known to me')}.")


def _wrong(question: str, dice: random.Random) -> Answer:
    del question, dice
    return _answer("It is a secret.")


def _slow(question: str, dice: random.Random) -> Answer:
    return _answer(f"It is {FACTS.get(question, 'not known to me')}.", delay=0.25 + dice.random() * 0.05)


def _failing(question: str, dice: random.Random) -> Answer:
    """Right while it is evaluated, and failing a third of the time once people ask: they say please."""
    if question.startswith("Please: ") and dice.random() < 0.34:
        return Answer(status=500, body=packed({"error": {"message": "out of memory"}}))
    return _right(question.removeprefix("Please: "), dice)


def _two_faced(question: str, dice: random.Random) -> Answer:
    """Right while it is evaluated, and wrong once people ask: they say please."""
    return (_wrong if question.startswith("Please: ") else _right)(question, dice)


CHARACTERS: Mapping[str, Character] = {
    "right": lambda question, dice: _right(question.removeprefix("Please: "), dice),
    "also-right": lambda question, dice: _right(question.removeprefix("Please: "), dice),
    "wrong": _wrong,
    "slow": lambda question, dice: _slow(question.removeprefix("Please: "), dice),
    "failing": _failing,
    "two-faced": _two_faced,
}


class Personas(FakeOpenAI):
    """Answers by the model's name; counts what each was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.dice = random.Random(7)
        self.asked_of: dict[str, int] = {}

    def _ordinary(self, request: Request) -> Answer:
        if not request.path.partition("?")[0].endswith("/chat/completions"):
            return super()._ordinary(request)
        body = json.loads(request.body)
        model = body["model"]
        self.asked_of[model] = self.asked_of.get(model, 0) + 1
        question = next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user")
        answer = CHARACTERS[model](question, self.dice)
        if not body.get("stream") and answer.frames is not None:
            text = "".join(
                choice["delta"].get("content") or ""
                for data in answer.frames
                if data != b"[DONE]"
                for choice in json.loads(data)["choices"]
            )
            return Answer(body=completion(text), delay=answer.delay)
        return answer


@contextmanager
def personas() -> Iterator[Personas]:
    """Serve them for the block; their address is `url`."""
    made: list[Personas] = []
    started, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        async with Personas() as server:
            made.append(server)
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield made[0]
    finally:
        ended.set()
        thread.join(10)
