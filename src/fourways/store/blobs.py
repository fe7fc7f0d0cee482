"""Files named by the digest of their content: written whole or not at all, verified when read."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from fourways.core.errors import NotFound, Unavailable

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


class Blobs:
    """A folder of blobs.

    Args:
        folder: made where it is absent. Unfinished files wait in it under `unfinished/`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unfinished = folder / "unfinished"

    def put(self, content: bytes | Iterable[bytes]) -> str:
        """Keep a content and return its SHA-256, 64 hex characters; it is on disk when this returns."""
        self._unfinished.mkdir(parents=True, exist_ok=True)
        hasher = hashlib.sha256()
        with NamedTemporaryFile(dir=self._unfinished, delete=False) as file:
            try:
                for piece in (content,) if isinstance(content, bytes) else content:
                    hasher.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                Path(file.name).unlink()
                raise
        path = self._path(hasher.hexdigest())
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(file.name).replace(path)
        for folder in (path.parent, path.parent.parent):
            _sync(folder)
        return hasher.hexdigest()

    def path(self, digest: str) -> Path:
        """Return where a blob lies, for programs that read files; its content is not verified.

        Raises:
            NotFound: there is no such blob.
        """
        path = self._path(digest)
        if not path.is_file():
            raise NotFound(f"there is no blob '{digest}'")
        return path

    def read(self, digest: str) -> bytes:
        """Return a blob's content.

        Raises:
            NotFound: there is no such blob.
            Unavailable: the file is not what was written.
        """
        content = self.path(digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise Unavailable(f"blob '{digest}' is damaged on disk: put its content again, or restore a backup")
        return content

    def delete(self, digest: str) -> bool:
        """Delete a blob; return whether it was there."""
        path = self._path(digest)
        if not path.is_file():
            return False
        path.unlink()
        _sync(path.parent)
        return True

    def digests(self) -> Iterator[str]:
        """Yield the digest of every blob."""
        for path in sorted(self.folder.glob("??/*")):
            if _DIGEST.fullmatch(path.name):
                yield path.name

    def sweep(self, before: float) -> int:
        """Delete unfinished files last written before a time (Unix seconds), left by killed processes; count them."""
        old = [path for path in self._unfinished.glob("*") if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"'{digest[:80]}' names no blob; right would be a SHA-256 as 64 lower-case hex characters")
        return self.folder / digest[:2] / digest


def _sync(folder: Path) -> None:
    """Put a folder's entries on disk: a rename counts only then."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
