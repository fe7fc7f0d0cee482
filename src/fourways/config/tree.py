"""`fourways.yaml`, key by key: one frozen tree. Each key's type, default, bounds and meaning stand here only."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from fourways.config.datasets import Dataset
from fourways.config.node import Duration, Name, Node, Probability
from fourways.config.releasing import Release
from fourways.config.serving import Serve
from fourways.config.testing import Facts, Tests, TestsNode
from fourways.config.ways import WayName, Ways

# ---------------------------------------------------------------- models


class Price(Node):
    """What a model costs, in US dollars per million tokens."""

    input: float = Field(ge=0)
    """Tokens read."""
    output: float = Field(ge=0)
    """Tokens written, thinking included."""
    cached_input: float | None = Field(default=None, ge=0)
    """Tokens read from the provider's cache; the input price where not given."""


class Provider(Node):
    """A server that answers: where it is and how it is spoken to."""

    dialect: str = "openai"
    """How it is spoken to: openai, anthropic, azure, cohere, mistral, groq, vllm, ollama, llamacpp, tgi …"""
    base_url: str | None = None
    """Where its API begins, such as http://127.0.0.1:8000/v1; the dialect's own where not given."""
    api_key: str | None = Field(default=None, repr=False)
    """Its key: write ${NAME} to take it from the environment."""
    headers: dict[str, str] = {}
    """Sent with every request."""
    query: dict[str, str] = {}
    """Added to every URL (Azure's api-version, for one)."""
    network: Literal["external", "internal"] = "external"
    """Whether what is sent to it leaves the company's network."""
    prices: dict[str, Price] = {}
    """Prices by model name; the genai-prices table where not given."""
    serve: Serve | None = None
    """The model that fourways serves there itself: the server is started when it is asked, ended when it is idle."""


class Timeouts(Node):
    """How long to wait for a model."""

    connect: Duration = timedelta(seconds=5)
    """For the connection."""
    first_byte: Duration = timedelta(seconds=60)
    """For the first byte of the answer."""
    idle: Duration = timedelta(seconds=60)
    """Between two pieces of a stream."""
    total: Duration = timedelta(minutes=10)
    """For the whole answer."""


class Retry(Node):
    """Trying again: only while no byte of an answer has gone out."""

    attempts: int = Field(default=3, ge=1, le=10)
    """How often in all, the first try included, on one target."""
    backoff: Duration = timedelta(milliseconds=250)
    """The wait before the second try; doubled each time, with jitter; a server's Retry-After goes before."""


class Breaker(Node):
    """Leaving a failing target alone for a while."""

    failures: int = Field(default=5, ge=1)
    """Failures in a row that open the circuit."""
    cooldown: Duration = timedelta(seconds=30)
    """How long it stays open before one request may try."""


class Target(Node):
    """One way to reach a model."""

    model: str
    """`provider/model`."""
    weight: float = Field(default=1.0, gt=0)
    """Its share among the targets."""


class Model(Node):
    """A named model: one or several targets under one policy."""

    targets: list[Target | str] = Field(min_length=1)
    """Share the load by weight. A target is `provider/model`, or {model, weight}."""
    fallback: list[str] = []
    """Tried in order when all targets failed: `provider/model`, or another named model."""
    timeout: Timeouts = Timeouts()
    retry: Retry = Retry()
    breaker: Breaker = Breaker()
    options: dict[str, Any] = {}
    """Options sent where the request names none: temperature, max_tokens …"""


# ---------------------------------------------------------------- knowledge


class FileSource(Node):
    """Files of this machine."""

    type: Literal["files"] = "files"
    """Files are meant where no type is given."""
    paths: list[str] = Field(min_length=1)
    """Files, folders and globs (`docs/**/*.md`), relative to the project; a folder means all readable files in it."""
    exclude: list[str] = []
    """Globs left out."""
    acl: list[str] = []
    """Labels that may read these documents; none means everybody."""
    metadata: dict[str, Any] = {}
    """Added to each document's metadata, for filters."""


class WebSource(Node):
    """Pages of the web."""

    type: Literal["web"]
    """Must be given: it tells web pages from files."""
    urls: list[str] = []
    """Pages to read."""
    sitemap: str | None = None
    """A sitemap.xml whose pages are read."""
    limit: int = Field(default=500, ge=1)
    """Pages at most."""
    allow_private: bool = False
    """Whether private and loopback addresses may be read (an intranet); redirects are checked too."""
    delay: Duration = timedelta(milliseconds=500)
    """Between two pages of one host; robots.txt may ask for more."""
    acl: list[str] = []
    """Labels that may read these pages; none means everybody."""
    metadata: dict[str, Any] = {}
    """Added to each page's metadata, for filters."""


def _source_type(value: Any) -> str:  # noqa: ANN401 - whatever stands in the file
    kind = value.get("type", "files") if isinstance(value, dict) else getattr(value, "type", "")
    return str(kind)


Source = Annotated[
    Annotated[FileSource, Tag("files")] | Annotated[WebSource, Tag("web")],
    Discriminator(
        _source_type,
        custom_error_type="unknown_source",
        custom_error_message="there is no such source type; there is: files, web",
    ),
]


