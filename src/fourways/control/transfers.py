"""Releases from one machine to another: exported with all they rest on, imported as drafts that are judged anew."""

import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from fourways.config.load import FILE_NAME, load_project
from fourways.config.references import files_named, files_of_datasets, files_of_tests
from fourways.config.tree import Project
from fourways.control import releases, showing
from fourways.control.bundles import Bundle, Knowledge, fingerprint_of, leads_out, read_bundle, unpack, write_bundle
from fourways.control.policies import checked_stage
from fourways.control.showing import Shown
from fourways.control.signing import own_fingerprint
from fourways.control.state import state_folder
from fourways.control.weights_carried import contents_of
from fourways.core.errors import InvalidProject, InvalidRequest, NotFound
from fourways.core.ids import TenantId
from fourways.store import candidates, catalog, reports, shown
from fourways.store.catalog import Place
from fourways.store.database import Database
from fourways.store.weights import WeightsFolders

PROJECT = "project"
"""The folder of a bundle that holds the project: its file, prompts, tests, documents."""
SECRET = re.compile("auth|key|token|secret|password|cookie", re.IGNORECASE)
"""What a header or a part of a query is called that opens something."""


def export(
    database: Database,
    tenant: TenantId,
    project: Project,
    folder: Path,
    app: str,
    number: int,
    *,
    to: Path,
    now: float,
    weights: WeightsFolders | None,
) -> Bundle:
    """Write a release as a signed folder.

    It carries the candidate, its weights, its report, the project file with the files that it names, and the documents
    that are files in its folder. Documents from elsewhere are not in it.

    Args:
        weights: where weights lie; None leaves them out.

    Raises:
        NotFound: there is no such release, or its weights are gone.
        Unavailable: its weights are damaged.
        InvalidRequest: the target is there already, or the project file holds a secret in clear, or names a template or
            a file of tests outside the project's folder.
    """
    _refuse_secrets(folder / FILE_NAME)
    found = showing.show(database, tenant, app, number)
    with database.reading() as connection:
        candidate = candidates.get_candidate(connection, tenant, app, found.release.candidate)
        report = reports.newest_report_of(connection, tenant, candidate.digest)
    documents = {name: _documents(database, tenant, name) for name in _knowledge_of(candidate.parts)}
    files = {FILE_NAME, *files_named(project), *files_of_tests(project, folder), *files_of_datasets(project, folder)}
    carried = {uri for known in documents.values() for uri in known if not leads_out(uri) and (folder / uri).is_file()}
    contents: dict[str, Path | bytes] = {f"{PROJECT}/{path}": folder / path for path in sorted(files | carried)}
    contents["report.json"] = json.dumps(None if report is None else asdict(report), default=str).encode()
    pin = candidate.parts.get("weights")
    if pin is not None and weights is not None:
        contents |= contents_of(pin, weights, folder, database, tenant)
    return write_bundle(
        to,
        release=f"{app}@{found.release.name}",
        candidate=candidate,
        policy=found.release.policy,
        gate=found.standing.gate,
        note=found.release.note,
        now=now,
        knowledge={name: _knowledge(known, carried) for name, known in documents.items()},
        contents=contents,
        state=state_folder(folder),
    )


def open_bundle(bundle: Path, folder: Path, project: Project | None, trusted: Collection[str]) -> Bundle:
    """Read a bundle that is to be imported into a project's folder; raises InvalidRequest as `read_bundle` does."""
    own = own_fingerprint(state_folder(folder))
    known = {*trusted, *(project.trusted_signers if project else ()), *([own] if own else [])}
    return read_bundle(bundle, known)


