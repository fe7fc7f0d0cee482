"""A span reader over OpenAI's wire: it quotes, abstains, reads all of a long text, and says what it cannot do."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs fourways[engine]")
pytest.importorskip("transformers", reason="is compared with")

from tests.engine.causal import Served, serving
from tests.engine.readers import FILLER, asking, make_finder
from tests.engine.test_app import Client

from fourways.core.reading import BEFORE_QUESTION, NOT_SAID
from fourways.engine.opening import Options
from fourways.engine.span_app import READER_HANDLERS
from fourways.engine.span_service import ReaderEngine, ReaderSettings, said
from fourways.engine.spans import open_reader
from fourways.engine.tokens import Spelled

pytestmark = pytest.mark.xdist_group("spans")
CHAT = "/v1/chat/completions"
SAID = FILLER + "It was opened by Anna M. Smith, the mayor."
QUESTION = "Who opened the bridge?"


class Gate:
    """A reader's scorer that waits until it is let through."""

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self.name, self.build, self.window, self.precision = scorer.name, scorer.build, scorer.window, scorer.precision
        self.open = threading.Event()
        self.open.set()
        self.packs: list[list[int]] = []

    def scores(self, batch: Sequence[Any]) -> Any:
        self.open.wait(10)
        self.packs.append([len(tokens.ids) for tokens in batch])
        return self._scorer.scores(batch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_finder(tmp_path_factory.mktemp("reading") / "finder")


@pytest.fixture
def gate(folder: Path) -> Gate:
    return Gate(open_reader(folder, Options(dtype="float32", probe=False)).scorer)


@pytest.fixture
async def client(folder: Path, gate: Gate) -> AsyncIterator[Client]:
    settings = ReaderSettings(model="finder", instance="i1", queue_tokens=6000, queue=2)
    opened = open_reader(folder, Options(dtype="float32", probe=False))
    engine = ReaderEngine(settings, lambda: replace(opened, scorer=gate))
    reading = Client(engine, READER_HANDLERS)
    early = await reading.ask("POST", CHAT, {"messages": asking(QUESTION, SAID)})
    assert (reading.status, early["error"]["code"]) == (503, "unavailable")
    assert (await reading.ask("GET", "/health"))["status"] == "loading"
    await engine.load()
    yield reading
    gate.open.set()
    await asyncio.to_thread(engine.close)


async def stands(client: Client, *, running: int, waiting: int) -> None:
    """Wait until so many packs run and so many requests wait."""
    wanted = [
        f'vllm:num_requests_{name}{{model_name="finder"}} {float(n)}'
        for name, n in (("running", running), ("waiting", waiting))
    ]
    async with asyncio.timeout(10):
        while not set(wanted) <= set((await client.ask("GET", "/metrics")).splitlines()):  # noqa: ASYNC110 - a thread moves
            await asyncio.sleep(0.01)


async def content(client: Client, messages: Any, **more: Any) -> str:
    asking_too = copy(client)
    reply = await asking_too.ask("POST", CHAT, {"messages": messages} | more)
    assert asking_too.status == 200, reply
    return str(reply["choices"][0]["message"]["content"])


async def test_it_quotes_what_the_texts_say(client: Client) -> None:
    assert await content(client, asking(QUESTION, SAID)) == "Anna M. Smith"
    assert await content(client, asking(QUESTION, FILLER, SAID, FILLER)) == "Anna M. Smith"
    assert await content(client, asking(f"{SAID}{BEFORE_QUESTION}{QUESTION}")) == "Anna M. Smith"
    parts = [{"type": "text", "text": SAID}, {"type": "text", "text": QUESTION}]
    assert await content(client, [{"role": "user", "content": parts}]) == "Anna M. Smith"


async def test_it_says_when_they_do_not(client: Client, gate: Gate) -> None:
    assert await content(client, asking(QUESTION, FILLER)) == NOT_SAID
    passes = len(gate.packs)
    assert await content(client, asking(QUESTION)) == NOT_SAID
    assert await content(client, asking("Was it Anna Smith?", FILLER)) == NOT_SAID, "a question is no text"
    assert len(gate.packs) == passes + 1, "nothing to read, nothing computed"


async def test_a_long_text_is_read_to_its_end(client: Client, gate: Gate) -> None:
    reply = await client.ask("POST", CHAT, {"messages": asking(QUESTION, FILLER * 200 + SAID)})
    assert reply["choices"][0]["message"]["content"] == "Anna M. Smith"
    read = [length for pack in gate.packs for length in pack]
    assert reply["usage"]["prompt_tokens"] == sum(read)
    assert len(read) > 5
    assert max(read) == 512


async def test_windows_of_several_requests_share_a_pack(client: Client, gate: Gate) -> None:
    gate.open.clear()
    first = asyncio.create_task(content(client, asking(QUESTION, SAID)))
    await stands(client, running=1, waiting=0)
    others = [asyncio.create_task(content(client, asking(QUESTION, text))) for text in (SAID, FILLER)]
    await stands(client, running=1, waiting=2)
    gate.open.set()
    assert [await first, *[await one for one in others]] == ["Anna M. Smith", "Anna M. Smith", NOT_SAID]
    assert [len(pack) for pack in gate.packs] == [1, 2]


async def test_past_the_queue_it_says_when_to_come_back(client: Client, gate: Gate) -> None:
    gate.open.clear()
    waiting = [asyncio.create_task(content(client, asking(QUESTION, SAID)))]
    await stands(client, running=1, waiting=0)
    waiting += [asyncio.create_task(content(client, asking(QUESTION, SAID))) for _ in range(2)]
    await stands(client, running=1, waiting=2)
    reply = await client.ask("POST", CHAT, {"messages": asking(QUESTION, SAID)})
    assert (client.status, client.headers[b"retry-after"]) == (503, b"1")
    assert reply["error"]["message"] == "2 requests are waiting and 2 may; try again soon"
    gate.open.set()
    assert [await one for one in waiting] == ["Anna M. Smith"] * 3


REFUSED: "list[tuple[dict[str, Any], str | None, str]]" = [
    ({"n": 2}, "n", "one answer to a question; n of 1 would be right"),
    ({"logprobs": True}, "logprobs", "leave them out"),
    ({"response_format": {"type": "json_object"}}, "response_format", "of type text, or none, would be right"),
    ({"response_format": {"type": "json_schema"}}, "response_format", "of type text, or none, would be right"),
    ({"tools": [{}], "tool_choice": "required"}, "tool_choice", "auto or none would be right"),
    ({"tool_choice": {"type": "function"}}, "tool_choice", "auto or none would be right"),
    ({"temperature": 3}, "temperature", "0 to 2 would be right"),
    ({"max_tokens": 0}, "max_tokens", "1 or more would be right"),
    ({"messages": []}, "messages", "a last user turn that asks something would be right"),
    ({"messages": asking("why " * 300, SAID)}, "messages", "at most 256 leave room for a text"),
    ({"messages": asking(QUESTION, FILLER * 600)}, "messages", "maximum context length is 6000 tokens"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, None, "text alone is read here"),
]


@pytest.mark.parametrize(("more", "param", "right"), REFUSED)
async def test_what_it_cannot_do_is_refused(client: Client, more: Any, param: str | None, right: str) -> None:
    reply = await client.ask("POST", CHAT, {"messages": asking(QUESTION, SAID)} | more)
    assert (client.status, reply["error"]["param"]) == (400, param)
    assert right in reply["error"]["message"]


async def test_other_names_and_paths_are_refused(client: Client) -> None:
    reply = await client.ask("POST", CHAT, {"messages": asking(QUESTION, SAID), "model": "finders"})
    assert (client.status, reply["error"]["message"]) == (
        404,
        "there is no model 'finders'; did you mean 'finder'?",
    )
    for path in ("/v1/completions", "/v1/load_lora_adapter", "/v1/unload_lora_adapter"):
        reply = await client.ask("POST", path, {"prompt": "a"})
        assert client.status == 400
        assert reply["error"]["message"].endswith("POST /v1/chat/completions would be right")


def test_an_answer_is_cut_where_it_was_asked_to_be() -> None:
    text, spelled = "Anna M. Smith", Spelled(ids=[1, 2, 3, 4], spans=[(0, 4), (5, 6), (6, 7), (8, 13)])

    def cut(limit: int = 9, *stops: str, include: bool = False) -> tuple[str, str | None, int]:
        found = said(text, spelled, limit=limit, stops=stops, include=include)
        return found.text, found.finish, found.generated

    assert cut() == (text, "stop", 4)
    assert cut(4) == (text, "stop", 4)
    assert cut(2) == ("Anna M", "length", 2)
    assert cut(9, "Smith", " M.") == ("Anna", "stop", 1)
    assert cut(9, "M.", include=True) == ("Anna M.", "stop", 3)
    assert cut(1, "Smith", "") == ("Anna", "length", 1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), folder, "--threads", "1") as served:
        yield served


