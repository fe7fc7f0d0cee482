"""The other endpoints: models, older completions, embeddings, stores, feedback, the admin's part, health, OpenAPI."""

import base64
import dataclasses
import math
import struct
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from json import loads as json_decode
from typing import Any

import openai
import pytest
from openapi_spec_validator import validate
from tests.web.calling import call

from fourways.config.tree import Project
from fourways.core.chat import Principal
from fourways.core.data import Hit, Passage
from fourways.core.ids import TenantId
from fourways.gateway.keys import Grant, KeyRing
from fourways.gateway.routes import Routes
from fourways.models.echo import Echo, Reply
from fourways.models.embedders import HashEmbedder
from fourways.models.registry import Models
from fourways.models.wire import open_transport
from fourways.store.access import hash_of
from fourways.web.app import Router
from fourways.web.endpoints import ENDPOINTS
from fourways.web.openapi import described

PROJECT = {
    "knowledge": {
        "manual": {"sources": [{"paths": ["docs"]}], "embedding": {"model": "hash"}},
        "secret": {"sources": [{"paths": ["hr"]}]},
    },
    "apps": {"parrot": {"ways": {"rag": {"knowledge": "manual"}}}},
}


def hit(text, score, **facts):
    passage = Passage(
        id=text, knowledge="manual", document="a.md", title="A", text=text, start=0, end=len(text), ordinal=0, **facts
    )
    return Hit(passage=passage, score=score, dense=score, lexical=1.0)


@dataclass
class Shelf:
    """A knowledge that gives what it was given, and remembers how it was asked."""

    hits: tuple[Hit, ...]
    asked: list[Any] = dataclasses.field(default_factory=list)

    async def search(self, query, *, labels, filters=None, limit=None):
        self.asked.append((query, labels, filters, limit))
        return list(self.hits)

    def snapshots(self):
        return [Snapshot(1, "published", 10.0, 20.0, {"documents": 3, "failed": 1})]


@dataclass
class Snapshot:
    number: int
    state: str
    created_at: float
    published_at: float | None
    counts: dict[str, int] | None


def ring(**principals):
    grants = {hash_of(f"sk-{name}"): Grant(principal=principal) for name, principal in principals.items()}
    return KeyRing(grants=grants, locked=True)


# ---------------------------------------------------------------- models


def test_models_lists_what_the_key_may_use(serve):
    keys = ring(all=Principal(), some=Principal(apps=frozenset({"b"})))
    running = serve(apps={"a": Echo(), "b": Echo()}, ring=keys)
    names = {key: [card.id for card in running.client(f"sk-{key}").models.list()] for key in ("all", "some")}
    assert names == {"all": ["a", "b", "a:prompt", "b:prompt"], "some": ["b", "b:prompt"]}
    assert running.client("sk-some").models.retrieve("b:prompt").id == "b:prompt"
    with pytest.raises(openai.NotFoundError):
        running.client("sk-some").models.retrieve("a")


# ---------------------------------------------------------------- completions


def test_the_older_wire_answers_several_prompts_in_order(plain):
    answer = plain.client().completions.create(model="parrot", prompt=["one two", "three"])
    assert [(choice.index, choice.text) for choice in answer.choices] == [(0, "one two"), (1, "three")]
    assert answer.usage.total_tokens == 6
    assert answer.object == "text_completion"


