"""A small house behind a real server on a loopback port, and the stock OpenAI client before it."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
import uvloop

from fourways.config.tree import Project
from fourways.control.files import Files
from fourways.core.chat import Answerer, ChatRequest, Chunk, question_of
from fourways.core.errors import UnknownModel
from fourways.core.ids import DEFAULT_TENANT
from fourways.core.trace import Trace, Usage
from fourways.gateway.keys import Grant, KeyRing, Keys
from fourways.gateway.limits import LimitBook
from fourways.gateway.record import Recorder
from fourways.gateway.routes import Routes, Switch, app_routes
from fourways.gateway.serve import app_route, gateway
from fourways.models.embedders import HashEmbedder
from fourways.models.provider import ProviderClient
from fourways.monitoring.metrics import Metrics
from fourways.store import access, revisions
from fourways.store.blobs import Blobs
from fourways.store.database import Database, open_database
from fourways.store.traces import TraceRow, recent_traces, record_traces
from fourways.ways.workshop import Workshop
from fourways.web.server import Server, server


async def parrot(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
    """Says the question again, word by word."""
    trace.model = "parrot"
    words = question_of(request.messages).split(" ")
    for number, word in enumerate(words):
        yield Chunk(text=word if number == 0 else f" {word}")
    yield Chunk(finish="stop", usage=Usage(input_tokens=len(words), output_tokens=len(words), cost_usd=0.0))


PROJECT = {"project": "testing", "server": {"keep_alive_comment": 0.1}}


@dataclass
class SmallHouse:
    folder: Path
    apps: Mapping[str, Answerer] = field(default_factory=lambda: {"parrot": parrot})
    ring: KeyRing = field(default_factory=KeyRing)
    settings: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, Any] = field(default_factory=dict)
    real_keys: bool = False
    models: Any = None
    rerouted: bool = False

    @property
    def state(self) -> Path:
        return self.folder

    @property
    def files(self) -> Files:
        return Files(database=self.database, tenant=DEFAULT_TENANT, blobs=Blobs(self.folder / "blobs"), now=time.time)

    @property
    def workshop(self) -> Workshop:
        return Workshop(
            project=self.project, models=self.models, ambient="parrot", knowledge=self.libraries.__getitem__,
            read_text=lambda path: (self.folder / path).read_text(),
        )  # fmt: skip

    def __post_init__(self) -> None:
        self.project = Project.model_validate({**PROJECT, **self.settings})
        self.database: Database = open_database(f"sqlite:///{self.folder / 'test.db'}")
        self.metrics = Metrics()
        self.recorder = Recorder(
            self.write, journal=self.folder / "journal", observers=[self.metrics.observe], interval=0.05
        )
        self.routes = Switch(Routes())
        self.routes.current = Routes(apps={name: self.routes_of(name, way) for name, way in self.apps.items()})
        self.keys = (
            Keys(self.read_keys, self.keys_revision, time.time)
            if self.real_keys
            else Keys(lambda: self.ring, lambda: id(self.ring), time.time)
        )
        self.limits = LimitBook(time.monotonic, self.project.limits)
        self.gateway = gateway(self.routes, self.recorder, self.limits)
        self.models = self.models or self

    @staticmethod
    def routes_of(name: str, answerer: Answerer) -> Any:
        return app_routes([app_route(answerer, app=name, way="prompt", candidate=f"{name}00000001")], "prompt")

    def embedder(self, name: str) -> HashEmbedder:
        if name != "hash":
            raise UnknownModel.named("embedder", name, ["hash"])
        return HashEmbedder(8)

    @staticmethod
    def providers() -> Sequence[str]:
        return ()

    @staticmethod
    def cost(target: str, usage: Usage) -> float | None:
        return 0.0

    @staticmethod
    def client(provider: str) -> ProviderClient:
        raise UnknownModel.named("provider", provider, ())

    def read_keys(self) -> KeyRing:
        with self.database.reading() as connection:
            active = access.all_active_keys(connection, time.time())
            locked = access.count_keys(connection) > 0
        grants = {name: Grant(principal=key.principal, expires_at=key.expires_at) for name, key in active.items()}
        return KeyRing(grants=grants, locked=locked)

    def keys_revision(self) -> int:
        with self.database.reading() as connection:
            return revisions.current(connection).get(revisions.KEYS, 0)

    def write(self, traces: Sequence[Trace]) -> None:
        with self.database.transaction() as connection:
            record_traces(connection, traces)

    async def reroute(self) -> None:
        self.rerouted = True

    async def start(self) -> None:
        self.keys.start()
        self.recorder.start()

    async def close(self) -> None:
        self.keys.stop()
        self.recorder.stop()


@dataclass
class Running:
    house: SmallHouse
    port: int
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def traces(self) -> Sequence[TraceRow]:
        with self.house.database.reading() as connection:
            return recent_traces(connection, DEFAULT_TENANT)

    def client(self, key: str = "none", **options: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, **options)


@contextmanager
def serving(house: SmallHouse) -> Iterator[Running]:
    listening = threading.Event()
    bound: list[int] = []

    def ready(_: str, port: int) -> None:
        bound.append(port)
        listening.set()

    running = server(house, host="127.0.0.1", port=0, ready=ready, drain=1)
    thread = threading.Thread(target=uvloop.run, args=(running.serve(),), daemon=True)
    thread.start()
    assert listening.wait(10), "the server did not begin to listen"
    try:
        yield Running(house, bound[0], running)
    finally:
        running.should_exit = True
        thread.join(15)


Serve = Callable[..., Running]


@pytest.fixture(scope="module")
def serve_for_module(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Running]]:
    """Start a house that the tests of a module share."""
    return lambda **parts: serving(SmallHouse(tmp_path_factory.mktemp("house"), **parts))


@pytest.fixture(scope="module")
def plain(serve_for_module: Callable[..., AbstractContextManager[Running]]) -> Iterator[Running]:
    """A house as it is without settings, for tests that leave nothing behind in it."""
    with serve_for_module() as running:
        yield running


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a house; it ends with the test."""
    opened: list[Any] = []

    def begin(**parts: Any) -> Running:
        context = serving(SmallHouse(tmp_path, **parts))
        opened.append(context)
        return context.__enter__()

    yield begin
    for context in opened:
        context.__exit__(None, None, None)
