"""One model server as a child process: start it, wait until it is healthy, find it again, stop it. All blocking."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from fourways.core.errors import Unavailable
from fourways.core.ids import digest

POLL = 0.02
"""Seconds between two looks at a starting server."""
GUARD = 2.0
"""Seconds that a guard needs beyond its server's grace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSpec:
    """How a model server is started and known to be up: our engine, `vllm serve`, `llama-server`, `ollama serve`.

    Attributes:
        name: names its files in the project's state folder.
        command: the program and its arguments. `{port}` stands for a free port picked for it; `{announce}` for a file
            into which it writes JSON with `port`, and `instance` if /health repeats one.
        health: the path that answers 200 once it can work.
        env: added to the environment; `{port}` is filled in here too.
        content: a digest of what it serves where the command does not say it: files may change under their name.
        guarded: whether it must be ended by somebody else when this process ends; servers that watch their standard
            input end by themselves.
        patience: seconds it may take until it is healthy.
        grace: seconds it may take to finish what it is doing when asked to stop.
    """

    name: str
    command: tuple[str, ...]
    health: str = "/health"
    env: Mapping[str, str] = field(default_factory=dict)
    content: str = ""
    guarded: bool = False
    patience: float = 60.0
    grace: float = 10.0

    @property
    def announces(self) -> bool:
        """Whether it says itself where it listens."""
        return any("{announce}" in part for part in self.command)

    @property
    def digest(self) -> str:
        """Equal for servers that are started alike, so that one of them may stand for the other."""
        return digest({"command": list(self.command), "env": dict(self.env), "content": self.content})[:16]


class Announced(msgspec.Struct, frozen=True):
    """What a server said, or what was written about it: where it is and who."""

    port: int
    pid: int
    instance: str = ""
    host: str = "127.0.0.1"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A running server as noted in the project's state folder, for other processes to share."""

    at: Announced
    spec: str
    started: float
    health: str = "/health"

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        unfinished.write_bytes(msgspec.json.encode(self))
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Record | None":
        """Return what stands there, None for nothing or nonsense."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None


def healthy(at: Announced, path: str, *, timeout: float = 5.0) -> bool:
    """Whether the server answers 200 there, and is the one it should be if it tells instances apart."""
    connection = http.client.HTTPConnection(at.host, at.port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return response.status == http.HTTPStatus.OK and (not at.instance or _instance(body) == at.instance)


def _instance(body: bytes) -> str | None:
    try:
        about: Any = json.loads(body)
    except ValueError:
        return None
    return about.get("instance") if isinstance(about, dict) else None


class Child:
    """A server that this process started. It ends with this process: the other end of its standard input is ours."""

    def __init__(
        self, spec: ServerSpec, process: "subprocess.Popen[bytes]", log: IO[bytes], at: Announced | None
    ) -> None:
        self.spec = spec
        self._process, self._log, self._at = process, log, at

    @classmethod
    def start(cls, spec: ServerSpec, folder: Path, clock: Callable[[], float] = time.monotonic) -> "Child":
        """Start a server and wait until it is healthy.

        Args:
            folder: where its log (`<name>.log`) is written.

        Raises:
            Unavailable: it ended before that, or took too long; the message carries what it said last.
        """
        deadline = clock() + spec.patience
        log = (folder / f"{spec.name}.log").open("wb+")
        with tempfile.TemporaryDirectory(prefix="fourways-") as short:
            announce, port = Path(short, "announce"), _free_port()
            process = _spawn(spec, log, {"port": str(port), "announce": str(announce)})
            child = cls(spec, process, log, None if spec.announces else Announced(port=port, pid=process.pid))
            try:
                while not child._is_up(announce):
                    child._check_hope(late=clock() > deadline)
                    time.sleep(POLL)
            except BaseException:
                _end(process, grace=1.0)
                log.close()
                raise
        return child

    @property
    def at(self) -> Announced:
        """Where the server is."""
        if self._at is None:
            raise Unavailable(f"{self.spec.name} has not said where it is")
        return self._at

    def _is_up(self, announce: Path) -> bool:
        self._at = self._at or _read_announce(announce)
        return self._at is not None and healthy(self._at, self.spec.health)

    def _check_hope(self, *, late: bool) -> None:
        """Raise `Unavailable` once there is no use in waiting."""
        code = self._process.poll()
        if code is not None:
            raise Unavailable(f"{self.spec.name} ended with {code}: {_tail(self._log)}", retry_after=5)
        if late:
            msg = f"{self.spec.name} was not healthy within {self.spec.patience:g} s: {_tail(self._log)}"
            raise Unavailable(msg, retry_after=5)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let it finish what it is doing, for at most its grace, then end it."""
        _end(self._process, self.spec.grace + (GUARD if self.spec.guarded else 0.0))
        self._log.close()


def _spawn(spec: ServerSpec, log: IO[bytes], values: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    command = [filled(part) for part in spec.command]
    env = {name: filled(value) for name, value in spec.env.items()}
    if spec.guarded:
        command = [sys.executable, "-m", "fourways.launch.guard", *command]
        env["FOURWAYS_GRACE"] = str(spec.grace)
    try:
        return subprocess.Popen(  # noqa: S603 - the command is the project's own
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
            start_new_session=True,  # Ctrl-C in a terminal is ours to pass on, after the requests under way
        )
    except OSError as error:
        log.close()
        raise Unavailable(f"{command[0]} could not be started: {error}", retry_after=30) from error


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin:
        process.stdin.close()


def _read_announce(path: Path) -> Announced | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Announced)
    except FileNotFoundError:
        return None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _tail(log: IO[bytes], size: int = 600) -> str:
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - size))
    return log.read().decode(errors="replace").strip() or "it said nothing"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes, waiting for it; it is free again however its holder ends."""
    with path.open("ab") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