def test_the_older_wire_streams(plain):
    stream = plain.client().completions.create(
        model="parrot", prompt="one two", stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "one two"
    assert chunks[-1].usage.completion_tokens == 2


def test_token_arrays_are_refused_by_name(plain):
    with pytest.raises(openai.BadRequestError) as caught:
        plain.client().completions.create(model="parrot", prompt=[1, 2])
    assert str(caught.value.param).startswith("prompt")


@pytest.fixture
def provider():
    """A provider that speaks the older wire, and remembers what it was asked."""
    asked = []
    whole = b'{"id":"c","choices":[{"text":"up","index":0}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
    events = b'data: {"choices":[{"text":"up","index":0}]}\n\ndata: [DONE]\n\n'

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json_decode(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, body))
            answer = events if body.get("stream") else whole
            self.send_response(200)
            self.send_header("content-type", "text/event-stream" if body.get("stream") else "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    node = {"base_url": f"http://127.0.0.1:{server.server_port}/v1"}
    project = Project.model_validate({"project": "p", "providers": {"up": node}})
    yield Models(project, open_transport({}), environ={}, embedder_factory=lambda name: HashEmbedder()), asked
    server.shutdown()
    server.server_close()


def test_a_provider_that_speaks_the_older_wire_is_relayed(serve, provider):
    models, asked = provider
    running = serve(models=models, ring=ring(all=Principal(), app=Principal(apps=frozenset({"parrot"}))))
    running.house.routes.current = Routes(open_model=models.answerer)
    client = running.client("sk-all")
    assert client.completions.create(model="up/m", prompt="x", suffix="y", best_of=2).choices[0].text == "up"
    assert [c.choices[0].text for c in client.completions.create(model="up/m", prompt="x", stream=True)] == ["up"]
    assert asked[0] == ("/v1/completions", {"model": "m", "prompt": "x", "suffix": "y", "best_of": 2})
    with pytest.raises(openai.PermissionDeniedError):
        running.client("sk-app").completions.create(model="up/m", prompt="x")
    running.house.recorder.flush()
    second, first = running.traces()
    assert (first.model, first.input_tokens, first.cost_usd) == ("up/m", 3, 0.0)
    assert (second.status, second.attributes["operation"]) == ("ok", "text_completion")


# ---------------------------------------------------------------- embeddings


def test_embeddings_come_as_numbers_and_as_base64_alike(serve):
    client = serve(settings=PROJECT).client()
    numbers = client.embeddings.create(model="manual", input=["printer", "toner"], encoding_format="float")
    packed = client.embeddings.create(model="manual", input="printer", encoding_format="base64")
    row = struct.unpack("<8f", base64.b64decode(packed.data[0].embedding))
    assert numbers.data[0].embedding == pytest.approx(row)
    assert [row.index for row in numbers.data] == [0, 1]
    assert numbers.model == "hash"


def test_the_stock_client_embeds_and_may_shorten(serve):
    client = serve(settings=PROJECT).client()
    [row] = client.embeddings.create(model="hash", input="printer toner paper", dimensions=4).data
    assert len(row.embedding) == 4
    assert math.hypot(*row.embedding) == pytest.approx(1.0) or not any(row.embedding)
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="hash", input="x", dimensions=9)
    assert caught.value.param == "dimensions"


@pytest.mark.parametrize("name", ["/etc", "../up", "nowhere", "folder/model"])
def test_an_embedder_that_the_project_does_not_name_is_unknown(serve, name):
    with pytest.raises(openai.NotFoundError):
        serve(settings=PROJECT).client().embeddings.create(model=name, input="x")


def test_a_key_for_an_app_embeds_as_that_app_only(serve):
    client = serve(settings=PROJECT, ring=ring(one=Principal(apps=frozenset({"parrot"})))).client("sk-one")
    assert client.embeddings.create(model="parrot", input="x").model == "hash"
    with pytest.raises(openai.PermissionDeniedError):
        client.embeddings.create(model="hash", input="x")


# ---------------------------------------------------------------- stores


def test_a_store_is_searched_with_the_callers_labels(serve):
    shelf = Shelf((hit("use toner", 0.9, metadata={"team": "it"}, page=2), hit("weak", 0.1)))
    keys = ring(hr=Principal(labels=frozenset({"hr"})))
    running = serve(settings=PROJECT, libraries={"manual": shelf}, ring=keys)
    condition = {"type": "eq", "key": "team", "value": "it"}
    page = running.client("sk-hr").vector_stores.search(
        "manual", query="toner?", filters=condition, max_num_results=3, ranking_options={"score_threshold": 0.5}
    )
    [found] = page.data
    assert (found.filename, found.score, found.content[0].text) == ("a.md", 0.9, "use toner")
    assert found.attributes == {"team": "it"}
    assert found.fourways["page"] == 2
    assert shelf.asked == [("toner?", frozenset({"hr"}), condition, 3)]


