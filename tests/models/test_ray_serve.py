"""What Ray Serve is told of the servers that a project starts; and the door that a replica has, with a real server."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.models.test_started import SCRIPT, folder_of

from fourways.config.load import load_project
from fourways.core.errors import InvalidProject
from fourways.models.ray_serve import config_of, relay
from fourways.models.relay import Relay


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder_of(tmp_path / "base")
    vllm = {
        "model": "base",
        "options": ["--max-model-len", "512", "--dtype=bfloat16", "--no-enable-lora"],
        "gpus": [0, 1],
    }
    mine = {"model": "base", "name": "mini", "program": [*SCRIPT, "vllm"], "idle": "5m", "replicas": 3}
    providers = {"big": {"dialect": "vllm", "serve": vllm}, "mine": {"dialect": "vllm", "serve": mine}}
    (tmp_path / "fourways.yaml").write_text(yaml.safe_dump({"project": "p", "providers": providers}))
    return tmp_path


def test_every_server_is_an_application_with_replicas_as_its_line_says(folder):
    config = config_of(load_project(folder, {}), folder)
    assert [one["route_prefix"] for one in config["applications"]] == ["/big", "/mine"]
    assert config["applications"][1]["args"] == {"folder": str(folder), "provider": "mine"}
    command = [sys.executable, "-m", "fourways.models.ray_serve", str(folder)]
    assert yaml.safe_load(subprocess.check_output(command)) == config


def test_vllms_line_becomes_what_rays_own_deployment_takes(folder):
    (big, _) = config_of(load_project(folder, {}), folder, llm=True)["applications"]
    assert big["import_path"] == "ray.serve.llm:build_openai_app"
    (llm,) = big["args"]["llm_configs"]
    assert llm["model_loading_config"] == {"model_id": "base", "model_source": str(folder / "base")}
    assert llm["engine_kwargs"] == {
        "enable_prefix_caching": True, "tensor_parallel_size": 2, "max_model_len": 512, "dtype": "bfloat16",
        "enable_lora": False,
    }  # fmt: skip
    scaling = llm["deployment_config"]["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (0, 1)


def test_a_project_that_serves_nothing_has_nothing_to_run(tmp_path):
    (tmp_path / "fourways.yaml").write_text("project: p\n")
    with pytest.raises(InvalidProject, match="no provider says `serve`"):
        config_of(load_project(tmp_path, {}), tmp_path)


async def asked(app: Relay, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Put one request to an ASGI application, its body in two pieces."""
    raw = json.dumps(body).encode() if body else b""
    pieces = [
        {"type": "http.request", "body": raw[:5], "more_body": True},
        {"type": "http.request", "body": raw[5:], "more_body": False},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return pieces.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST" if body else "GET", "path": f"/mine{path}", "root_path": "/mine",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message["body"] for message in sent[1:]))


async def test_a_replica_starts_its_server_hands_requests_on_and_ends_it(folder):
    app = relay(folder, "mine")
    life: asyncio.Queue[Any] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    living = asyncio.create_task(app({"type": "lifespan"}, life.get, said.put))
    await life.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    question = {"model": "mini", "messages": [{"role": "user", "content": "hi"}]}
    status, answer = await asked(app, "/v1/chat/completions", question)
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "mini hi")
    assert (await asked(app, "/v1/models"))[1]["data"][0]["id"] == "mini"
    status, answer = await asked(app, "/v1/chat/completions", {**question, "model": "other"})
    assert (status, answer["error"]["type"]) == (404, "UnknownModel")
    await life.put({"type": "lifespan.shutdown"})
    assert (await said.get())["type"] == "lifespan.shutdown.complete"
    await living
