"""Every table of the database. A change here needs a migration: `tests/store/test_migrations.py` compares the two."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from fourways.store.dialect import Words, partial

# Times are Unix seconds, durations seconds. Columns that hold long text stand last: SQLite reads a row from its front.
# `Words` is text from outside, made fit for every database; `Words(n)` is cut after n characters so that it can be
# indexed. Each row belongs to a tenant, but for `vectors` (no tenant's text in it) and `revisions` (counters).

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _json(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


def _time(name: str, *, nullable: bool = True) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _tenant() -> Column[str]:
    return Column("tenant", String, nullable=False)


# ---------------------------------------------------------------- who may ask

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("name", Words(256), nullable=False),
    Column("hash", String, nullable=False, unique=True),  # SHA-256 of the secret, hex; the secret itself is nowhere
    Column("prefix", String, nullable=False),  # the secret's first characters, to tell keys apart by eye
    _json("apps"),  # null: every app
    _json("labels", nullable=False),
    Column("admin", Boolean, nullable=False),
    _time("created_at", nullable=False),
    _time("expires_at"),
    _time("revoked_at"),
    _time("last_used_at"),
)

audit = Table(
    "audit",
    metadata,
    _tenant(),
    Column("number", Integer, nullable=False),  # from 1, without gaps: each tenant has a chain of its own
    _time("at", nullable=False),
    Column("actor", Words, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", Words, nullable=False),
    _json("detail", nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("name", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# ---------------------------------------------------------------- what was asked, and what people said of it

traces = Table(
    "traces",
    metadata,
    Column("id", String, nullable=False),
    _tenant(),
    _time("started_at", nullable=False),
    _time("duration"),
    _time("first_token"),
    Column("app", Words(256)),
    Column("way", String),
    Column("candidate", String),
    Column("release", String),
    Column("model", Words(256)),
    Column("key_id", String),
    Column("user", Words(256)),
    Column("status", String, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_usd", Double),
    Column("error", Words),
    _json("attributes", nullable=False),
    Column("question", Words),
    Column("answer", Words),
    _json("spans", nullable=False),
    # A caller's `traceparent` may give several requests one id; their beginnings tell them apart.
    PrimaryKeyConstraint("tenant", "id", "started_at"),
    Index(None, "tenant", "started_at"),
    Index(None, "tenant", "app", "started_at"),
    Index(None, "tenant", "user"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("trace_id", String, nullable=False),
    Column("user", Words(256), nullable=False),  # "" where nobody is named
    _time("created_at", nullable=False),
    _time("updated_at", nullable=False),
    Column("thumb", Integer),  # +1 or -1
    Column("stars", Integer),  # 1 to 5
    Column("comment", Words),
    Column("correction", Words),
    UniqueConstraint("tenant", "trace_id", "user"),
    Index(None, "tenant", "created_at"),
)

# ---------------------------------------------------------------- what is built

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    _tenant(),
    Column("kind", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("owner", String),
    _time("lease_until"),
    Column("attempts", Integer, nullable=False),
    _time("created_at", nullable=False),
    _time("started_at"),
    _time("finished_at"),
    _json("spec", nullable=False),
    _json("progress"),
    _json("result"),
    Column("error", Words),
    Index(None, "state", "created_at"),
    Index(None, "tenant", "created_at"),
)
active = jobs.c.state.in_(("queued", "running"))
Index("uq_jobs_active", jobs.c.tenant, jobs.c.kind, jobs.c.digest, unique=True, **partial(active))

candidates = Table(
    "candidates",
    metadata,
    _tenant(),
    Column("app", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("way", String, nullable=False),
    _time("created_at", nullable=False),
    _time("built_at", nullable=False),  # last built: going back to an old prompt makes its candidate the newest again
    _json("parts", nullable=False),
    PrimaryKeyConstraint("tenant", "app", "digest"),
    Index(None, "tenant", "app", "way", "built_at"),
)

# ---------------------------------------------------------------- what is tuned on, and what came of it

datasets = Table(  # rows ready to be tuned on; the rows themselves lie in files
    "datasets",
    metadata,
    _tenant(),
    Column("digest", String, nullable=False),  # of its rows
    Column("definition", String, nullable=False),  # of what it was made from and how: known before it is made
    _time("created_at", nullable=False),
    Column("rows", Integer, nullable=False),
    _json("names", nullable=False),  # in the project file
    _json("manifest", nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "tenant", "definition"),
)

dataset_sources = Table(  # what the rows of a dataset rest on: documents, traces, files
    "dataset_sources",
    metadata,
    _tenant(),
    Column("dataset", String, nullable=False),
    Column("kind", String, nullable=False),  # document, trace, file
    Column("knowledge", String, nullable=False),  # "" for what is no document
    Column("source", Words(1024), nullable=False),  # a uri, a trace's id, a file
    Column("rows", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "dataset", "kind", "knowledge", "source"),
    Index(None, "tenant", "kind", "source"),
)

weights = Table(  # adapters and models that were trained here, one a recipe; the bytes lie in folders by digest
    "weights",
    metadata,
    _tenant(),
    Column("recipe", String, nullable=False),  # digest of all that decided them
    Column("digest", String, nullable=False),  # of their files
    Column("name", String, nullable=False),  # as a model on the API; "" for none
    Column("app", String, nullable=False),  # "" where they were made for none
    Column("way", String, nullable=False),
    Column("kind", String, nullable=False),  # adapter, model
    Column("base", Words, nullable=False),  # "" where nothing was there before
    Column("method", String, nullable=False),
    Column("dataset", String, nullable=False),  # digest; "" where it was trained on none
    _time("created_at", nullable=False),
    _json("run", nullable=False),
    _json("result", nullable=False),
    PrimaryKeyConstraint("tenant", "recipe"),
    Index(None, "tenant", "digest"),
    Index(None, "tenant", "dataset"),
    Index(None, "tenant", "created_at"),
)

files = Table(  # what was sent to be tuned on; the bytes lie in the blobs
    "files",
    metadata,
    _tenant(),
    Column("id", String, nullable=False),
    Column("filename", Words(256), nullable=False),
    Column("purpose", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
    _time("created_at", nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "created_at"),
)

# ---------------------------------------------------------------- what is measured

answers = Table(  # what candidates answered to test cases: a run that was killed goes on from them
    "answers",
    metadata,
    _tenant(),
    Column("digest", String, nullable=False),  # of candidate, case, repeat, and whatever else decides the answer
    Column("app", String, nullable=False),
    _time("created_at", nullable=False),
    _json("body", nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "tenant", "created_at"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", String, primary_key=True),
    _tenant(),
    _time("created_at", nullable=False),
    Column("kind", String, nullable=False),  # evaluation, comparison
    Column("app", String, nullable=False),
    Column("way", String, nullable=False),
    Column("candidate", String, nullable=False),  # digest; "" for a model asked directly, and for a comparison
    Column("suite", Words, nullable=False),
    Column("suite_digest", String, nullable=False),
    _json("summary", nullable=False),  # what lists show
    _json("body", nullable=False),
    Index(None, "tenant", "app", "created_at"),
    Index(None, "tenant", "candidate", "suite_digest"),
)

# ---------------------------------------------------------------- what is released

releases = Table(  # what never changes of a release; its state is what the log says
    "releases",
    metadata,
    _tenant(),
    Column("app", String, nullable=False),
    Column("number", Integer, nullable=False),  # from 1 in each app
    Column("stage", String, nullable=False),
    Column("candidate", String, nullable=False),
    Column("way", String, nullable=False),
    _time("created_at", nullable=False),
    Column("origin", Integer),  # the release it was promoted from, in another stage
    _json("policy", nullable=False),  # gate, approval and canary as they stood in the project file
    Column("note", Words, nullable=False),
    PrimaryKeyConstraint("tenant", "app", "number"),
    Index(None, "tenant", "created_at"),
)

release_log = Table(  # every move of every release: rows are only ever added
    "release_log",
    metadata,
    _tenant(),
    Column("number", Integer, nullable=False),  # from 1, without gaps: each tenant has a chain of its own
    _time("at", nullable=False),
    Column("app", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("release", Integer, nullable=False),
    Column("event", String, nullable=False),  # a move of the lifecycle `release`
    Column("actor", Words, nullable=False),
    Column("reason", Words, nullable=False),
    _json("detail", nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
    Index(None, "tenant", "app", "number"),
)

# ---------------------------------------------------------------- what is known

knowledges = Table(
    "knowledges",
    metadata,
    _tenant(),
    Column("knowledge", String, nullable=False),
    _time("created_at", nullable=False),
    PrimaryKeyConstraint("tenant", "knowledge"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _tenant(),
    Column("knowledge", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String, nullable=False),
    _time("created_at", nullable=False),
    _time("published_at"),
    _json("counts"),
    PrimaryKeyConstraint("tenant", "knowledge", "number"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),  # of this version of the document
    _tenant(),
    Column("knowledge", String, nullable=False),
    Column("uri", Words, nullable=False),
    Column("added_in", Integer, nullable=False),  # the first snapshot that has it
    Column("removed_in", Integer),  # the first snapshot that no longer has it
    Column("content_hash", String, nullable=False),  # of the bytes it was parsed from
    Column("recipe", String, nullable=False),  # digest of all but the bytes that decides its passages
    Column("token", Words, nullable=False),  # the source's own mark of change; "" where it has none
    Column("passages", Integer, nullable=False),  # how many it was cut into
    Column("title", Words, nullable=False),
    Column("language", String, nullable=False),
    Column("link", Words, nullable=False),
    _json("acl", nullable=False),
    _json("metadata", nullable=False),
    _json("pages", nullable=False),
    Column("text", Words, nullable=False),
    UniqueConstraint("tenant", "knowledge", "uri", "added_in"),
    Index(None, "tenant", "knowledge", "removed_in"),
)

passages = Table(
    "passages",
    metadata,
    _tenant(),
    Column("document_id", String, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("id", String, nullable=False),  # stable while the content is: versions of a document may share it
    Column("digest", String, nullable=False, index=True),  # SHA-256 of what is embedded: headings and text
    Column("start", Integer, nullable=False),  # the text is the document's, from here
    Column("end", Integer, nullable=False),  # to here
    Column("page", Integer),
    _json("headings", nullable=False),
    PrimaryKeyConstraint("document_id", "ordinal"),
)

denylist = Table(
    "denylist",
    metadata,
    _tenant(),
    Column("knowledge", String, nullable=False),
    Column("uri", Words, nullable=False),
    _time("created_at", nullable=False),
    Column("reason", Words, nullable=False),
    PrimaryKeyConstraint("tenant", "knowledge", "uri"),
)

vectors = Table(
    "vectors",
    metadata,
    Column("model", Words, nullable=False),
    Column("digest", String, nullable=False),  # SHA-256 of the text
    _time("created_at", nullable=False),
    Column("vector", LargeBinary, nullable=False),
    PrimaryKeyConstraint("model", "digest"),
)