def test_several_queries_give_each_passage_once(serve):
    shelf = Shelf((hit("a", 0.5), hit("b", 0.7)))
    page = (
        serve(settings=PROJECT, libraries={"manual": shelf})
        .client()
        .vector_stores.search("manual", query=["one", "two"])
    )
    assert [found.content[0].text for found in page.data] == ["b", "a"]
    assert len(shelf.asked) == 2


def test_stores_are_listed_and_a_key_for_an_app_sees_its_own(serve):
    libraries = {"manual": Shelf(()), "secret": Shelf(())}
    keys = ring(all=Principal(), one=Principal(apps=frozenset({"parrot"})))
    running = serve(settings=PROJECT, libraries=libraries, ring=keys)
    assert [store.id for store in running.client("sk-all").vector_stores.list()] == ["manual", "secret"]
    [store] = running.client("sk-one").vector_stores.list().data
    assert (store.id, store.file_counts.total, store.status) == ("manual", 4, "completed")
    with pytest.raises(openai.PermissionDeniedError):
        running.client("sk-one").vector_stores.search("secret", query="x")
    with pytest.raises(openai.NotFoundError, match="manual"):
        running.client("sk-one").vector_stores.retrieve("nowhere")


# ---------------------------------------------------------------- feedback and traces


def answered(running, key="none"):
    answer = running.client(key).chat.completions.create(model="parrot", messages=[{"role": "user", "content": "hi"}])
    return answer.fourways["trace_id"]


def test_feedback_right_after_the_answer_is_kept(serve):
    running = serve()
    body = {"trace_id": answered(running), "thumb": "up", "comment": "good", "user": "ann"}
    first = call(running, "POST", "/v1/feedback", json=body)
    again = call(running, "POST", "/v1/feedback", json={**body, "thumb": -1, "rating": 2})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["id"] == again.json()["id"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"trace_id": "0" * 32, "thumb": "up"}, 404),
        ({"trace_id": "0", "thumb": "up"}, 404),
        ({"trace_id": "0" * 32}, 400),
        ({"trace_id": "0" * 32, "thumb": "sideways"}, 400),
        ({"trace_id": "0" * 32, "stars": 6}, 400),
        ({"trace_id": "0" * 32, "stars": 1, "rating": 2}, 400),
        ({"trace_id": "0" * 32, "thumbs": "up"}, 400),
    ],
)
def test_feedback_on_nothing_or_saying_nothing_is_refused(plain, body, status):
    assert call(plain, "POST", "/v1/feedback", json=body).status_code == status


def test_another_tenants_trace_is_not_there(serve):
    keys = ring(mine=Principal(admin=True), theirs=Principal(admin=True, tenant=TenantId("other")))
    running = serve(ring=keys)
    trace_id = answered(running, "sk-mine")
    assert call(running, "GET", f"/api/traces/{trace_id}", "sk-mine").status_code == 200
    assert call(running, "GET", f"/api/traces/{trace_id}", "sk-theirs").status_code == 404
    assert call(running, "GET", "/api/traces", "sk-theirs").json()["data"] == []
    said = {"trace_id": trace_id, "thumb": "up"}
    assert call(running, "POST", "/v1/feedback", "sk-theirs", json=said).status_code == 404


def test_feedback_on_another_apps_trace_is_refused_like_on_none(serve):
    keys = ring(all=Principal(), one=Principal(apps=frozenset({"elsewhere"})))
    running = serve(ring=keys)
    said = {"trace_id": answered(running, "sk-all"), "thumb": "up"}
    assert call(running, "POST", "/v1/feedback", "sk-one", json=said).status_code == 404


