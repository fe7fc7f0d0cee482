"""A release as one signed folder: what another machine needs to serve it, and proof that nobody touched it since."""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from fourways.control.signing import Signature, sign
from fourways.core.errors import InvalidRequest
from fourways.core.specs import Candidate

FORMAT = 1
MANIFEST, SIGNATURE = "manifest.json", "signature.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The documents that a release rests on.

    Attributes:
        fingerprint: SHA-256 over the names and contents of all of them: equal ones, equal knowledge.
        left_out: those that are no files in the project's folder (web pages), which the other machine fetches itself.
    """

    documents: int
    fingerprint: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle holds.

    Attributes:
        candidate: {app, way, parts}; its digest is checked when it is read.
        policy, gate: as they stood for the release: for people; the machine that imports judges for itself.
        knowledge: by name.
        files: SHA-256 by path inside the bundle, manifest and signature left out.
    """

    release: str
    candidate: Mapping[str, Any]
    digest: str
    policy: Mapping[str, Any]
    gate: Mapping[str, Any] | None
    note: str
    created_at: float
    knowledge: Mapping[str, Knowledge]
    files: Mapping[str, str]
    format: int = FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle that was read and found whole."""

    folder: Path
    manifest: Manifest
    signature: Signature

    @property
    def candidate(self) -> Candidate:
        """What it releases."""
        return Candidate(**self.manifest.candidate)


def fingerprint_of(documents: Mapping[str, str]) -> str:
    """Return the fingerprint of a knowledge, from its documents' content hashes by name."""
    return hashlib.sha256(json.dumps(sorted(documents.items())).encode()).hexdigest()


def leads_out(name: str) -> bool:
    """Whether a path, read inside a folder, names something outside of it."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def write_bundle(
    folder: Path,
    *,
    release: str,
    candidate: Candidate,
    policy: Mapping[str, Any],
    gate: Mapping[str, Any] | None,
    note: str,
    now: float,
    knowledge: Mapping[str, Knowledge],
    contents: Mapping[str, Path | bytes],
    state: Path,
) -> Bundle:
    """Write a bundle, whole or not at all.

    Args:
        folder: must not be there yet.
        contents: what it carries, by path inside the bundle: a file to copy, or bytes.
        state: the project's state folder, which has the key that signs.

    Raises:
        InvalidRequest: the folder is there already, or a path leads out of it.
    """
    if folder.exists():
        raise InvalidRequest(f"{folder} is there already; name a new folder")
    for name in filter(leads_out, contents):
        raise InvalidRequest(f"'{name}' leads out of the bundle; nothing was exported")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name, content in contents.items():
        target = partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)
    manifest = Manifest(
        release=release,
        candidate={"app": candidate.app, "way": candidate.way, "parts": dict(candidate.parts)},
        digest=candidate.digest,
        policy=policy,
        gate=gate,
        note=note,
        created_at=now,
        knowledge=knowledge,
        files={name: _hash(partial / name) for name in sorted(contents)},
    )
    partial.mkdir(parents=True, exist_ok=True)
    encoded = json.dumps(asdict(manifest), indent=2, sort_keys=True, ensure_ascii=False).encode()
    signature = sign(encoded, state)
    (partial / MANIFEST).write_bytes(encoded)
    (partial / SIGNATURE).write_text(json.dumps(asdict(signature), indent=2), encoding="utf-8")
    partial.rename(folder)
    return Bundle(folder=folder, manifest=manifest, signature=signature)


def read_bundle(folder: Path, trusted: Collection[str]) -> Bundle:
    """Read a bundle and check it: who signed it, that no file was changed, added or taken away.

    Args:
        trusted: fingerprints of keys whose word is taken.

    Raises:
        InvalidRequest: it is no bundle, it was touched, or its signer is not trusted.
    """
    encoded, signature = _read(folder)
    signature.check(encoded)
    if signature.fingerprint not in trusted:
        raise InvalidRequest(
            f"this was signed by {signature.fingerprint}, whom this project does not trust; compare that with what the "
            "export printed, then say --trust, or add it to trusted_signers in fourways.yaml"
        )
    manifest = _manifest(json.loads(encoded), folder)
    there = {str(PurePosixPath(path.relative_to(folder))) for path in _files(folder)} - {MANIFEST, SIGNATURE}
    for name in sorted(there ^ set(manifest.files)):
        raise InvalidRequest(
            f"{name} is {'not in the manifest' if name in there else 'missing'}: the bundle was touched"
        )
    for name, expected in manifest.files.items():
        if _hash(folder / name) != expected:
            raise InvalidRequest(f"{name} is not what was signed: the bundle was touched")
    bundle = Bundle(folder=folder, manifest=manifest, signature=signature)
    if bundle.candidate.digest != manifest.digest:
        raise InvalidRequest("the candidate's digest does not fit its parts: written by another version of fourways?")
    return bundle


def unpack(bundle: Bundle, inside: str, target: Path) -> list[str]:
    """Copy what a bundle carries under one of its folders, over nothing that is there; return the paths written.

    Raises:
        InvalidRequest: a file is there already.
    """
    names = [name for name in bundle.manifest.files if name.startswith(f"{inside}/")]
    relative = [name.removeprefix(f"{inside}/") for name in names]
    for name in relative:
        if (target / name).exists():
            raise InvalidRequest(f"{target / name} is there already; import into an empty folder")
    for name, own in zip(names, relative, strict=True):
        (target / own).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.folder / name, target / own)
    return relative


def _read(folder: Path) -> tuple[bytes, Signature]:
    try:
        encoded = (folder / MANIFEST).read_bytes()
        return encoded, msgspec.json.decode((folder / SIGNATURE).read_bytes(), type=Signature)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{folder} is no exported release: {error}") from error


def _manifest(plain: Mapping[str, Any], folder: Path) -> Manifest:
    if plain.get("format") != FORMAT:
        raise InvalidRequest(f"{folder} has format {plain.get('format')}; this fourways reads format {FORMAT}")
    knowledge = {
        name: Knowledge(**{**facts, "left_out": tuple(facts["left_out"])}) for name, facts in plain["knowledge"].items()
    }
    manifest = Manifest(**{**plain, "knowledge": knowledge})
    for name in filter(leads_out, manifest.files):
        raise InvalidRequest(f"'{name}' leads out of the bundle; nothing was imported")
    return manifest


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise InvalidRequest(f"{path} is a link; a bundle has only files")
        if path.is_file():
            yield path


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unknown_to(bundle: Bundle, here: Mapping[str, str]) -> Sequence[str]:
    """Say, a sentence each, where this machine's knowledge is not the one that the release was measured on.

    Args:
        here: fingerprints of this project's knowledges, by name; "" for one that was never ingested.
    """
    return [
        f"knowledge '{name}' is not the one that {bundle.manifest.release} was measured on"
        + (" (it was never ingested here)" if not here.get(name) else "")
        for name, facts in bundle.manifest.knowledge.items()
        if here.get(name) != facts.fingerprint
    ]
