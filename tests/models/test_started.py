"""Servers that we start: there on a request, one for many, gone when idle, never while somebody is answered."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.models.test_supervisor import gone

from fourways.config.tree import Project
from fourways.config.ways import SMALL
from fourways.core.chat import Answerer, ChatRequest, Principal, collect
from fourways.core.errors import Unavailable
from fourways.core.trace import Trace
from fourways.models.adapters import MOST, Adapters
from fourways.models.embedders import HashEmbedder
from fourways.models.registry import Models
from fourways.models.started import Servers, StartedServer
from fourways.models.transport import Transport
from fourways.models.weights import named_by_content, packaged_folder, weights_spec

SCRIPT = (sys.executable, str(Path(__file__).with_name("model_server.py")))


async def said(answerer: Answerer, text: str = "hi") -> str:
    request = ChatRequest(model="x", messages=[{"role": "user", "content": text}], principal=Principal())
    return (await collect(answerer(request, Trace()))).text


def folder_of(path: Path, weights: bytes = b"w", **more: str) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(weights)
    for name, text in more.items():
        (path / f"{name}.json").write_text(text)
    return path


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[object]]]:
    path = tmp_path / "calls"
    monkeypatch.setenv("CALLS", str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def idle() -> float:
    return 600.0


@pytest.fixture
async def servers(tmp_path: Path, idle: float) -> AsyncIterator[Servers]:
    made = Servers(tmp_path / "state", engine=(*SCRIPT, "engine"), idle=idle)
    yield made
    await made.stop()


@pytest.fixture
def models(servers: Servers, transport: Transport) -> Models:
    return Models(
        Project.model_validate({"project": "p", "network": "none"}),
        transport,
        environ={},
        embedder_factory=lambda name: HashEmbedder(),
        servers=servers,
    )


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "base")


def server_of(servers: Servers, base: Path) -> StartedServer:
    return servers.server(weights_spec(base, servers.engine))


async def test_a_folder_of_weights_answers_even_where_no_packet_may_leave(models, base):
    assert await said(models.weights(base, name="mine")) == f"{named_by_content(base)} hi"


async def test_adapters_share_their_bases_process_and_are_loaded_once(models, base, tmp_path, calls):
    adapters = [folder_of(tmp_path / name, name.encode(), adapter_config="{}") for name in ("a", "b")]
    answerers = [models.weights(base, name="base")]
    answerers += [models.weights(base, name=folder.name, adapter=folder) for folder in adapters]
    asked = [said(each, "which process?") for each in answerers * 3]
    assert len(set(await asyncio.gather(*asked))) == 1
    assert await said(answerers[1]) == f"{named_by_content(adapters[0])} hi"
    loaded = [call[1] for call in calls() if call[0] == "/v1/load_lora_adapter"]
    assert loaded == [{"lora_name": named_by_content(each), "lora_path": str(each)} for each in adapters]


async def test_of_many_adapters_those_used_longest_ago_are_unloaded(models, base, tmp_path, calls):
    folders = [folder_of(tmp_path / f"a{n}", str(n).encode(), adapter_config="{}") for n in range(MOST + 2)]
    for folder in (folders[0], folders[1], *folders):
        await said(models.weights(base, name=folder.name, adapter=folder))
    unloaded = [call[1]["lora_name"] for call in calls() if call[0] == "/v1/unload_lora_adapter"]
    assert unloaded == [named_by_content(folder) for folder in folders[:2]]
    assert await said(models.weights(base, name="a0", adapter=folders[0])) == f"{named_by_content(folders[0])} hi"


async def test_another_processs_adapter_is_taken_as_it_is_and_a_lost_one_loaded_again(
    models, servers, base, tmp_path, calls, transport
):
    folder = folder_of(tmp_path / "a", adapter_config="{}")
    await said(models.weights(base, name="a", adapter=folder))
    other = Servers(tmp_path / "state", engine=servers.engine)
    beside = Models(models._project, transport, environ={}, embedder_factory=lambda name: HashEmbedder(), servers=other)
    await said(beside.weights(base, name="a", adapter=folder))
    assert [call[0] for call in calls()] == ["started", "/v1/load_lora_adapter"]
    loader = server_of(other, base).loader
    assert isinstance(loader, Adapters)
    await loader.unload(named_by_content(folder))
    assert await said(models.weights(base, name="a", adapter=folder)) == f"{named_by_content(folder)} hi"
    await other.stop()


async def test_a_folder_whose_weights_change_is_another_model(models, base):
    before = await said(models.weights(base, name="mine"))
    (base / "model.safetensors").write_bytes(b"other")
    assert await said(models.weights(base, name="mine")) != before


async def test_a_killed_server_is_replaced_under_the_request(models, servers, base):
    answerer = models.weights(base, name="mine")
    pid = int(await said(answerer, "which process?"))
    waiting = asyncio.create_task(said(answerer, "wait 0.3"))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    assert (await waiting).endswith("wait 0.3")
    assert int(await said(answerer, "which process?")) != pid


@pytest.mark.parametrize("idle", [0.2])
async def test_it_is_ended_after_idleness_and_there_again_on_a_request(models, servers, base):
    answerer = models.weights(base, name="mine")
    pid = int(await said(answerer, "which process?"))
    server = server_of(servers, base)
    server._used.touch()
    assert await asyncio.to_thread(gone, pid)
    assert server.kept.at is None
    assert int(await said(answerer, "which process?")) != pid


@pytest.mark.parametrize("idle", [0.1])
async def test_no_answer_is_cut_by_idleness(models, servers, base):
    answerer = models.weights(base, name="mine")
    pid = int(await said(answerer, "which process?"))
    assert await said(answerer, "wait 0.6") == f"{named_by_content(base)} wait 0.6"
    assert await asyncio.to_thread(gone, pid)


@pytest.mark.parametrize("idle", [1.2])
async def test_another_processs_use_keeps_it_up(models, servers, base, tmp_path, transport):
    pid = int(await said(models.weights(base, name="mine"), "which process?"))
    other = Servers(tmp_path / "state", engine=servers.engine, idle=1.2)
    beside = Models(models._project, transport, environ={}, embedder_factory=lambda name: HashEmbedder(), servers=other)
    await said(beside.weights(base, name="mine"), "wait 2")
    assert not await asyncio.to_thread(gone, pid, 0.1), "the owner had nothing to do for longer than its idle time"
    assert await asyncio.to_thread(gone, pid)
    await other.stop()


@pytest.mark.parametrize("idle", [0.1])
async def test_what_is_to_be_kept_stays_up(models, servers, base):
    server_of(servers, base).keepers += 1
    answerer = models.weights(base, name="mine")
    pid = int(await said(answerer, "which process?"))
    assert not await asyncio.to_thread(gone, pid, 0.5)


async def test_a_folder_without_safetensors_is_refused_at_once(models, tmp_path):
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "pytorch_model.bin").touch()
    with pytest.raises(Unavailable, match=r"holds no \.safetensors"):
        models.weights(tmp_path / "pickled", name="mine")


def test_the_packaged_model_is_found_or_said_to_be_missing(models, tmp_path):
    with pytest.raises(Unavailable, match="make small-model"):
        packaged_folder(SMALL, tmp_path)
    folder_of(tmp_path / SMALL)
    assert packaged_folder(SMALL, tmp_path) == tmp_path / SMALL
    assert SMALL in models.names()
    assert [(one.name, one.where) for one in models.reach(SMALL)] == [(SMALL, "this machine")]
