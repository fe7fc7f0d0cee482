"""Traces on disk until the store has them: append-only segments of JSON lines, taken up again after a crash.

A segment outlives `kill -9` (its lines are in the page cache, not in the process), not a loss of power. It is locked
by the process that writes it, so that several may share one folder, and deleted once the store has its traces.
"""

import fcntl
import logging
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fourways.core.ids import TenantId, new_id
from fourways.core.trace import Span, Trace, Usage

LOG = logging.getLogger(__name__)

ROOM = 1 << 20
"""Bytes of a segment; a longer trace gets a segment of its own."""
HELD = 1000
"""Traces of a segment for which the disk had no room."""


class SpanLine(msgspec.Struct, array_like=True):
    """A span as it is written."""

    name: str
    start: float
    end: float | None
    parent: int | None
    error: str | None
    attributes: dict[str, Any]


class TraceLine(msgspec.Struct, array_like=True):
    """A trace as it is written; the fields are Trace's own."""

    id: str
    started_at: float
    ended: float | None
    first_token: float | None
    tenant: str | None
    key_id: str | None
    user: str | None
    app: str | None
    way: str | None
    candidate: str | None
    release: str | None
    model: str | None
    status: str
    error: str | None
    usage: tuple[int, int, int, int, float | None] | None
    question: str | None
    answer: str | None
    attributes: dict[str, Any]
    spans: list[SpanLine]


_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder(TraceLine).decode
COPIED = tuple(name for name in TraceLine.__struct_fields__ if name not in {"id", "tenant", "usage", "spans"})
"""Fields that are the same on both sides."""


def to_line(trace: Trace) -> bytes:
    """Encode an ended trace as one line of JSON; a value JSON does not know is written as its text."""
    used = trace.usage
    return _encode(
        TraceLine(
            trace.id,
            trace.started_at,
            trace.ended,
            trace.first_token,
            trace.tenant,
            trace.key_id,
            trace.user,
            trace.app,
            trace.way,
            trace.candidate,
            trace.release,
            trace.model,
            trace.status,
            trace.error,
            (used.input_tokens, used.output_tokens, used.cached_tokens, used.reasoning_tokens, used.cost_usd)
            if used is not None
            else None,
            trace.question,
            trace.answer,
            trace.attributes,
            [SpanLine(s.name, s.start, s.end, s.parent, s.error, s.attributes) for s in trace.spans],
        )
    )


def from_line(line: bytes) -> Trace:
    """Decode a line into the trace it was; raises msgspec.DecodeError for a torn one."""
    written = _decode(line)
    trace = Trace(trace_id=written.id)
    for name in COPIED:
        setattr(trace, name, getattr(written, name))
    trace.tenant = TenantId(written.tenant) if written.tenant is not None else None
    if written.usage is not None:
        read, wrote, cached, thought, cost = written.usage
        trace.usage = Usage(
            input_tokens=read, output_tokens=wrote, cached_tokens=cached, reasoning_tokens=thought, cost_usd=cost
        )
    for line_of_span in written.spans:
        span = Span(line_of_span.name, line_of_span.start, line_of_span.parent)
        span.end, span.error, span.attributes = line_of_span.end, line_of_span.error, line_of_span.attributes
        trace.spans.append(span)
    return trace


class Segment:
    """One file of traces, locked by this process and mapped into its memory: writing a line is no system call.

    Args:
        room: bytes to map for writing; 0 for a file that a writer before us left behind.
        descriptor: of the file; None where the disk had no room, and the traces are in memory only.

    Attributes:
        traces: the same traces in memory; None where the file must be read.
    """

    __slots__ = ("_descriptor", "_end", "_map", "path", "traces")

    def __init__(self, path: Path, descriptor: int | None, room: int) -> None:
        self.path = path
        self.traces: list[Trace] | None = [] if room or descriptor is None else None
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, room) if room and descriptor is not None else None
        self._end = 0

    def append(self, trace: Trace, line: bytes) -> bool:
        """Write one trace behind the others; returns False where there is no room for it."""
        if self._map is not None:
            end = self._end + len(line) + 1
            if end > len(self._map):
                return False
            self._map[self._end : end] = line + b"\n"
            self._end = end
        if self.traces is not None:
            self.traces.append(trace)
        return self._map is not None or len(self.traces or ()) <= HELD

    def read(self) -> Iterator[Trace]:
        """Return the traces, from memory or from the file; a line torn by a crash is left out and logged."""
        return iter(self.traces) if self.traces is not None else self._read_file()

    def _read_file(self) -> Iterator[Trace]:
        with self.path.open("rb") as lines:
            for line in lines:
                written = line.rstrip(b"\0\n")
                if not written:
                    return
                try:
                    yield from_line(written)
                except msgspec.MsgspecError:
                    LOG.warning("a torn trace of %d bytes in %s was left out", len(written), self.path.name)

    def forget(self) -> None:
        """Keep the traces in the file only, for a store that is down for long."""
        if self._map is not None:
            self.traces = None

    def delete(self) -> None:
        """Remove the file: the store has what it held."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Let the file go as it is, for whoever starts next."""
        if self._map is not None:
            self._map.close()
        if self._descriptor is not None:
            os.close(self._descriptor)


class Journal:
    """The folder of segments."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def segment(self, room: int = ROOM) -> Segment:
        """Open a new segment with room for a line of so many bytes; in memory alone where the disk is full."""
        path = self._folder / f"{new_id('traces')}.jsonl"
        # Locked before it has its name: nobody can take it for an orphan in between.
        hidden = path.with_suffix(".new")
        descriptor = None
        try:
            descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(descriptor, 0, room)  # a hole in a mapped file kills the process when the disk is full
            hidden.rename(path)
            return Segment(path, descriptor, room)
        except OSError as error:
            LOG.warning("traces cannot be journalled, a crash now would lose them: %s", error)
            hidden.unlink(missing_ok=True)
            if descriptor is not None:
                os.close(descriptor)
            return Segment(path, None, 0)

    def orphans(self) -> list[Segment]:
        """Take up the segments whose writers are gone, oldest first."""
        found = sorted(self._folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        return [segment for path in found if (segment := self._adopted(path)) is not None]

    @staticmethod
    def _adopted(path: Path) -> Segment | None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return Segment(path, descriptor, 0)