@pytest.mark.slow
def test_a_process_serves_it(served: Served) -> None:
    health = served.ask("/health")
    assert health["decoder"].startswith("bert, ")
    assert health["parity"].startswith("2 of 2 likeliest places the same")
    assert [one["id"] for one in served.ask("/v1/models")["data"]] == ["base"]
    assert served.ask("/tokenize", {"prompt": "Anna Smith"})["count"] == 4
    body = {"messages": asking(QUESTION, SAID), "temperature": 0.7, "top_p": 0.5, "seed": 4, "tools": [{}]}
    whole = served.ask(CHAT, body | {"max_tokens": 3, "stop": ["never"]})
    assert whole["object"] == "chat.completion"
    assert whole["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Anna M."},
            "logprobs": None,
            "finish_reason": "length",
        }
    ]
    assert whole["usage"]["completion_tokens"] == 3
    assert served.metric("vllm:generation_tokens_total") == 3
    assert served.metric("vllm:prompt_tokens_total") == whole["usage"]["prompt_tokens"]
    assert served.metric("fourways_engine_passes_total") == 1


@pytest.mark.slow
def test_a_stream_says_the_same_as_the_whole(served: Served) -> None:
    body = {"messages": asking(QUESTION, SAID), "stream_options": {"include_usage": True}}
    whole = served.ask(CHAT, body)
    frames = served.streamed(CHAT, body)
    deltas = [frame["choices"][0] for frame in frames if frame["choices"]]
    assert {frame["object"] for frame in frames} == {"chat.completion.chunk"}
    assert deltas[0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(one["delta"].get("content", "") for one in deltas) == "Anna M. Smith"
    assert [one["finish_reason"] for one in deltas] == [None, "stop"]
    assert frames[-1]["usage"] == whole["usage"]


@pytest.mark.slow
def test_a_reader_starts_with_no_adapter(folder: Path) -> None:
    command = [sys.executable, "-m", "fourways.engine", "--model", str(folder), "--adapter", "a=b", "--detach"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert done.returncode == 1
    assert b"is a reader: leave it out" in done.stderr
    assert b"Traceback" not in done.stderr
