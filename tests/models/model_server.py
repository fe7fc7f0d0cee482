"""A model server of no weights, a program of its own: takes the command lines of those we start, speaks their APIs.

`python model_server.py engine|vllm|llama-server|ollama …`. It answers a chat with the model's name and what was asked;
asked to "wait N" it takes N seconds. What it is asked besides is appended to the file `CALLS` names, a list a line.
"""

import argparse
import hashlib
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def options_of(program: str, arguments: list[str]) -> argparse.Namespace:
    """Read a command line; what the real program would not know ends this one too."""
    parser = argparse.ArgumentParser(prog=program)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    if program == "engine":
        add("--model", required=True)
        add("--name", required=True)
        add("--announce", type=Path, required=True)
        add("--port", type=int, required=True)
        add("--adapter", action="append", default=[])
    elif program == "vllm":
        add("serve", choices=["serve"])
        add("model")
        add("--served-model-name", dest="name", required=True)
        add("--port", type=int, required=True)
        add("--enable-lora", action=argparse.BooleanOptionalAction)
        add("--enable-prefix-caching", action=argparse.BooleanOptionalAction)
        add("--max-loras", type=int)
        add("--max-lora-rank", type=int, choices=(8, 16, 32, 64, 128, 256, 320, 512))
        add("--tensor-parallel-size", type=int, default=1)
        add("--max-model-len", type=int)
    elif program == "llama-server":
        add("--model")
        add("--hf-repo")
        add("--alias", dest="name", required=True)
        add("--port", type=int, required=True)
        add("--lora", type=lambda paths: paths.split(","), default=[])
        add("--lora-init-without-apply", action="store_true")
        add("--ctx-size", type=int)
        add("--offline", action="store_true")
    else:
        add("serve", choices=["serve"])
        options = parser.parse_args(arguments)
        options.host, _, port = os.environ["OLLAMA_HOST"].partition(":")
        options.port, options.name, options.model = int(port), "", ""
        return options
    return parser.parse_args(arguments)


class Server(ThreadingHTTPServer):
    """What it serves: names of models, adapters, blobs."""

    daemon_threads = True

    def __init__(self, program: str, options: argparse.Namespace) -> None:
        super().__init__((options.host, options.port), Handler)
        self.program, self.options = program, options
        self.names = [options.name] if options.name else []
        self.blobs: set[str] = set()
        self.busy = 0

    def note(self, *call: Any) -> None:
        if "CALLS" in os.environ:
            with Path(os.environ["CALLS"]).open("a") as file:
                file.write(json.dumps(call) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_HEAD(self) -> None:
        self.send(200 if self.path.rpartition("/")[2] in self.server.blobs else 404, None)

    def do_GET(self) -> None:
        if self.path in {"/health", "/", "/api/version"}:
            self.send(200, {"status": "ok", "instance": str(os.getpid())})
        elif self.path == "/v1/models":
            self.send(200, {"data": [{"id": name, "owned_by": self.server.program} for name in self.server.names]})
        elif self.path == "/api/tags":
            self.send(200, {"models": [{"name": name} for name in self.server.names]})
        elif self.path == "/lora-adapters":
            paths = self.server.options.lora
            self.send(200, [{"id": number, "path": path, "scale": 0.0} for number, path in enumerate(paths)])
        else:
            self.send(404, {"error": {"message": f"no {self.path}"}})

    def do_DELETE(self) -> None:
        body = json.loads(self.read())
        self.server.note(self.path, body)
        self.server.names.remove(body["model"])
        self.send(200, {})

    def do_POST(self) -> None:
        raw = self.read()
        if self.path.startswith("/api/blobs/"):
            name = self.path.rpartition("/")[2]
            good = name == f"sha256:{hashlib.sha256(raw).hexdigest()}"
            self.server.blobs.add(name)
            self.server.note("/api/blobs/", len(raw))
            self.send(201 if good else 400, {} if good else {"error": "digest mismatch"})
            return
        body = json.loads(raw or b"{}")
        if self.path == "/v1/chat/completions":
            self.chat(body)
            return
        self.server.note(self.path, body)
        if self.path == "/v1/load_lora_adapter":
            self.load(body["lora_name"], body["lora_path"])
        elif self.path == "/v1/unload_lora_adapter":
            self.server.names.remove(body["lora_name"])
            self.send(200, "removed")
        elif self.path in {"/api/pull", "/api/create"}:
            self.make(body)
        else:
            self.send(404, {"error": {"message": f"no {self.path}"}})

    def load(self, name: str, path: str) -> None:
        if name in self.server.names:
            self.send(400, {"error": {"message": f"The lora adapter '{name}' has already been loaded."}})
        elif not (Path(path) / "adapter_config.json").is_file():
            self.send(404, {"error": {"message": f"no adapter in {path}"}})
        else:
            self.server.names.append(name)
            self.send(200, "added")

    def make(self, body: dict[str, Any]) -> None:
        wanted = [*body.get("files", {}).values(), *body.get("adapters", {}).values()]
        if any(blob not in self.server.blobs for blob in wanted):
            self.send(400, {"error": "blob not found"})
            return
        name = body["model"]
        self.server.names.append(name if ":" in name else f"{name}:latest")
        self.send(200, {"status": "success"})

    def chat(self, body: dict[str, Any]) -> None:
        name, asked = body["model"], body["messages"][-1]["content"]
        if name not in self.server.names and f"{name}:latest" not in self.server.names:
            self.send(404, {"error": {"message": f"The model `{name}` does not exist."}})
            return
        words = f"{name} {os.getpid()} {asked} {json.dumps(body['lora'])}" if "lora" in body else f"{name} {asked}"
        if asked.startswith("wait "):
            time.sleep(float(asked.removeprefix("wait ")))
        if asked == "which process?":
            words = str(os.getpid())
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        choice = {"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"}
        self.send(200, {"id": "x", "model": name, "choices": [choice], "usage": usage})

    def read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", "0")))

    def send(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


def main(program: str, arguments: list[str]) -> None:
    options = options_of(program, arguments)
    server = Server(program, options)
    kept = ("CUDA_VISIBLE_DEVICES", "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "HF_HUB_OFFLINE", "OLLAMA_HOST")
    server.note("started", program, arguments, {name: os.environ[name] for name in kept if name in os.environ})
    if program == "engine":  # ours alone says where it is, and ends with its standard input
        where = {"port": server.server_port, "pid": os.getpid(), "instance": str(os.getpid())}
        options.announce.with_suffix(".part").write_text(json.dumps(where))
        options.announce.with_suffix(".part").rename(options.announce)
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.02)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