def test_traces_are_listed_by_app_and_status(serve):
    running = serve(apps={"parrot": Echo(), "bad": Echo([Reply(status=400)])})
    answered(running)
    with pytest.raises(openai.BadRequestError):
        running.client().chat.completions.create(model="bad", messages=[{"role": "user", "content": "x"}])
    failed = call(running, "GET", "/api/traces?status=error").json()["data"]
    assert [row["app"] for row in failed] == ["bad"]
    assert call(running, "GET", "/api/traces?limit=1").json()["data"][0]["app"] == "bad"
    wrong = call(running, "GET", "/api/traces?limit=many")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "limit")


# ---------------------------------------------------------------- the admin's part


def test_a_key_is_made_used_listed_and_revoked(serve):
    running = serve(settings=PROJECT, real_keys=True)
    made = call(running, "POST", "/api/keys", json={"name": "portal", "apps": ["parrot"], "admin": True}).json()
    secret = made["secret"]
    assert call(running, "GET", "/api/keys").status_code == 401
    [row] = call(running, "GET", "/api/keys", secret).json()["data"]
    assert (row["name"], row["apps"]) == ("portal", ["parrot"])
    assert secret not in str(row)
    assert answered(running, secret)
    assert call(running, "DELETE", f"/api/keys/{made['id']}", secret).status_code == 200
    assert call(running, "GET", "/api/keys", secret).status_code == 401
    assert call(running, "GET", "/api/keys").status_code == 401, "the door must not open again with its last key"


def test_a_key_for_an_app_that_is_not_there_is_refused(serve):
    answer = call(serve(settings=PROJECT), "POST", "/api/keys", json={"name": "x", "apps": ["parot"]})
    assert answer.status_code == 404
    assert "did you mean 'parrot'" in answer.json()["error"]["message"]


def test_the_state_of_the_knowledge_is_shown(serve):
    running = serve(settings=PROJECT, libraries={"manual": Shelf(())})
    [card] = call(running, "GET", "/api/knowledge").json()["data"]
    assert card["knowledge"]["snapshot"] == 1
    assert card["job"] is None


# ---------------------------------------------------------------- health, metrics, OpenAPI


def test_metrics_count_answers_by_app(serve):
    running = serve()
    answered(running)
    running.house.recorder.flush()
    text = call(running, "GET", "/metrics").text
    labels = 'fourways_app="parrot",fourways_way="prompt",gen_ai_operation_name="chat",gen_ai_request_model="parrot"'
    assert f'fourways_requests_total{{{labels},status="ok"}} 1.0' in text
    assert "fourways_answers_in_flight 0.0" in text


def test_ready_says_what_is_missing(serve):
    running = serve()
    assert call(running, "GET", "/ready").json() == {"ready": True, "missing": []}
    running.house.routes = type(running.house.routes)(running.house.routes.current)
    answer = call(running, "GET", "/ready")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["routes"])


def test_the_openapi_document_is_one(plain):
    document = call(plain, "GET", "/openapi.json").json()
    validate(document)
    assert document["components"]["schemas"]["ChatBody"]["required"] == ["model", "messages"]


def test_the_document_and_the_router_know_the_same():
    router = Router(ENDPOINTS)
    told = {(method.upper(), path) for path, methods in described()["paths"].items() for method in methods}
    assert told == {(each.method, each.path.replace("...}", "}")) for each in ENDPOINTS}
    for method, path in told:
        found = router.find(method, path.replace("{", "").replace("}", ""))
        assert found is not None
        assert found[0].method == method


def test_every_endpoint_says_what_it_does():
    assert all(each.summary for each in ENDPOINTS)
    assert len({each.handle.__name__ for each in ENDPOINTS}) == len(ENDPOINTS)


def test_a_page_of_another_origin_may_call_where_the_project_says_so(serve):
    running = serve(settings={"server": {"cors_origins": ["https://portal.example"]}}, ring=ring(k=Principal()))
    headers = {"origin": "https://portal.example", "access-control-request-method": "POST"}
    answer = call(running, "OPTIONS", "/v1/chat/completions", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "https://portal.example"
