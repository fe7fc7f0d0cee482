"""Office files as what they are: zipped XML, opened with bounds on size, and read as a stream that trusts nothing."""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Mapping
from typing import Protocol, TypeVar
from xml.parsers import expat

from fourways.core.errors import UnreadableDocument

_MAX_MEMBERS = 20_000
_MAX_MEMBER = 200_000_000
_MAX_TOTAL = 1_000_000_000
_MAX_RATIO, _RATIO_FROM = 200, 20_000_000  # XML deflates to a hundredth at best; small files may do as they like
_OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")


class Walker(Protocol):
    """What XML is read to: the beginning and end of each element, by its name without namespace, and the text."""

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Begin an element."""
        ...

    def end(self, name: str) -> None:
        """End an element."""
        ...

    def data(self, text: str) -> None:
        """Take text."""
        ...


_W = TypeVar("_W", bound=Walker)


class Archive:
    """An Office file's members by name."""

    def __init__(self, data: bytes, uri: str, *, kind: str) -> None:
        """Open the file; `kind` is what it should be, such as a DOCX. Raises UnreadableDocument."""
        self._uri = uri
        if data.startswith(_OLD_OFFICE):
            raise UnreadableDocument(
                f"'{uri}' is encrypted or in the format of before 2007; save it as a {kind} without a password"
            )
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise UnreadableDocument(f"'{uri}' is no {kind}: {error}; save or download it again") from error
        self._members = {member.filename.lstrip("/"): member for member in self._zip.infolist()}
        self._check(len(data))

    def _check(self, packed: int) -> None:
        sizes = [member.file_size for member in self._members.values()]
        total = sum(sizes)
        if (
            len(sizes) > _MAX_MEMBERS
            or total > _MAX_TOTAL
            or max(sizes, default=0) > _MAX_MEMBER
            or (total > _RATIO_FROM and total > _MAX_RATIO * packed)
        ):
            raise UnreadableDocument(
                f"'{self._uri}' would unpack from {packed / 1e6:,.1f} to {total / 1e6:,.0f} MB in {len(sizes):,} "
                "parts, as a zip bomb does; split it, or save it again without what makes it so large"
            )

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def walk(self, name: str, walker: _W) -> _W:
        """Read one XML member to a walker and return the walker; a member that is not there is as good as empty."""
        if name not in self._members:
            return walker
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = lambda tag, given: walker.start(
            tag.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in given.items()}
        )
        parser.EndElementHandler = lambda tag: walker.end(tag.rpartition(" ")[2])
        parser.CharacterDataHandler = walker.data
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            with self._zip.open(self._members[name]) as member:
                parser.ParseFile(member)
        except (expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise UnreadableDocument(f"'{self._uri}' is damaged in {name}: {error}; save it again") from error
        return walker

    def related(self, name: str) -> Mapping[str, str]:
        """Return the members that one member points to, by relationship id."""
        folder, file = posixpath.split(name)
        links = self.walk(f"{folder}/_rels/{file}.rels".lstrip("/"), _Links()).found
        return {
            key: posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/") for key, target in links.items()
        }

    def _refuse_doctype(self, *_declared: object) -> None:
        raise UnreadableDocument(f"'{self._uri}' declares XML entities, which no Office program writes; save it again")


class _Links:
    """Walks a `.rels` member."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def start(self, name: str, given: Mapping[str, str]) -> None:
        """Take a relationship."""
        if name == "Relationship" and given.get("TargetMode") != "External":
            self.found[given.get("Id", "")] = given.get("Target", "")

    def end(self, name: str) -> None:
        """Nothing is to be done."""

    def data(self, text: str) -> None:
        """Nothing is to be done."""
