"""Our engine as its users meet it: a process, asked over HTTP by as many clients as there are streams."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


class Ours:
    """An engine process and its clients.

    Args:
        model: a folder of weights.
        scratch: where it announces itself.
        options: of its command line.
    """

    def __init__(self, model: Path, scratch: Path, *options: str) -> None:
        announce = scratch / f"announce-{os.urandom(4).hex()}"
        command = [sys.executable, "-m", "fourways.engine", "--model", str(model), "--announce", str(announce)]
        self.process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        while not announce.exists():
            time.sleep(0.05)
            assert self.process.poll() is None
        self.port = int(json.loads(announce.read_text())["port"])
        while not asyncio.run(self._ready()):
            time.sleep(0.1)
            assert self.process.poll() is None

    async def _ready(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /health HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return b" 200 " in answer.split(b"\r\n")[0]

    def generate(self, prompts: "list[list[int]]", count: int) -> "dict[str, Any]":
        """Go on with the prompts, streamed; returns seconds to the first token (of the last stream), and to the end."""
        return asyncio.run(self._generate(prompts, count))

    async def _generate(self, prompts: "list[list[int]]", count: int) -> "dict[str, Any]":
        start = time.perf_counter()
        done = await asyncio.gather(*(self._one(prompt, count) for prompt in prompts))
        return {
            "first": max(first for first, _ in done) - start,
            "seconds": time.perf_counter() - start,
            "tokens": [tokens for _, tokens in done],
        }

    async def _one(self, prompt: "list[int]", count: int) -> "tuple[float, list[int]]":
        body = {"prompt": prompt, "max_tokens": count, "temperature": 0, "ignore_eos": True, "stream": True}
        data = json.dumps(body | {"stream_options": {"include_usage": True}}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = b"POST /v1/completions HTTP/1.1\r\nhost: engine\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(data) + data)
        received = bytearray()
        first = 0.0
        while piece := await reader.read(1 << 16):
            received += piece
            if not first and b"\ndata: " in received:
                first = time.perf_counter()
        writer.close()
        assert b"[DONE]" in received, received[:500]
        assert b'"completion_tokens":%d' % count in received
        frames = [line[6:] for line in bytes(received).split(b"\r\n") if line.startswith(b"data: {")]
        text = "".join(c["text"] for frame in frames for c in json.loads(frame)["choices"])
        return first, [int(word.removeprefix("w")) for word in text.split()]

    def close(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(20)
