"""The engine as a program: what it refuses to start with, how it drains, how it ends with its parent."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs fourways[engine]")

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "fourways.engine", "--announce"]


def start(folder: Path, *options: str) -> "tuple[subprocess.Popen[bytes], int]":
    announce = folder / "announce"
    process = subprocess.Popen([*COMMAND, str(announce), *options], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    while not announce.exists():
        time.sleep(0.01)
        assert process.poll() is None
    port = json.loads(announce.read_text())["port"]
    while ask(port, "GET", "/health")[0] != 200:
        time.sleep(0.02)
        assert process.poll() is None
    return process, port


def ask(port: int, method: str, path: str, body: object = None) -> "tuple[int, bytes]":
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, json.dumps(body) if body else None)
    response = connection.getresponse()
    return response.status, response.read()


def test_sigterm_lets_requests_under_way_finish(tmp_path: Path) -> None:
    process, port = start(tmp_path)
    answers: list[int] = []
    body = {"input": ["the lift of a wing in a slipstream " * 20] * 30}
    asking = threading.Thread(target=lambda: answers.append(ask(port, "POST", "/v1/embeddings", body)[0]))
    asking.start()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    asking.join()
    assert answers == [200]
    assert not (tmp_path / "announce").exists()


def test_it_ends_when_the_pipe_of_its_parent_closes_but_not_detached(tmp_path: Path) -> None:
    process, _ = start(tmp_path)
    assert process.stdin
    process.stdin.close()
    assert process.wait(5) == 0
    detached, port = start(tmp_path, "--detach")
    assert detached.stdin
    detached.stdin.close()
    time.sleep(0.5)
    assert ask(port, "GET", "/health")[0] == 200
    os.kill(detached.pid, signal.SIGTERM)
    assert detached.wait(10) == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--embedding", "/nonexistent"), b"there is no folder '/nonexistent'"),
        (("--host", "203.0.113.1"), b"203.0.113.1:0 cannot be listened at"),
    ],
)
def test_it_says_why_it_does_not_start(tmp_path: Path, options: tuple[str, ...], complaint: bytes) -> None:
    done = subprocess.run(
        [*COMMAND, str(tmp_path / "announce"), *options, "--detach"], capture_output=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert complaint in done.stderr
    assert b"Traceback" not in done.stderr


def test_without_torch_it_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from fourways.engine import __main__ as engine; "
    program += "sys.exit(engine.main(['--detach']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=30)
    assert done.returncode == 1
    assert b"pip install 'fourways[engine]'" in done.stderr
