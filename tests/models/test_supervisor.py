"""A server that is there when it is needed: started once, shared, restarted, and gone with its owner."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fourways.core.errors import Unavailable, UpstreamRefused
from fourways.models.child import Announced, Record, ServerSpec, healthy
from fourways.models.kept import BACKOFF, KeptServer, backoff
from fourways.models.supervisor import EngineProcess, Engines, EngineSettings, engine_spec, vectors_name

SERVER = """
import http.server, json, os, pathlib, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"instance": str(os.getpid())}).encode()
        sick = len(sys.argv) > 3 and pathlib.Path(sys.argv[3]).exists()
        self.send_response(503 if sick else 200); self.send_header("content-length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    log_message = lambda *_: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
if len(sys.argv) > 2:
    said = json.dumps({"port": server.server_port, "pid": os.getpid(), "instance": str(os.getpid())})
    pathlib.Path(sys.argv[2] + "x").write_text(said); os.rename(sys.argv[2] + "x", sys.argv[2])
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
"""
"""A small real server that ends with its standard input, as the engine does."""


def small(*arguments: str, **settings: float) -> ServerSpec:
    return ServerSpec(name="small", command=(sys.executable, "-c", SERVER, *arguments), grace=2, **settings)  # type: ignore[arg-type]


ANNOUNCING = small("0", "{announce}")


def gone(pid: int, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KeptServer]:
    kept = KeptServer(ANNOUNCING, tmp_path)
    yield kept
    await kept.stop()


async def test_callers_share_one_start(server: KeptServer) -> None:
    places = await asyncio.gather(*(server.ready() for _ in range(8)))
    assert len(set(places)) == 1
    assert healthy(places[0], "/health")


async def test_a_second_supervisor_of_the_folder_uses_the_first_ones_server(server: KeptServer, tmp_path: Path) -> None:
    at = await server.ready()
    other = KeptServer(ANNOUNCING, tmp_path)
    assert await other.ready() == at
    assert server.owned
    assert not other.owned
    await other.stop()
    assert healthy(at, "/health"), "who only used a server must not end it"


async def test_another_command_does_not_use_it(server: KeptServer, tmp_path: Path) -> None:
    at = await server.ready()
    other = KeptServer(small("0", "{announce}", "other"), tmp_path)
    assert await other.ready() != at
    await other.stop()


async def test_a_killed_server_is_restarted_without_being_asked(server: KeptServer) -> None:
    at = await server.ready()
    os.kill(at.pid, signal.SIGKILL)
    for _ in range(250):
        if server.owned and server.at not in {None, at}:
            break
        await asyncio.sleep(0.02)
    assert server.at
    assert server.at != at
    assert healthy(server.at, "/health")


async def test_a_server_that_answers_no_health_check_is_ended_and_started_anew(tmp_path: Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 5.0
        return now[0]

    sick = tmp_path / "sick"
    kept = KeptServer(small("0", "{announce}", str(sick)), tmp_path, clock=clock)
    at = await kept.ready()
    sick.touch()
    assert await asyncio.to_thread(gone, at.pid, 20.0)
    sick.unlink()
    assert healthy(await kept.ready(instead_of=at), "/health")
    await kept.stop()


async def test_whoever_used_a_server_starts_its_own_when_the_owner_ends(server: KeptServer, tmp_path: Path) -> None:
    other = KeptServer(ANNOUNCING, tmp_path)
    at = await server.ready()
    await other.ready()
    await server.stop()
    assert gone(at.pid)
    assert await other.ready(instead_of=at) != at
    assert other.owned
    await other.stop()


async def test_a_stale_note_is_not_believed(tmp_path: Path) -> None:
    stranger = KeptServer(ANNOUNCING, tmp_path / "strange")
    at = await stranger.ready()
    lie = Announced(port=at.port, pid=at.pid, instance="somebody else")
    Record(at=lie, spec=ANNOUNCING.digest, started=0).write(tmp_path / "small.json")
    kept = KeptServer(ANNOUNCING, tmp_path)
    assert (await kept.ready()).pid != at.pid
    await kept.stop()
    await stranger.stop()


async def test_a_server_that_announces_nothing_is_given_a_port(tmp_path: Path) -> None:
    kept = KeptServer(small("{port}"), tmp_path)
    assert healthy(await kept.ready(), "/health")
    await kept.stop()


async def test_a_server_that_ends_at_once_is_reported_with_its_last_words_and_left_alone_for_a_while(
    tmp_path: Path,
) -> None:
    now = [0.0]
    spec = ServerSpec(name="bad", command=(sys.executable, "-c", "import sys; sys.exit('no such model')"))
    kept = KeptServer(spec, tmp_path, clock=lambda: now[0])
    for _ in range(5):
        now[0] += 60
        with pytest.raises(Unavailable, match=r"ended with 1: no such model"):
            await kept.ready()
    with pytest.raises(Unavailable, match="starts again in") as caught:
        await kept.ready()
    assert caught.value.retry_after > 2
    await kept.stop()


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    kept = KeptServer(ServerSpec(name="none", command=("/nonexistent/server",)), tmp_path)
    with pytest.raises(Unavailable, match="/nonexistent/server could not be started"):
        await kept.ready()


async def test_a_server_that_never_gets_healthy_is_ended(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    kept = KeptServer(ServerSpec(name="slow", command=command, patience=0.5), tmp_path)
    with pytest.raises(Unavailable, match=r"not healthy within 0\.5 s"):
        await kept.ready()
    assert gone(int((tmp_path / "slow.log").read_text()))


def test_back_off_grows_to_its_end() -> None:
    waits = [backoff(failures) for failures in range(1, 12)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.0, BACKOFF[-1])


def test_a_folders_vectors_are_named_by_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"1" * 100)
    before = vectors_name(str(tmp_path))
    assert before.startswith(f"{tmp_path.name}@")
    (tmp_path / "model.safetensors").write_bytes(b"2" * 100)
    assert vectors_name(str(tmp_path)) != before
    with pytest.raises(Unavailable, match="no folder with"):
        vectors_name(str(tmp_path / "absent"))


def test_engines_of_different_models_do_not_share_a_file() -> None:
    assert engine_spec(EngineSettings()).name == "engine"
    assert engine_spec(EngineSettings(embedding="a")).name != engine_spec(EngineSettings(embedding="b")).name


async def test_a_project_opens_one_engine_a_model_and_none_before_it_is_used(tmp_path: Path) -> None:
    engines = Engines(tmp_path / "state")
    assert engines.embedder("minilm").name == "minilm"
    assert engines.engine("minilm") is engines.engine()
    assert not (tmp_path / "state").exists()
    await engines.stop()
    with pytest.raises(Unavailable, match="is stopped"):
        await engines.engine().start()


# ---------------------------------------------------------------- with the real engine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EngineProcess]:
    process = EngineProcess(tmp_path)
    yield process
    await process.stop()


@pytest.mark.slow
async def test_the_engine_embeds_and_goes_on_after_a_kill(engine: EngineProcess, tmp_path: Path) -> None:
    embed = await engine.embedder()
    assert not await engine.ready()
    cat, kitten, tax = await embed(["a cat", "a kitten", "income tax"])
    assert cat @ kitten > cat @ tax + 0.3
    assert await engine.ready()
    assert await engine.count_tokens(["hello world", ""]) == [4, 2]
    best, other = await engine.rerank("capital of France", ["Paris is the capital of France", "bananas"])
    assert best > other

    at = engine.server.at
    assert at
    running = asyncio.create_task(embed(["a long text about wings " * 20] * 100))
    await asyncio.sleep(0.2)
    os.kill(at.pid, signal.SIGKILL)
    assert (await running).shape == (100, 384), "a request survives the engine it was sent to"
    assert gone(at.pid)

    with pytest.raises(UpstreamRefused, match="2049 texts") as refused:
        await engine.post("/v1/embeddings", json.dumps({"input": ["x"] * 2049}).encode())
    assert refused.value.status == 400
    assert json.loads((tmp_path / "engine.json").read_bytes())["at"]["pid"] != at.pid


@pytest.mark.slow
def test_two_processes_share_an_engine_and_a_killed_owner_takes_it_along(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from fourways.models.supervisor import EngineProcess
        async def main():
            engine = EngineProcess(Path(sys.argv[1]))
            while True:
                vectors = await (await engine.embedder())(["hello"])
                print(engine.server.at.pid, engine.server.owned, flush=True)
                await asyncio.to_thread(sys.stdin.readline)
        asyncio.run(main())
    """)
    first, second = (Program(program, tmp_path) for _ in range(2))
    try:
        answers = [first.answer(), second.answer()]
        (shared, _), (other, _) = answers
        assert shared == other, "both use the same engine"
        assert [owned for _, owned in answers].count("True") == 1
        owner, user = (first, second) if answers[0][1] == "True" else (second, first)
        owner.end()
        assert gone(int(shared))
        user.ask()
        pid, owned = user.answer()
        assert (pid != shared, owned) == (True, "True"), "who is left starts its own"
    finally:
        first.end()
        second.end()
    assert gone(int(pid))


class Program:
    """A program in a process of its own that prints a line, and another whenever it is asked."""

    def __init__(self, source: str, *arguments: object) -> None:
        command = [sys.executable, "-c", source, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> list[str]:
        assert self.process.stdout
        return self.process.stdout.readline().split()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
