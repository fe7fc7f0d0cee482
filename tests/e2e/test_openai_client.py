"""A stock OpenAI client before `fourways up`: it streams, lists, embeds, searches, and is refused in words it knows."""

import base64
import contextlib
import json
import math
import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openapi_spec_validator import validate
from tests.e2e import acme
from tests.e2e.processes import ProjectFolder, Server, serving, wait_until
from tests.e2e.upstream import tortoise

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("openai-client")]

Question = list[dict[str, str]]


def asking(*turns: str) -> Question:
    """A conversation, whose turns are the user's and the assistant's by turns."""
    return [{"role": ("user", "assistant")[number % 2], "content": turn} for number, turn in enumerate(turns)]


def chat(client: Any, model: str, *turns: str, **options):
    return client.chat.completions.create(model=model, messages=asking(*turns), **options)


def new_trace() -> tuple[str, dict[str, str]]:
    """The id of a trace that the caller names, and the header that does."""
    trace_id = secrets.token_hex(16)
    return trace_id, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}


def traces(project: ProjectFolder, trace_id: str) -> list[dict[str, Any]]:
    rows = project.done("trace", "--limit", "1000", "--json").json
    return [row for row in rows if row["id"] == trace_id]


# ---------------------------------------------------------------- answers


def test_rag_streams_an_answer_with_its_sources(server: Server):
    chunks = list(chat(server.client(), "helpdesk", "Where do I park as a visitor?", stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "level minus two" in text
    [found] = [note for chunk in chunks for note in getattr(chunk.choices[0].delta, "annotations", None) or ()]
    place = found["citation"]
    assert place["document"] == "docs/parking.md"
    assert place["quote"] in acme.page("parking")
    assert text[found["url_citation"]["start_index"] : found["url_citation"]["end_index"]] == "[1]"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_what_is_streamed_is_what_is_answered_whole(server: Server):
    question = "How much does a parking permit cost?"
    stream = chat(server.client(), "helpdesk", question, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    answer = chat(server.client(), "helpdesk", question)
    assert answer.choices[0].message.content == streamed
    assert answer.choices[0].message.annotations[0].citation["document"] == "docs/parking.md"
    assert (answer.fourways["app"], answer.fourways["way"]) == ("helpdesk", "rag")


def test_what_the_documents_do_not_say_is_not_answered(server: Server):
    answer = chat(server.client(), "helpdesk", "Who won the football world cup in 1998?")
    assert answer.fourways["abstained"] is True
    assert getattr(answer.choices[0].message, "annotations", None) is None


def test_the_prompt_way_streams_with_usage(server: Server):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(chat(server.client(), "helpdesk:prompt", "one two three", **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "one two three"
    assert chunks[-1].usage.completion_tokens == 3


def test_a_second_turn_is_understood_from_the_first(server: Server):
    first = "What is the name of the wireless network for guests?"
    said = "The wireless network for guests is named Heron."
    answer = chat(server.client(), "helpdesk", first, said, "How often does its code change?")
    assert "every Monday" in answer.choices[0].message.content


def test_a_second_turn_is_not_answered_with_the_firsts_sentence(server: Server):
    first = "Which days does the canteen serve lentil soup?"
    answer = chat(server.client(), "helpdesk", first, "On Thursdays it serves lentil soup.", "And when does it open?")
    assert "half past eleven" in answer.choices[0].message.content


def test_models_are_listed(server: Server):
    names = [card.id for card in server.client().models.list()]
    assert names[:5] == ["helpdesk", "parrot", "helpdesk:prompt", "helpdesk:rag", "parrot:prompt"]
    assert server.client().models.retrieve("helpdesk:rag").id == "helpdesk:rag"


def test_texts_are_embedded_as_numbers_and_as_base64_alike(server: Server):
    client = server.client()
    texts = ["a visitor parks", "guests leave their car", "lentil soup"]
    numbers = client.embeddings.create(model="minilm", input=texts, encoding_format="float").data
    packed = client.embeddings.create(model="minilm", input=texts, encoding_format="base64").data
    for row, same in zip(numbers, packed, strict=True):
        assert len(row.embedding) == 384
        assert math.hypot(*row.embedding) == pytest.approx(1, abs=1e-4)
        unpacked = struct.unpack("<384f", base64.b64decode(same.embedding))
        assert sum(a * b for a, b in zip(unpacked, row.embedding, strict=True)) > 0.999
    near, far = (sum(a * b for a, b in zip(numbers[0].embedding, numbers[at].embedding, strict=True)) for at in (1, 2))
    assert near > far + 0.2


def test_a_knowledge_is_searched_as_a_vector_store(server: Server):
    client = server.client()
    [store] = client.vector_stores.list()
    assert (store.id, store.file_counts.total) == ("handbook", len(acme.PAGES))
    page = client.vector_stores.search("handbook", query="colour printer", max_num_results=3)
    assert page.data[0].filename == "docs/printers.md"
    only = {"type": "eq", "key": "topic", "value": "wifi"}
    filtered = client.vector_stores.search("handbook", query="colour printer", filters=only)
    assert [found.filename for found in filtered.data] == ["docs/wifi.md"]


def test_feedback_is_taken_on_an_answer_and_on_nothing_else(server: Server):
    trace_id = chat(server.client(), "parrot", "well?").fourways["trace_id"]
    assert server.post("/v1/feedback", {"trace_id": trace_id, "thumb": "up"})["trace_id"] == trace_id
    with pytest.raises(OSError, match="404"):
        server.post("/v1/feedback", {"trace_id": "0" * 32, "thumb": "up"})


def test_health_metrics_and_openapi_are_there_for_anybody(server: Server):
    assert server.get("/health") == {"status": "ok"}
    assert server.get("/ready") == {"ready": True, "missing": []}
    assert "# TYPE fourways_" in server.get("/metrics")
    validate(server.get("/openapi.json"))
    assert "/v1/chat/completions" in server.get("/docs")


# ---------------------------------------------------------------- refusals


def test_an_unknown_model_is_told_with_the_likely_one(server: Server):
    with pytest.raises(openai.NotFoundError, match="did you mean 'helpdesk'") as caught:
        chat(server.client(), "helpdisk", "x")
    assert caught.value.code == "model_not_found"


def test_100_mb_are_refused(server: Server):
    with pytest.raises(openai.APIStatusError) as caught:
        chat(server.client(), "parrot", "x" * 100_000_000)
    assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'{"model":"parrot","messages":[{"role":"user","content":"x"}],"tools":' + b'[{"a":' * 500_000,
        b'{"model":"parrot","messages":[{"role":"user","content":"\xff\xfe"}]}',
        b'{"model":"parrot","messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
        b"",
        b"null",
    ],
    ids=["million-deep", "million-deep-inside", "no-utf-8", "surrogate", "empty", "null"],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/vector_stores/handbook/search"])
def test_a_body_that_is_none_is_a_400(server: Server, path: str, body: bytes):
    answer = raw(server, posted(path, body))
    assert answer.startswith(b"HTTP/1.1 400"), answer[:300]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("end", ["shutdown", "close", "reset"])
@pytest.mark.parametrize("sent", [7, 60, 150, -1])
def test_half_a_request_leaves_the_server_as_it_was(server: Server, end: str, sent: int):
    data = posted("/v1/chat/completions", json.dumps({"model": "parrot", "messages": asking("x " * 200)}).encode())
    with socket.create_connection(("127.0.0.1", server.port), timeout=3) as link:
        link.sendall(data[:sent])
        if end == "shutdown":
            link.shutdown(socket.SHUT_WR)
            assert not link.recv(1000).startswith(b"HTTP/1.1 200")
        elif end == "reset":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert chat(server.client(), "parrot", "still there").choices[0].message.content == "still there"
    assert server.trouble() == []


def posted(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def raw(server: Server, data: bytes) -> bytes:
    """Send bytes, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        link.sendall(data)
        got = b""
        while piece := link.recv(65536):
            got += piece
    return got


# ---------------------------------------------------------------- traces


def test_each_answer_leaves_exactly_one_trace_failed_ones_too(server: Server):
    client, project = server.client(), server.project
    before = len(project.done("trace", "--limit", "1000", "--json").json)
    expected = {}
    for model, status, options in (
        ("parrot", "ok", {}),
        ("parrot", "ok", {"stream": True}),
        ("helpdesk", "ok", {"stream": True}),
        ("nowhere", "error", {}),
        ("nowhere", "error", {"stream": True}),
        ("parrot", "error", {"temperature": "hot"}),
    ):
        trace_id, headers = new_trace()
        expected[trace_id] = status
        with contextlib.suppress(openai.APIStatusError):
            answer = chat(client, model, "Where do visitors park?", extra_headers=headers, **options)
            list(answer)
    trace_id, headers = new_trace()
    expected[trace_id] = "ok"
    client.vector_stores.search("handbook", query="x", extra_headers=headers)
    trace_id, headers = new_trace()
    expected[trace_id] = "ok"
    client.embeddings.create(model="minilm", input="x", extra_headers=headers)
    time.sleep(1.5)
    rows = project.done("trace", "--limit", "1000", "--json").json
    assert len(rows) - before == len(expected)
    assert {row["id"]: row["status"] for row in rows if row["id"] in expected} == expected


def test_a_trace_of_rag_has_its_steps(server: Server):
    trace_id, headers = new_trace()
    chat(server.client(), "helpdesk", "Where do visitors park?", extra_headers=headers)
    [row] = wait_until(lambda: traces(server.project, trace_id), "the trace")
    assert [span["name"] for span in row["spans"]] == ["retrieve", "prompt", "model"]
    assert row["question"] == "Where do visitors park?"
    assert 0 < row["first_token"] <= row["duration"]
    assert row["spans"][0]["attributes"]["hits"][0]["document"] == "docs/parking.md"


# ---------------------------------------------------------------- a model's server that is slow


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, threading.Event]]:
    """A server whose app `slow` asks a model that says a word every 50 ms, and notes that it was hung up on."""
    with tortoise() as (url, hung_up):
        project = acme.make(tmp_path_factory.mktemp("slow") / "acme")
        project.edit(
            "apps:\n",
            f"providers:\n  tortoise: {{dialect: openai, base_url: '{url}', network: internal}}\n"
            "apps:\n  slow:\n    ways:\n      prompt: {model: tortoise/t}\n",
        )
        with serving(project, "--no-sync") as running:
            yield running, hung_up


def test_hanging_up_in_the_middle_cancels_the_answer_and_the_model(slow_server):
    server, hung_up = slow_server
    trace_id, headers = new_trace()
    with chat(server.client(), "slow", "speak", stream=True, extra_headers=headers) as stream:
        assert any(chunk.choices[0].delta.content for chunk in stream)
    assert hung_up.wait(5), "the model's server was not hung up on"
    [row] = wait_until(lambda: traces(server.project, trace_id), "the trace")
    assert row["status"] == "cancelled"
    assert row["answer"]
    assert server.trouble() == []


def test_stopping_the_server_in_the_middle_of_a_stream_lets_it_end(tmp_path):
    with tortoise(words=20) as (url, _):
        project = acme.make(tmp_path / "acme")
        project.edit(
            "apps:\n",
            f"providers:\n  tortoise: {{dialect: openai, base_url: '{url}', network: internal}}\n"
            "apps:\n  slow:\n    ways:\n      prompt: {model: tortoise/t}\n",
        )
        with serving(project, "--no-sync") as server:
            stream = iter(chat(server.client(), "slow", "speak", stream=True))
            next(stream)
            server.process.terminate()
            chunks = list(stream)
            assert chunks[-1].choices[0].finish_reason == "stop"


# ---------------------------------------------------------------- keys


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server with keys: for everything, for the app parrot, for HR's labels, for admins."""
    project = acme.make(tmp_path_factory.mktemp("locked") / "acme")
    project.done("ingest")
    options = {"all": [], "parrot": ["--app", "parrot"], "hr": ["--label", "hr"], "admin": ["--admin"]}
    keys = {name: project.done("key", "create", name, *words, "--json").json for name, words in options.items()}
    with serving(project, "--no-sync") as running:
        yield running, {name: key["secret"] for name, key in keys.items()}


@pytest.mark.parametrize("key", ["none", "", "fw-" + "0" * 40, "ключ"])
def test_a_bad_key_is_refused_everywhere(locked, key):
    server, _ = locked
    for path in ("/v1/chat/completions", "/v1/embeddings", "/v1/vector_stores/handbook/search", "/api/keys"):
        head = posted(path, b"{}").replace(b"\r\n\r\n", f"\r\nauthorization: Bearer {key}\r\n\r\n".encode())
        answer = raw(server, head)
        assert answer.startswith(b"HTTP/1.1 401"), answer
    if key.isascii() and key:
        with pytest.raises(openai.AuthenticationError) as caught:
            chat(server.client(key), "parrot", "x")
        assert caught.value.code == "invalid_api_key"


def test_a_key_for_an_app_is_for_that_app(locked):
    server, keys = locked
    client = server.client(keys["parrot"])
    assert chat(client, "parrot", "x").choices[0].message.content == "x"
    assert {card.id for card in client.models.list()} == {"parrot", "parrot:prompt"}
    for refused in (
        lambda: chat(client, "helpdesk", "x"),
        lambda: chat(client, "helpdesk:rag", "x"),
        lambda: chat(client, "echo", "x"),
        lambda: client.vector_stores.search("handbook", query="x"),
        lambda: client.embeddings.create(model="minilm", input="x"),
    ):
        with pytest.raises(openai.PermissionDeniedError):
            refused()


def test_a_revoked_key_is_refused_within_a_second_while_the_server_runs(locked):
    server, _ = locked
    made = server.project.done("key", "create", "leaver", "--json").json
    client = server.client(made["secret"])
    wait_until(lambda: answered(client), "the new key", seconds=1)
    server.project.done("key", "revoke", made["id"])
    revoked = time.monotonic()
    wait_until(lambda: not answered(client), "the revocation", seconds=1)
    assert time.monotonic() - revoked < 1


def answered(client: Any) -> bool:
    try:
        chat(client, "parrot", "x")
    except openai.AuthenticationError:
        return False
    return True


# ---------------------------------------------------------------- who may read what


HR_QUESTION = "At how many euros does the salary of band seven begin, and when are bonuses paid out?"


def test_with_the_label_hrs_page_is_read(locked):
    server, keys = locked
    client = server.client(keys["hr"])
    assert "81250" in chat(client, "helpdesk", HR_QUESTION).choices[0].message.content
    found = client.vector_stores.search("handbook", query=HR_QUESTION).data
    assert found[0].filename == "docs/salaries.md"


@pytest.mark.parametrize("key", ["all", "admin"])
@pytest.mark.parametrize("labels", [None, ["hr"], ["hr", "*"], []])
def test_without_the_label_no_chat_shows_hrs_page(locked, key, labels):
    server, keys = locked
    extra: dict[str, Any] = {} if labels is None else {"extra_body": {"fourways": {"labels": labels}}}
    answer = chat(server.client(keys[key]), "helpdesk", HR_QUESTION, **extra)
    assert acme.SECRET not in answer.model_dump_json()
    assert "81250" not in answer.model_dump_json()


def test_a_key_with_the_label_may_put_it_down(locked):
    server, keys = locked
    extra: dict[str, Any] = {"extra_body": {"fourways": {"labels": []}}}
    answer = chat(server.client(keys["hr"]), "helpdesk", HR_QUESTION, **extra)
    assert acme.SECRET not in answer.model_dump_json()


TRICKS = [
    None,
    {"type": "eq", "key": "topic", "value": "salaries"},
    {"type": "eq", "key": "document", "value": "docs/salaries.md"},
    {"type": "eq", "key": "acl", "value": "hr"},
    {"type": "ne", "key": "acl", "value": "x"},
    {"type": "in", "key": "acl", "value": ["hr", "", "*"]},
    {"type": "eq", "key": "removed_in", "value": 0},
    {"type": "eq", "key": "topic') OR ('1'='1", "value": "x"},
    {"type": "eq", "key": "topic", "value": "x') OR true OR ('"},
    {"type": "eq", "key": "topic", "value": "x' OR '1'='1"},
    {
        "type": "or",
        "filters": [
            {"type": "ne", "key": "topic", "value": "y"},
            {"type": "eq", "key": "topic", "value": "salaries"},
        ],
    },
]


@pytest.mark.parametrize("filters", TRICKS)
def test_without_the_label_no_search_shows_hrs_page(locked, filters):
    server, keys = locked
    options = {} if filters is None else {"filters": filters}
    for query in (HR_QUESTION, acme.SECRET, "salaries.md"):
        try:
            page = server.client(keys["all"]).vector_stores.search(
                "handbook", query=query, max_num_results=50, **options
            )
        except openai.BadRequestError:
            continue
        shown = str([found.model_dump() for found in page.data])
        assert acme.SECRET not in shown
        assert "salaries" not in shown
