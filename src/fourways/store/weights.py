"""Folders of weights named by the digest of their files: written whole or not at all, verified when first opened."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp

from fourways.core.errors import InvalidRequest, NotFound, Unavailable
from fourways.core.ids import digest

MANIFEST = "manifest.json"
"""Written last: the SHA-256 of every other file, by its path."""
CARDS = frozenset({"README.md", "card.json"})
"""Say how weights came about, seconds and all: equal weights with other cards have the same name."""
REFUSED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".py", ".npy", ".h5", ".msgpack")
"""Endings of files that may run code where they are read, or hold weights in a format that is not checked."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


class WeightsFolders:
    """A folder of weights.

    Args:
        folder: made where it is absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verified: set[str] = set()
        self._known: dict[Path, tuple[object, str]] = {}

    def keep(self, source: Path) -> str:
        """Keep a copy of a folder of weights and return its digest; it is on disk when this returns.

        Raises:
            InvalidRequest: a file in it may run code where it is read; safetensors are right.
        """
        files = files_of(source)
        name = name_of(files)
        if (self.folder / name / MANIFEST).is_file():
            return name
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(mkdtemp(prefix="unfinished-", dir=self.folder))
        for path in files:
            target = unfinished / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, target)
            _sync(target)
        manifest = unfinished / MANIFEST
        manifest.write_text(json.dumps(files, indent=1, sort_keys=True), encoding="utf-8")
        _sync(manifest)
        try:
            unfinished.rename(self.folder / name)
        except OSError:  # another process kept the same, or a damaged folder lies there
            shutil.rmtree(self.folder / name, ignore_errors=True)
            unfinished.rename(self.folder / name)
        _sync(self.folder)
        return name

    def open(self, name: str) -> Path:
        """Return where weights lie; their files are verified when this process opens them first.

        Raises:
            NotFound: there are no such weights.
            Unavailable: a file is not what was written.
        """
        if not _DIGEST.fullmatch(name):
            raise NotFound(f"'{name[:80]}' names no weights; right would be a SHA-256 as 64 lower-case hex characters")
        folder = self.folder / name
        if name in self._verified and folder.is_dir():
            return folder
        manifest = self._manifest(name)
        for path, expected in manifest.items():
            if not (folder / path).is_file() or sha256_of(folder / path) != expected:
                msg = f"{path} of weights {name[:12]} is damaged on disk: train them again, or restore a backup"
                raise Unavailable(msg)
        self._verified.add(name)
        return folder

    def has(self, name: str) -> bool:
        """Whether weights are there, whole; their files are not read."""
        return (self.folder / name / MANIFEST).is_file()

    def size(self, name: str) -> int:
        """Return the bytes that weights take; 0 where there are none."""
        return sum(path.stat().st_size for path in (self.folder / name).rglob("*") if path.is_file())

    def delete(self, name: str) -> bool:
        """Delete weights; return whether they were there."""
        there = self.has(name)
        shutil.rmtree(self.folder / name, ignore_errors=True)
        self._verified.discard(name)
        return there

    def sweep(self, before: float) -> int:
        """Delete unfinished folders last changed before a time (Unix seconds), left by killed processes; count them."""
        old = [path for path in self.folder.glob("unfinished-*") if path.stat().st_mtime < before]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)

    def digest_of(self, source: Path) -> str:
        """Return the digest that a folder of weights would have here; one that has not changed is read once.

        Raises:
            InvalidRequest: as `keep`.
            NotFound: it is no folder.
        """
        seen = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in _paths(source)]
        known = self._known.get(source)
        if known is None or known[0] != seen:
            known = self._known[source] = (seen, name_of(files_of(source)))
        return known[1]

    def _manifest(self, name: str) -> Mapping[str, str]:
        try:
            found: dict[str, str] = json.loads((self.folder / name / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(f"there are no weights {name[:12]} here; train them again, or bring their folder") from None
        except ValueError:
            raise Unavailable(f"the manifest of weights {name[:12]} is damaged: train them again") from None
        if name_of(found) != name:
            raise Unavailable(f"the manifest of weights {name[:12]} is not what was written: train them again")
        return found


def name_of(files: Mapping[str, str]) -> str:
    """Return the digest that names files: of their own digests, cards left out."""
    return digest({path: content for path, content in files.items() if path not in CARDS})


def files_of(source: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder of weights, by its path in it.

    Raises:
        InvalidRequest: a file may run code where it is read, or there are no safetensors.
        NotFound: it is no folder.
    """
    paths = list(_paths(source))
    refused = [path for path in paths if path.suffix.lower() in REFUSED]
    if refused:
        name = refused[0].relative_to(source)
        raise InvalidRequest(f"{source} holds {name}, which may run code when it is read; safetensors alone are taken")
    if not any(path.suffix == ".safetensors" for path in paths):
        raise InvalidRequest(f"{source} holds no .safetensors file; right would be a folder as transformers saves it")
    return {path.relative_to(source).as_posix(): sha256_of(path) for path in paths}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hex characters."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            hasher.update(piece)
    return hasher.hexdigest()


def _paths(source: Path) -> Iterator[Path]:
    if not source.is_dir():
        raise NotFound(f"{source} is no folder of weights")
    yield from sorted(path for path in source.rglob("*") if path.is_file() and path.name != MANIFEST)


def _sync(path: Path) -> None:
    """Put a file, or a folder's entries, on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
