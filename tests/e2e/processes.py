"""A project in a folder, and the real processes that work on it: the verbs of `fourways`, its server, its engine."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai

FOURWAYS = (sys.executable, "-m", "fourways")
PATIENCE = 60.0
"""Seconds that anything here may take on a busy machine before it counts as hanging."""
SIGNS_OF_TROUBLE = ("Traceback", " ERROR ", " CRITICAL ", "was never awaited", "was never retrieved")


def environment(**more: str) -> dict[str, str]:
    """The environment without keys or addresses of any provider, so that the same model answers everywhere."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL", "_HOST"))}
    return kept | {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"} | more


def wait_until(true: Callable[[], Any], what: str, *, seconds: float = PATIENCE, every: float = 0.02) -> Any:
    """Wait for something to be true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(every)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(kw_only=True)
class ProjectFolder:
    """A project on disk, worked on by commands.

    Attributes:
        prefix: stands before every command, such as a program that shuts it off from the network.
    """

    folder: Path
    environ: Mapping[str, str] = field(default_factory=environment)
    prefix: Sequence[str] = ()

    @property
    def file(self) -> Path:
        return self.folder / "fourways.yaml"

    @property
    def state(self) -> Path:
        return self.folder / ".fourways"

    def write(self, name: str, text: str) -> Path:
        """Write a file, whole or not at all, as editors do."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_text(text, encoding="utf-8")
        return unfinished.replace(path)

    def edit(self, old: str, new: str) -> None:
        """Replace a piece of the project file."""
        text = self.file.read_text(encoding="utf-8")
        assert old in text, f"the project file has no {old!r}"
        self.write("fourways.yaml", text.replace(old, new))

    def run(self, *words: str, text: str | None = None, seconds: float = PATIENCE) -> Ended:
        """Run a verb to its end."""
        done = subprocess.run(
            [*self.prefix, *FOURWAYS, *words],
            cwd=self.folder,
            env=dict(self.environ),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def done(self, *words: str, text: str | None = None, seconds: float = PATIENCE) -> Ended:
        """Run a verb that must succeed."""
        ended = self.run(*words, text=text, seconds=seconds)
        assert ended.code == 0, f"fourways {' '.join(words)}: {ended}"
        return ended

    def start(self, *words: str, log: str) -> "subprocess.Popen[bytes]":
        """Start a verb; what it says goes to `<log>.out` and `<log>.err` in the state folder."""
        self.state.mkdir(exist_ok=True)
        with (self.state / f"{log}.out").open("wb") as out, (self.state / f"{log}.err").open("wb") as err:
            return subprocess.Popen(
                [*self.prefix, *FOURWAYS, *words],
                cwd=self.folder,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Ask the database directly; no rows while there are no tables."""
        path = self.state / "fourways.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            try:
                return [dict(row) for row in connection.execute(query, values)]
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                return []

    def engine(self) -> int | None:
        """The number of the engine's process, where one runs here."""
        engines = (pid for pid, command in processes_in(self.folder).items() if "fourways.engine" in command)
        return next(engines, None)


class Server:
    """`fourways up`, from its announcement to its end."""

    def __init__(self, project: ProjectFolder, *words: str) -> None:
        self.project = project
        self.begun = time.monotonic()
        self.process = project.start("up", "--port", "0", "--json", *words, log="server")
        self.key = "none"
        self._url: str | None = None
        self._forgiven: list[str] = []

    @property
    def url(self) -> str:
        """Where it listens; waits until it does."""
        if self._url is None:
            self._url = wait_until(self._announced, "the server's announcement")
        return self._url

    @property
    def log(self) -> str:
        return (self.project.state / "server.err").read_text(encoding="utf-8")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def _announced(self) -> str | None:
        assert self.process.poll() is None, f"the server ended with {self.process.poll()}: {self.log}"
        said = (self.project.state / "server.out").read_text(encoding="utf-8")
        return json.loads(said)["url"] if said.rstrip().endswith("}") else None

    def client(self, key: str | None = None, **options: Any) -> Any:
        """The stock client; untyped, for its types do not know what fourways adds."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key or self.key, max_retries=0, timeout=30, **options)

    def get(self, path: str, *, key: str | None = None) -> Any:
        """GET a path; JSON where it is JSON."""
        return self._answer(urllib.request.Request(self.url + path), key)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Any:
        """POST JSON to a path."""
        data = json.dumps(body if body is not None else {}).encode()
        return self._answer(urllib.request.Request(self.url + path, data, method="POST"), key)

    def _answer(self, request: urllib.request.Request, key: str | None) -> Any:
        request.add_header("Authorization", f"Bearer {key or self.key}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
            return json.loads(body) if "json" in answer.headers["content-type"] else body.decode()

    def ready(self) -> None:
        """Wait until it may be asked."""
        wait_until(lambda: self.get("/ready")["ready"], "the server to be ready")

    def synced(self) -> None:
        """Wait until no sync waits or runs, and the last one was done."""
        wait_until(self._idle, "the sync")

    def _idle(self) -> bool:
        jobs = self.project.rows("select state, error from jobs order by created_at")
        assert not jobs or jobs[-1]["state"] != "failed", jobs[-1]["error"]
        return bool(jobs) and all(job["state"] not in {"queued", "running"} for job in jobs)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def trouble(self) -> list[str]:
        """The lines of its log that a healthy server does not write."""
        lines = [line for line in self.log.splitlines() if any(sign in line for sign in SIGNS_OF_TROUBLE)]
        return [line for line in lines if not any(part in line for part in self._forgiven)]

    def forgive(self, part: str) -> None:
        """Take lines with this in them for no trouble: a test has brought them about."""
        self._forgiven.append(part)


@contextlib.contextmanager
def serving(project: ProjectFolder, *words: str) -> Iterator[Server]:
    """Run a server for the block; it must then end well, with a clean log, and leave no engine behind."""
    server = Server(project, *words)
    try:
        server.ready()
        yield server
    except BaseException:
        server.kill()
        raise
    assert server.stop() == 0, server.log
    assert server.trouble() == []
    wait_until(lambda: project.engine() is None, "the engine's end", seconds=10)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def processes_in(folder: Path) -> dict[int, str]:
    """The processes that work in a folder, with their commands."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cwd").resolve() == folder.resolve() and alive(int(path.name)):
                found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found