class Chunking(Node):
    """How documents are cut into passages."""

    size: int = Field(default=220, ge=32, le=8000)
    """Tokens of the embedding model in a passage, at most."""
    overlap: int = Field(default=0, ge=0)
    """Tokens that a passage repeats of the one before."""


class Embedding(Node):
    """What turns text into vectors."""

    model: str = "minilm"
    """`minilm` (in the package), a folder of a sentence-transformers model, or `provider/model`."""


class Search(Node):
    """How passages are found."""

    limit: int = Field(default=5, ge=1, le=100)
    """Passages in a result."""
    candidates: int = Field(default=50, ge=1, le=1000)
    """Passages each side (words, meaning) proposes before they are fused."""
    alpha: Probability = 0.5
    """Share of meaning (dense) in the fused score; the rest is words (BM25)."""
    superseded: Probability = 0.8
    """Multiplies the score of documents whose metadata say `status: superseded` (or archived …); 1: no difference."""
    neighbours: int = Field(default=0, ge=0, le=10)
    """Passages before and after a hit that are handed on with it."""
    reranker: str | None = None
    """`provider/model` with a /rerank endpoint that reorders the candidates."""


class Knowledge(Node):
    """A named set of sources, searched together."""

    sources: list[Source] = Field(min_length=1)
    """Where its documents come from."""
    chunk: Chunking = Chunking()
    embedding: Embedding = Embedding()
    search: Search = Search()
    refresh: Duration | None = None
    """Sync again this often while the server runs; never where not given."""
    keep_snapshots: int = Field(default=3, ge=1)
    """Newest snapshots kept on disk for candidates that pin one."""


# ---------------------------------------------------------------- apps


class App(Node):
    """What people use."""

    description: str = ""
    """What it is for, in a line."""
    ways: Ways
    default_way: WayName | None = None
    """The way served under the app's bare name; the last of the ladder that the app has where not given."""
    tests: Tests = TestsNode()
    """Test cases and how they are asked: a list of files and cases, or {files, cases, tuning, assert …}."""
    release: Release = Release()
    """How its candidates come to people: gate, approval, canary, flags."""
    facts: Facts | None = None
    """What the choice of a way rests on where nothing was measured; the project's where not given."""
    limits: "Limits | None" = None
    """Limits of each key for this app; the project's where not given."""


class Limits(Node):
    """What one key may use."""

    requests_per_minute: int | None = Field(default=None, ge=1)
    """Requests, whether they succeed or fail."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Tokens read and written, counted when an answer ends."""
    concurrent: int | None = Field(default=None, ge=1)
    """Requests at a time."""


# ---------------------------------------------------------------- the rest


class Server(Node):
    """The HTTP door."""

    host: str = "127.0.0.1"
    """The address it listens on; 0.0.0.0 for every one of this machine."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes any free one."""
    max_body_bytes: int = Field(default=20_000_000, ge=1024)
    """A larger body is refused with 413."""
    keep_alive_comment: Duration = timedelta(seconds=10)
    """A comment is sent on a stream this often while the first token is awaited."""
    cors_origins: list[str] = []
    """Web origins whose pages may call the API."""


class Retention(Node):
    """How long things are kept."""

    traces: Duration = timedelta(days=30)
    """Who asked when, the steps, tokens and cost."""
    texts: Duration = timedelta(days=30)
    """Questions and answers inside traces."""


class Telemetry(Node):
    """What is told to whom."""

    otlp_endpoint: str | None = None
    """Traces are exported there over OTLP/HTTP."""
    otlp_headers: dict[str, str] = Field(default={}, repr=False)
    """Sent with every export, such as a token."""
    record_texts: bool = True
    """Whether our own store keeps questions and answers (for their retention)."""
    export_texts: bool = False
    """Whether exported spans carry prompts and answers."""


class Project(Node):
    """One folder with one fourways.yaml; its state lives beside it in .fourways/."""

    project: Name
    """The project's name: lower-case letters, digits, - and _."""
    database: str | None = None
    """A SQLAlchemy URL such as postgresql+psycopg://…; SQLite in .fourways/ where not given."""
    network: Literal["open", "none"] = "open"
    """`none`: no packet leaves this machine; external providers and web sources are refused."""
    providers: dict[Name, Provider] = {}
    """Servers that answer, by a name of your own."""
    models: dict[Name, Model] = {}
    """Models with a name of their own."""
    knowledge: dict[Name, Knowledge] = {}
    """Sets of documents that are searched together."""
    datasets: dict[Name, Dataset] = {}
    """Rows to tune on."""
    apps: dict[Name, App] = {}
    """What people use: `model: NAME` on the API."""
    trusted_signers: list[str] = []
    """Fingerprints of the keys whose exported releases may be imported; the project's own is trusted anyway."""
    facts: Facts = Facts()
    """What the choice of a way rests on where nothing was measured."""
    limits: Limits = Limits()
    """Limits of each key."""
    server: Server = Server()
    retention: Retention = Retention()
    telemetry: Telemetry = Telemetry()


App.model_rebuild()
