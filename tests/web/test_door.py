"""What the door refuses, and how: keys, bodies, paths, clients that misbehave."""

import json
import socket
import time
from contextlib import closing

import openai
import pytest

from fourways.core.chat import Principal
from fourways.core.ids import TenantId
from fourways.gateway.keys import Grant, KeyRing
from fourways.store.access import hash_of

KEYS = {
    "sk-all": Grant(principal=Principal(key_id="all")),
    "sk-parrot": Grant(principal=Principal(key_id="parrot", apps=frozenset({"parrot"}))),
    "sk-other": Grant(principal=Principal(key_id="other", apps=frozenset({"elsewhere"}))),
    "sk-old": Grant(principal=Principal(key_id="old"), expires_at=1.0),
    "sk-admin": Grant(principal=Principal(key_id="admin", admin=True)),
    "sk-stranger": Grant(principal=Principal(key_id="stranger", tenant=TenantId("stranger"), admin=True)),
}
RING = KeyRing(grants={hash_of(secret): grant for secret, grant in KEYS.items()}, locked=True)
CHAT = {"model": "parrot", "messages": [{"role": "user", "content": "hi"}]}


def ask(client, **body):
    return client.chat.completions.create(**{**CHAT, **body})


def raw(port, data, *, half_close=False, wait=5.0):
    """Send bytes, return all that comes back until the server closes or is quiet."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=wait)) as link:
        link.sendall(data)
        if half_close:
            link.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := link.recv(65536):
                got += piece
                if not half_close and b"\r\n\r\n" in got and got.count(b"}") >= 2:
                    break
        except (TimeoutError, ConnectionResetError):
            pass
        return got


def post(path, body, **headers):
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    if "content_length" not in headers:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize("key", ["sk-unknown", "sk-old"])
def test_a_key_that_is_not_good_is_refused(serve, key):
    client = serve(ring=RING).client(key)
    with pytest.raises(openai.AuthenticationError) as caught:
        ask(client)
    assert caught.value.code == "invalid_api_key"
    assert caught.value.response.headers["www-authenticate"] == "Bearer"


def test_a_key_may_come_in_any_of_three_headers(serve):
    running = serve(ring=RING)
    body = json.dumps(CHAT).encode()
    for header in ({"authorization": "bearer sk-all"}, {"x_api_key": "sk-all"}, {"api_key": "sk-all"}):
        assert raw(running.port, post("/v1/chat/completions", body, **header)).startswith(b"HTTP/1.1 200")


def test_without_any_key_this_machine_is_answered_and_warned(serve):
    response = serve().client().chat.completions.with_raw_response.create(**CHAT)
    assert "no API key exists" in response.headers["fourways-warning"]


def test_with_a_key_there_is_no_warning(serve):
    response = serve(ring=RING).client("sk-all").chat.completions.with_raw_response.create(**CHAT)
    assert "fourways-warning" not in response.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_forwarded_for": "10.0.0.1"}, b"401"),
        ({"forwarded": "for=10.0.0.1"}, b"401"),
        ({"origin": "https://evil.example"}, b"403"),
        ({"origin": "http://localhost:3000"}, b"200"),
    ],
)
def test_loopback_without_a_key_is_only_for_this_machine_itself(plain, headers, status):
    answer = raw(plain.port, post("/v1/chat/completions", json.dumps(CHAT).encode(), **headers))
    assert answer.split(b" ")[1] == status


def test_a_foreign_host_name_that_leads_here_is_refused(serve):
    data = post("/v1/chat/completions", json.dumps(CHAT).encode()).replace(b"host: 127.0.0.1", b"host: evil.example")
    assert raw(serve().port, data).startswith(b"HTTP/1.1 403")


def test_a_key_for_an_app_may_use_that_app_only(serve):
    running = serve(ring=RING)
    assert ask(running.client("sk-parrot")).choices[0].message.content == "hi"
    with pytest.raises(openai.PermissionDeniedError):
        ask(running.client("sk-other"))


def test_an_unknown_model_is_told_with_what_this_key_may_see(serve):
    client = serve(ring=RING).client("sk-other")
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="nowhere")
    assert caught.value.code == "model_not_found"
    assert "parrot" not in caught.value.message


def test_a_key_revoked_in_the_store_is_refused_within_a_moment(serve):
    running = serve(ring=RING)
    client = running.client("sk-all")
    ask(client)
    running.house.ring = KeyRing(locked=True)
    time.sleep(0.4)
    with pytest.raises(openai.AuthenticationError):
        ask(client)


def test_limits_answer_429_with_a_time_to_come_back(serve):
    client = serve(settings={"limits": {"requests_per_minute": 2}}).client()
    ask(client)
    ask(client)
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client)
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 30


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[" * 1_000_000, None),
        (b'{"model":"parrot","messages":' + b"[" * 1_000_000, "messages[0]"),
        (b'{"model":"parrot","messages":[{"role":"user"}],"extra":' + b'{"a":' * 1_000_000, None),
        (b'{"model":"\xff"}', None),
        (b"[]", None),
        (b'{"messages":[]}', "messages"),
        (b'{"model":7,"messages":[{"role":"user"}]}', "model"),
        (b'{"model":"parrot"}', "messages"),
        (b'{"model":"parrot","messages":[]}', "messages"),
        (b'{"model":"parrot","messages":[{"content":"x"}]}', "messages[0]"),
        (b'{"model":"parrot","messages":[{"role":"user","content":5}]}', "messages[0].content"),
        (b'{"model":"parrot","messages":[{"role":"user"}],"n":0}', "n"),
        (b'{"model":"parrot","messages":[{"role":"user"}],"temperature":"hot"}', "temperature"),
        (b'{"model":"parrot","messages":[{"role":"user"}],"fourways":{"varaibles":{}}}', "fourways"),
    ],
)
def test_a_wrong_body_is_a_400_that_names_the_field(plain, body, param):
    answer = raw(plain.port, post("/v1/chat/completions", body))
    assert answer.startswith(b"HTTP/1.1 400")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


def test_a_body_of_100_mb_is_refused_and_the_client_gets_to_know_why(serve):
    client = serve().client()
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, messages=[{"role": "user", "content": "x" * 100_000_000}])
    assert caught.value.status_code == 413
    assert "max_body_bytes" in caught.value.message


def test_a_body_that_grows_over_the_limit_is_refused_while_it_is_read(serve):
    running = serve(settings={"server": {"max_body_bytes": 100_000}})
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n"
    piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    answer = raw(running.port, head + piece * 20 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer


def test_a_slow_body_is_given_up(serve, monkeypatch):
    monkeypatch.setattr("fourways.web.asgi.BODY_SECONDS", 0.2)
    monkeypatch.setattr("fourways.web.asgi.LINGER_SECONDS", 0.2)
    answer = raw(serve().port, post("/v1/chat/completions", b'{"mod', content_length=1000))
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_timeout" in answer


@pytest.mark.parametrize("cut", [10, 120, 200])
def test_a_half_closed_request_ends_quietly(plain, caplog, cut):
    whole = post("/v1/chat/completions", json.dumps(CHAT).encode() + b" " * 100)
    raw(plain.port, whole[:cut], half_close=True, wait=2)
    assert ask(plain.client()).choices[0].message.content == "hi"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


# ---------------------------------------------------------------- paths


def test_a_path_that_is_not_there_is_a_404_and_a_wrong_method_says_the_right_one(serve):
    port = serve().port
    assert raw(port, post("/v1/nothing", b"{}")).startswith(b"HTTP/1.1 404")
    answer = raw(port, post("/v1/models", b"{}"))
    assert answer.startswith(b"HTTP/1.1 405")
    assert b"GET" in answer


def test_health_needs_no_key(serve):
    running = serve(ring=RING)
    for path in (b"/health", b"/ready", b"/metrics", b"/openapi.json", b"/docs"):
        answer = raw(
            running.port, b"GET " + path + b" HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", half_close=False
        )
        assert answer.startswith(b"HTTP/1.1 200"), path


@pytest.mark.parametrize("path", ["/api/keys", "/api/traces", "/api/knowledge"])
def test_the_admins_part_is_for_admin_keys(serve, path):
    running = serve(ring=RING)

    def status(key):
        return raw(
            running.port, f"GET {path} HTTP/1.1\r\nhost: h\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n".encode()
        ).split(b" ")[1]

    assert [status(key) for key in ("none", "sk-all", "sk-admin")] == [b"401", b"403", b"200"]
