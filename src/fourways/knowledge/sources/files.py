"""Files of this machine: paths, folders and globs of a project, listed whole and read one by one."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fourways.config.tree import FileSource
from fourways.core.errors import InvalidProject, Unavailable, UnreadableDocument
from fourways.knowledge.parse import readable
from fourways.knowledge.sources.base import MAX_BYTES, Item
from fourways.knowledge.sources.globs import Glob

_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Found:
    uri: str
    path: Path
    token: str


class Files:
    """The files that a project's `paths` name and its `exclude` does not.

    Hidden files and folders (`.git`, `.fourways`) are passed over, and so is a symbolic link that leads out of both
    the project and the folder that was named. A folder or glob means the readable files in it; a file named outright
    is listed whatever it is.
    """

    def __init__(self, spec: FileSource, root: Path, _known: Mapping[str, str] | None = None) -> None:
        self._spec = spec
        self._root = root.resolve()
        self._excluded = tuple(Glob(pattern, anywhere=True) for pattern in spec.exclude)
        self._acl = frozenset(spec.acl)
        self._paths: dict[str, Path] = {}

    async def list(self) -> AsyncIterator[Item]:
        """List the files, in the order of their names, each once; raises as `Source.list` says."""
        walk = self._files()
        while batch := await asyncio.to_thread(_take, walk, _BATCH):
            for found in batch:
                self._paths[found.uri] = found.path
                yield Item(
                    uri=found.uri,
                    token=found.token,
                    link=found.uri,
                    acl=self._acl,
                    metadata=self._spec.metadata,
                )

    async def read(self, item: Item) -> bytes:
        """Return a file's bytes; raises UnreadableDocument where it is too large or may not be read."""
        path = self._paths.get(item.uri) or self._root / item.uri
        return await asyncio.to_thread(_read, path, item.uri)

    def _files(self) -> Iterator[_Found]:
        seen: set[str] = set()
        for pattern in self._spec.paths:
            for path in self._named(pattern):
                uri = _uri(path, self._root)
                if uri in seen or any(glob.matches(uri) for glob in self._excluded):
                    continue
                seen.add(uri)
                yield _Found(uri, path, _token(path))

    def _named(self, pattern: str) -> Iterator[Path]:
        """Yield the files that one entry of `paths` means."""
        path = Path(os.path.normpath(self._root / pattern))
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from self._walk(path, None)
        elif (glob := Glob(_uri(path, self._root))).is_plain:
            raise InvalidProject(
                f"there is no file or folder '{pattern}' in {self._root}; nothing was taken for deleted", key="paths"
            )
        else:
            folder = Path(os.path.normpath(self._root / glob.folder))
            if not folder.is_dir():
                raise InvalidProject(f"'{pattern}' looks in '{glob.folder}', which is no folder", key="paths")
            yield from self._walk(folder, glob)

    def _walk(self, top: Path, glob: Glob | None) -> Iterator[Path]:
        """Yield the readable files below a folder, by name; each folder once, however links lead to it."""
        bounds = (self._root, top.resolve())
        pending, visited = [top], set[Path]()
        while pending:
            folder = pending.pop()
            real = folder.resolve()
            if real in visited:
                continue
            visited.add(real)
            folders = []
            for entry in _entries(folder):
                path = Path(entry.path)
                if entry.is_symlink() and not any(path.resolve().is_relative_to(bound) for bound in bounds):
                    continue
                if entry.is_dir():
                    folders.append(path)
                elif (
                    readable(entry.name) and entry.is_file() and (glob is None or glob.matches(_uri(path, self._root)))
                ):
                    yield path
            pending.extend(reversed(folders))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise Unavailable(
            f"the folder '{folder}' cannot be listed ({error.strerror}), so nothing can be taken for deleted; "
            "give this user the right to read it, or exclude it by naming other paths"
        ) from error


def _uri(path: Path, root: Path) -> str:
    """Name a file by its path relative to the project; bytes that are no UTF-8 are written %XX."""
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    try:
        relative.encode()
    except UnicodeEncodeError:
        return "".join(quote(os.fsencode(mark)) if "\udc80" <= mark <= "\udcff" else mark for mark in relative)
    return relative


def _token(path: Path) -> str:
    """Say when a file last changed and how large it is; "" where it cannot be told."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}-{status.st_size}"


def _read(path: Path, uri: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UnreadableDocument(
                f"'{uri}' has {size / 1e6:,.0f} MB; documents up to {MAX_BYTES / 1e6:,.0f} MB are read: split it"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableDocument(
            f"'{uri}' cannot be read: {error.strerror}; check that it is there and may be read"
        ) from error


def _take(walk: Iterator[_Found], count: int) -> "list[_Found]":
    """Take the next few of an iterator; none left gives an empty list."""
    return [found for _, found in zip(range(count), walk, strict=False)]
