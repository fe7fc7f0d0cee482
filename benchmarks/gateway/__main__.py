"""CPU a request and a streamed chunk, memory, start-up: fourways, LiteLLM's proxy, a FastAPI + httpx relay, in one run.

    python -m benchmarks.gateway [--requests 4000] [--streams 160] [--only fourways,relay,litellm]

CPU is the server process's own (user + system, read from the kernel before and after the load), not wall clock.
The peers live in environments of their own under `.benchmarks/`, made when first needed.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PEERS = {"relay": ["fastapi", "httpx", "uvicorn", "uvloop", "httptools"], "litellm": ["litellm[proxy]"]}
TICK = os.sysconf("SC_CLK_TCK")
WARM_UP, WARM_UP_STREAMS = 300, 16
KEY = "sk-benchmark"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def environment_of(peer: str) -> Path:
    folder = ROOT / ".benchmarks" / peer
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"making the environment of {peer} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run(
            [Path(sys.executable).with_name("uv"), "pip", "install", "-q", "--python", python, *PEERS[peer]], check=True
        )
        (folder / "ready").touch()
    return python


@dataclass
class Server:
    """One server under test: how it is started, asked, and known to be up."""

    command: list
    port: int
    env: dict = field(default_factory=dict)
    ready: str = "/health"
    key: str = KEY
    model: str = "mock"


def fourways(folder: Path, upstream: str) -> Server:
    (folder / "fourways.yaml").write_text(
        f"project: bench\nproviders:\n  mock: {{base_url: '{upstream}', network: internal}}\n"
        "apps:\n  bench:\n    ways:\n      prompt: {model: mock/mock, system: 'Be brief.'}\n"
        "limits: {requests_per_minute: 10000000, tokens_per_minute: 1000000000, concurrent: 1000}\n"
    )
    cli = [str(Path(sys.executable).with_name("fourways")), "--project", str(folder)]
    made = subprocess.run([*cli, "key", "create", "bench", "--json"], check=True, capture_output=True, text=True)
    port = free_port()
    secret = json.loads(made.stdout)["secret"]
    return Server(command=[*cli, "up", "--port", str(port)], port=port, ready="/ready", key=secret, model="bench")


def relay(_: Path, upstream: str) -> Server:
    port = free_port()
    env = {"UPSTREAM": upstream, "PORT": str(port)}
    return Server(command=[environment_of("relay"), HERE / "relay.py"], port=port, env=env)


def litellm(folder: Path, upstream: str) -> Server:
    config = folder / "litellm.yaml"
    config.write_text(
        "model_list:\n  - model_name: mock\n"
        f"    litellm_params: {{model: openai/mock, api_base: '{upstream}', api_key: none}}\n"
        f"general_settings: {{master_key: {KEY}}}\n"
    )
    port = free_port()
    command = [
        environment_of("litellm").with_name("litellm"),
        "--config",
        config,
        "--port",
        str(port),
        "--num_workers",
        "1",
    ]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    return Server(command=command, port=port, env=env, ready="/health/liveliness")


SERVERS = {"fourways": fourways, "relay": relay, "litellm": litellm}


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    total = 0
    for member in tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_mb(pid: int) -> float:
    pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def load(server: Server, requests: int, *, stream: bool) -> dict:
    command = [sys.executable, HERE / "load.py", "--port", server.port, "--key", server.key, "--model", server.model]
    command += ["--requests", requests, *(["--stream"] if stream else [])]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout)


def wait_until_up(server: Server, process: subprocess.Popen) -> float:
    began = time.perf_counter()
    while time.perf_counter() - began < 120:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{server.ready}", timeout=1):
                return time.perf_counter() - began
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if process.poll() is not None:
                raise SystemExit(f"{server.command} ended with {process.returncode}") from None
            time.sleep(0.01)
    raise SystemExit(f"{server.command} did not come up")


def measure(server: Server, options) -> dict:
    process = subprocess.Popen(
        [str(part) for part in server.command],
        env=os.environ | server.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        figures = {"start_s": wait_until_up(server, process), "start_cpu_s": cpu_seconds(process.pid)}
        load(server, WARM_UP, stream=False)
        load(server, WARM_UP_STREAMS, stream=True)
        before = cpu_seconds(process.pid)
        whole = load(server, options.requests, stream=False)
        between = cpu_seconds(process.pid)
        streamed = load(server, options.streams, stream=True)
        after = cpu_seconds(process.pid)
        figures |= {
            "request_us": (between - before) / whole["requests"] * 1e6,
            "requests_per_s": whole["requests"] / whole["seconds"],
            "chunk_us": (after - between) / streamed["chunks"] * 1e6,
            "resident_mb": resident_mb(process.pid),
        }
        return figures
    finally:
        process.terminate()
        process.wait(timeout=30)


COLUMNS = {
    "request_us": "CPU µs / request",
    "chunk_us": "CPU µs / chunk",
    "requests_per_s": "requests / s",
    "resident_mb": "resident MB",
    "start_s": "ready after s",
    "start_cpu_s": "CPU s to ready",
}


def show(results: dict) -> None:
    table = Table(title="One 1 kB chat through each (× is against fourways)")
    table.add_column("server")
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    own = results.get("fourways")
    for name, figures in results.items():
        cells = [
            f"{figures[key]:.3g}" + (f" ({figures[key] / own[key]:.1f} ×)" if own and name != "fourways" else "")
            for key in COLUMNS
        ]
        table.add_row(name, *cells)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--streams", type=int, default=160)
    parser.add_argument("--only", default=",".join(SERVERS))
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    port = free_port()
    mock = subprocess.Popen([sys.executable, HERE / "mock.py", str(port)])
    results = {}
    try:
        for name in options.only.split(","):
            with tempfile.TemporaryDirectory() as folder:
                results[name] = measure(SERVERS[name](Path(folder), f"http://127.0.0.1:{port}/v1"), options)
    finally:
        mock.terminate()
    show(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
