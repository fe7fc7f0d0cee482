"""Server-sent events without I/O: bytes in, the events' data out, however the bytes were split; and the way back.

The grammar is that of the HTML standard, section 9.2.6. Only `data` matters on a model's wire, so `event`, `id` and
`retry` are read over.
"""

from fourways.core.errors import UpstreamError

DONE = b"[DONE]"
"""What ends a stream on OpenAI's wire."""

LIMIT = 64 * 1024 * 1024
"""Bytes of one event, at most: a picture in base64 fits, a server that never ends an event does not."""

_BOM = b"\xef\xbb\xbf"


class EventParser:
    """Cuts a byte stream into the data of its events. Knows nothing of what the data means."""

    __slots__ = ("_after_cr", "_data", "_first", "_limit", "_partial", "_size")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._partial: list[bytes] = []  # pieces of the line that has not ended
        self._data: list[bytes] = []  # data lines of the event that has not ended
        self._size = 0  # bytes held in the two
        self._after_cr = False  # a line feed now would belong to the line end before it
        self._first = True  # no line has been seen: a byte order mark may come

    def feed(self, data: bytes) -> list[bytes]:
        """Return the data of every event that these bytes complete.

        Raises:
            UpstreamError: an event is longer than the limit.
        """
        if self._size or self._data or self._after_cr:  # an event has begun: end it the long way
            end = data.find(b"\n\n") + 2
            if end < 2 or end == len(data):  # noqa: PLR2004 - `find` found nothing
                return self._feed_lines(data)
            return self._feed_lines(data[:end]) + self.feed(data[end:])
        end = data.rfind(b"\n\n") + 2
        if data.startswith(b"data: ") and b"\r" not in data:
            events = data[6 : end - 2].split(b"\n\ndata: ")
            if data.count(b"\n", 0, end) == 2 * len(events):  # the ordinary case: one line of data each
                self._first = False
                return events if end == len(data) else events + self._feed_lines(data[end:])
        return self._feed_lines(data)

    def end(self) -> list[bytes]:
        """Return the data of an event that the end of the stream cut short of its blank line, if there is one.

        The standard would drop it; servers exist that close right after `data: [DONE]`.
        """
        return self._feed_lines(b"\n\n") if self._partial or self._data else []

    def _feed_lines(self, data: bytes) -> list[bytes]:
        events: list[bytes] = []
        for line in self._split(data):
            if not line:
                if self._data:
                    events.append(b"\n".join(self._data))
                    self._size -= sum(map(len, self._data))
                    self._data.clear()
            elif line.startswith(b"data"):
                self._take(line)
        if self._size > self._limit:
            msg = f"the server sent an event of more than {self._limit} bytes; events end with an empty line"
            raise UpstreamError(msg)
        return events

    def _take(self, line: bytes) -> None:
        if line == b"data":  # the bare field name means an empty line of data
            self._data.append(b"")
        elif line.startswith(b"data:"):
            value = line[6:] if line.startswith(b"data: ") else line[5:]  # one space does not count
            self._data.append(value)
            self._size += len(value)

    def _split(self, data: bytes) -> list[bytes]:
        """Return the lines these bytes complete; keep the rest. Lines end with LF, CR or CRLF."""
        if not data:
            return []
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = data.split(b"\n")
        if lines and self._partial:
            self._size -= sum(map(len, self._partial))
            lines[0] = b"".join((*self._partial, lines[0]))
            self._partial.clear()
        if lines and self._first:
            self._first = False
            lines[0] = lines[0].removeprefix(_BOM)
        if rest:
            self._partial.append(rest)
            self._size += len(rest)
        return lines


def event(data: bytes) -> bytes:
    """Encode one event; data of several lines becomes several `data` lines."""
    if b"\n" in data or b"\r" in data:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return b"".join(b"data: %b\n" % line for line in lines) + b"\n"
    return b"data: %b\n\n" % data


def comment(text: str = "") -> bytes:
    """Encode a comment: keeps a connection alive, and clients read over it."""
    return b": %b\n\n" % text.replace("\r", " ").replace("\n", " ").encode()