def make_project(bundle: Bundle, folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Write the project that a bundle carries into a folder that has none, and return the paths written.

    Args:
        environ: where `${NAME}` in its file is looked up.

    Raises:
        InvalidRequest: a file is there already.
        InvalidProject: something that the project needs is not here; nothing of it stays.
    """
    fresh = not folder.exists()
    written = unpack(bundle, PROJECT, folder)
    try:
        load_project(folder, environ)
    except InvalidProject:
        for path in written:
            (folder / path).unlink()
        if fresh:
            shutil.rmtree(folder)
        raise
    return written


def take(
    database: Database, tenant: TenantId, project: Project, bundle: Bundle, *, stage: str, actor: str, now: float
) -> Shown:
    """Make a draft of an imported release, to be evaluated and gated here like any other.

    Raises:
        NotFound: the project has no such app, or not the knowledge.
        InvalidRequest: there is no such stage, or the candidate pins a numbered snapshot, which another machine counts
            differently.
    """
    candidate, known = bundle.candidate, checked_stage(stage)
    if candidate.app not in project.apps:
        raise NotFound.named("app", candidate.app, project.apps)
    for name in _knowledge_of(candidate.parts):
        if name not in project.knowledge:
            raise NotFound.named("knowledge", name, project.knowledge)
    pinned = candidate.parts.get("knowledge", {}).get("snapshot", "latest")
    if pinned != "latest":
        raise InvalidRequest(
            f"{bundle.manifest.release} pins snapshot {pinned}, and snapshots are counted on each machine for itself; "
            "export a release whose way says `snapshot: latest`"
        )
    with database.transaction() as connection:
        candidates.save_candidate(connection, tenant, candidate, now=now)
    note = (
        f"imported: {bundle.manifest.release}, signed by {bundle.signature.fingerprint}. {bundle.manifest.note}".strip()
    )
    made = releases.create(database, tenant, project, candidate, stage=known, actor=actor, now=now, note=note)
    return showing.show(database, tenant, made.app, made.number)


def fingerprints(
    database: Database, tenant: TenantId, project: Project, names: Iterable[str] | None = None
) -> Mapping[str, str]:
    """Return the fingerprint of each knowledge as it is published; "" for one that was never ingested.

    Args:
        names: which; all of the project's where None.
    """
    known = {name: _documents(database, tenant, name) for name in (project.knowledge if names is None else names)}
    return {name: fingerprint_of(documents) if documents else "" for name, documents in known.items()}


def _knowledge_of(parts: Mapping[str, Any]) -> Iterator[str]:
    if "knowledge" in parts:
        yield parts["knowledge"]["name"]


def _documents(database: Database, tenant: TenantId, name: str) -> dict[str, str]:
    """Return the content hashes of what is published, by name."""
    place = Place(tenant=tenant, knowledge=name)
    with database.reading() as connection:
        published = catalog.published(connection, place)
        rows = shown.documents_in(connection, place, published[-1].number) if published else []
    return {row.uri: row.content_hash for row in rows}


def _knowledge(documents: Mapping[str, str], carried: Collection[str]) -> Knowledge:
    left_out = tuple(sorted(uri for uri in documents if uri not in carried))
    return Knowledge(documents=len(documents), fingerprint=fingerprint_of(documents), left_out=left_out)


def _refuse_secrets(file: Path) -> None:
    """Raise InvalidRequest where the project file, which goes along, holds what nobody else may see."""
    plain = yaml.safe_load(file.read_text(encoding="utf-8"))
    providers = plain.get("providers", {})
    secrets = [f"providers.{name}.api_key" for name, node in providers.items() if _clear(node, "api_key")]
    secrets += [
        f"providers.{name}.{part}.{key}"
        for name, node in providers.items()
        for part in ("headers", "query")
        for key in node.get(part, {})
        if SECRET.search(key) and _clear(node[part], key)
    ]
    secrets += ["database"] if "@" in str(plain.get("database") or "") and "${" not in plain["database"] else []
    headers = (plain.get("telemetry") or {}).get("otlp_headers") or {}
    secrets += [f"telemetry.otlp_headers.{name}" for name in headers if _clear(headers, name)]
    if secrets:
        raise InvalidRequest(
            f"nothing was exported: {file.name} goes along, and holds a secret in clear ({', '.join(secrets)}); write "
            "${NAME} there, and set NAME in the environment of each machine"
        )


def _clear(node: Mapping[str, Any], key: str) -> bool:
    value = node.get(key)
    return isinstance(value, str) and bool(value) and "${" not in value
