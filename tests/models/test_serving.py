"""Providers whose servers fourways starts: their command lines, what they load, what is asked of them."""

import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.launch.conftest import eventually
from tests.models.test_started import SCRIPT, folder_of, said
from tests.models.test_supervisor import gone

from fourways.config.load import parse_project
from fourways.config.tree import Project
from fourways.core.errors import InvalidProject, Unavailable, UnknownModel, UpstreamRefused
from fourways.models.child import Announced, healthy
from fourways.models.embedders import HashEmbedder
from fourways.models.registry import Models
from fourways.models.started import Servers
from fourways.models.transport import Transport

Calls = Callable[[], list[list[Any]]]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    path = tmp_path / "calls"
    monkeypatch.setenv("CALLS", str(path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return lambda: [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    folder_of(tmp_path / "base")
    for name, rank in (("polite", 16), ("curt", 24)):
        folder_of(tmp_path / "adapters" / name, name.encode(), adapter_config=json.dumps({"r": rank}))
        (tmp_path / "adapters" / f"{name}.gguf").write_bytes(name.encode())
    (tmp_path / "base.gguf").write_bytes(b"weights")
    made = Servers(tmp_path / ".fourways", engine=(*SCRIPT, "engine"))
    yield made
    await made.stop()


@pytest.fixture
def models(servers: Servers, transport: Transport, tmp_path: Path) -> Callable[..., Models]:
    def make(dialect: str, network: str = "open", **serve: Any) -> Models:
        program = {"vllm": "vllm", "llamacpp": "llama-server", "ollama": "ollama"}.get(dialect)
        called = {"program": [*SCRIPT, program]} if program else {}
        provider = {"dialect": dialect, "serve": {**called, **serve}}
        project = {"project": "p", "network": network, "providers": {"mine": provider}}
        read = parse_project(json.dumps(project), file=tmp_path / "fourways.yaml", environ={})
        return Models(
            read, transport, environ={}, embedder_factory=lambda name: HashEmbedder(), servers=servers
        )  # fmt: skip

    return make


FOLDERS = {"polite": "adapters/polite", "curt": "adapters/curt"}
FILES = {"polite": "adapters/polite.gguf", "curt": "adapters/curt.gguf"}


def command_of(calls: Calls) -> list[str]:
    """The command line of the server that was started, its port called PORT."""
    started = next(call for call in calls() if call[0] == "started")
    arguments: list[str] = started[2]
    at = arguments.index("--port") + 1
    return [*arguments[:at], "PORT", *arguments[at + 1 :]]


async def test_vllm_is_told_to_load_adapters_when_they_are_asked(models, calls, tmp_path):
    shelf = models("vllm", model="base", adapters=FOLDERS, options=["--max-model-len", "512"], gpus=[0, 2])
    assert calls() == [], "nothing is started before it is asked"
    assert await said(shelf.answerer("mine/base")) == "base hi"
    assert command_of(calls) == [
        "serve", str(tmp_path / "base"), "--served-model-name", "base", "--host", "127.0.0.1", "--port", "PORT",
        "--enable-prefix-caching", "--enable-lora", "--max-loras", "2", "--max-lora-rank", "32",
        "--tensor-parallel-size", "2", "--max-model-len", "512",
    ]  # fmt: skip
    assert calls()[0][3] == {"CUDA_VISIBLE_DEVICES": "0,2", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True"}
    for name in ("curt", "polite", "curt"):
        assert await said(shelf.answerer(f"mine/{name}")) == f"{name} hi"
    assert calls()[1:] == [
        ["/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(tmp_path / "adapters" / name)}]
        for name in ("curt", "polite")
    ]


async def test_llama_server_has_all_adapters_from_the_start_and_each_request_says_which(models, calls, tmp_path):
    shelf = models("llamacpp", model="base.gguf", name="mini", adapters=FILES, options=["--ctx-size", "512"])
    polite, curt = (tmp_path / path for path in FILES.values())
    for name, scales in (("mini", (0.0, 0.0)), ("curt", (0.0, 1.0)), ("polite", (1.0, 0.0))):
        answer = await said(shelf.answerer(f"mine/{name}"), "x")
        assert answer.startswith("mini ")
        assert json.loads(answer.split(" x ")[1]) == [{"id": n, "scale": scale} for n, scale in enumerate(scales)]
    assert command_of(calls) == [
        "--model", str(tmp_path / "base.gguf"), "--alias", "mini", "--host", "127.0.0.1", "--port", "PORT",
        "--lora", f"{polite},{curt}", "--lora-init-without-apply", "--ctx-size", "512",
    ]  # fmt: skip


async def test_ollama_makes_its_models_of_files_here(models, calls):
    shelf = models("ollama", model="base.gguf", name="mini", adapters={"curt": FILES["curt"]}, network="none")
    assert await said(shelf.answerer("mine/curt")) == "curt hi"
    assert await said(shelf.answerer("mine/mini")) == "mini hi"
    started, blob, adapter, _, model = calls()
    assert started[2] == ["serve"]
    assert started[3]["OLLAMA_HOST"].startswith("127.0.0.1:")
    assert (blob, adapter[0]) == (["/api/blobs/", 4], "/api/create")
    assert (adapter[1]["from"], list(adapter[1]["adapters"])) == ("mini", ["curt.gguf"])
    assert list(model[1]["files"]) == ["base.gguf"]


async def test_ollama_pulls_a_tag_unless_nothing_may_be_fetched(models, calls):
    assert await said(models("ollama", model="llama3.2:1b").answerer("mine/llama3.2:1b")) == "llama3.2:1b hi"
    assert calls()[1:] == [["/api/pull", {"model": "llama3.2:1b", "stream": False}]]
    with pytest.raises(Unavailable, match="network: none; pull it first"):
        await said(models("ollama", model="other:1b", network="none", start=61).answerer("mine/other:1b"))


async def test_a_hubs_name_stays_one_and_offline_nothing_is_asked_of_the_hub(models, calls):
    shelf = models("vllm", model="meta/llama-1b", network="none")
    assert await said(shelf.answerer("mine/llama-1b")) == "llama-1b hi"
    assert command_of(calls)[:2] == ["serve", "meta/llama-1b"]
    assert calls()[0][3]["HF_HUB_OFFLINE"] == "1"


async def test_two_providers_are_two_servers_over_one_project(servers, transport):
    serve = {"a": {"model": "base", "name": "code"}, "b": {"model": "base", "name": "text"}}
    providers = {name: {"dialect": "engine", "serve": node} for name, node in serve.items()}
    project = Project.model_validate({"project": "p", "providers": providers})
    shelf = Models(
        project, transport, environ={}, embedder_factory=lambda name: HashEmbedder(), servers=servers
    )  # fmt: skip
    answers = [said(shelf.answerer(name), "which process?") for name in ("a/code", "b/text")]
    assert len(set(await asyncio.gather(*answers))) == 2
    assert [(one.name, one.where) for one in shelf.reach("a/code")] == [("a/code", "this machine")]
    assert (await shelf.ambient()).model == "a/code"


async def test_an_edited_line_takes_the_servers_place_once_its_last_answer_is_given(models, servers):
    before = models("engine", model="base", keep=1)
    pid = int(await said(before.answerer("mine/base"), "which process?"))
    waiting = asyncio.create_task(said(before.answerer("mine/base"), "wait 0.4"))
    await asyncio.sleep(0.1)
    after = models("engine", model="base", name="new")
    assert await said(after.answerer("mine/new")) == "new hi"
    assert waiting.done()
    assert (await waiting) == "base wait 0.4"
    assert await asyncio.to_thread(gone, pid)


async def test_it_stays_up_as_long_as_somebody_keeps_it(models, servers):
    shelf = models("engine", model="base", keep=1, idle=0.1)
    pid = int(await said(shelf.answerer("mine/base"), "which process?"))
    assert not await asyncio.to_thread(gone, pid, 0.5)
    await shelf.close()
    assert await asyncio.to_thread(gone, pid)


async def test_a_server_of_others_ends_with_this_process_whatever_it_runs_under(models, servers):
    shelf = models("vllm", model="base")
    pid = int(await said(shelf.answerer("mine/base"), "which process?"))
    await servers.stop()
    assert await asyncio.to_thread(gone, pid, 1.0)


def test_a_server_of_others_ends_with_its_killed_owner_too(tmp_path):
    program = textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        from fourways.models.child import Child, ServerSpec
        command = {(*SCRIPT, "vllm", "serve", "x", "--served-model-name", "x", "--port", "{port}")!r}
        child = Child.start(ServerSpec(name="x", command=command, guarded=True), Path({str(tmp_path)!r}))
        print(child.at.port, flush=True)
        sys.stdin.read()
    """)
    owner = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    at = Announced(port=int(owner.stdout.readline()), pid=0)
    assert healthy(at, "/health")
    owner.kill()
    owner.communicate()
    assert eventually(lambda: not healthy(at, "/health"))


async def test_a_model_that_it_does_not_serve_is_named_before_anything_is_started(models, calls):
    with pytest.raises(UnknownModel, match=r"there is no model of 'mine' 'bsae'; did you mean 'base'"):
        await said(models("vllm", model="base").answerer("mine/bsae"))
    assert calls() == []


async def test_an_adapter_that_cannot_be_loaded_is_refused_in_the_servers_words(models, tmp_path):
    (tmp_path / "adapters" / "empty").mkdir()
    shelf = models("vllm", model="base", adapters={"empty": "adapters/empty"})
    with pytest.raises(UpstreamRefused, match=r"server-mine refused /v1/load_lora_adapter: no adapter in"):
        await said(shelf.answerer("mine/empty"))
    assert await said(shelf.answerer("mine/base")) == "base hi"


async def test_a_program_that_is_not_there_is_named(models):
    shelf = models("vllm", model="base", program=["/nonexistent/vllm"])
    with pytest.raises(Unavailable, match="/nonexistent/vllm could not be started"):
        await said(shelf.answerer("mine/base"))


@pytest.mark.parametrize(
    ("dialect", "serve", "wrong"),
    [
        ("openai", {"model": "base"}, r"providers\.mine\.dialect: fourways does not start servers of dialect 'openai'"),
        ("vllm", {"model": "./absent"}, r"providers\.mine\.serve\.model: there is no \./absent"),
        ("vllm", {"model": "base", "adapters": {"x": "nowhere"}}, r"serve\.adapters\.x: there is no nowhere"),
        ("vllm", {"model": "base", "adapters": {"base": "base"}}, "'base' is what the model itself answers to"),
        ("engine", {"model": "adapters"}, r"serve\.model: .*no folder of \.safetensors"),
        ("llamacpp", {"model": "base"}, r"holds no \.gguf"),
        ("llamacpp", {"model": "adapters"}, r"holds several: curt\.gguf, polite\.gguf"),
        ("vllm", {"model": "base", "adaptors": {}}, "adaptors"),
    ],
)
async def test_what_cannot_be_served_is_refused_with_its_place(models, dialect, serve, wrong):
    with pytest.raises(InvalidProject, match=wrong):
        models(dialect, **serve)


def test_an_address_and_a_server_of_ours_exclude_each_other(tmp_path):
    folder_of(tmp_path / "base")
    provider = "{dialect: vllm, base_url: 'http://127.0.0.1:1/v1', serve: {model: base}}"
    text = f"project: p\nproviders: {{x: {provider}}}"
    with pytest.raises(InvalidProject, match="give base_url or serve, not both"):
        parse_project(text, file=tmp_path / "fourways.yaml", environ={})
