"""Every answer leaves exactly one trace: `recorded` fills and ends it, a `Recorder` writes it off the path."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from fourways.core.chat import Answerer, ChatRequest, Chunk, Principal, Wrapper, close, question_of
from fourways.core.errors import Busy, FourwaysError, Unavailable
from fourways.core.trace import Trace
from fourways.gateway.journal import ROOM, Journal, Segment, to_line

LOG = logging.getLogger(__name__)

INTERVAL = 0.25
"""Seconds a trace waits at most before it is written, while the store is up."""
SLOWEST = 5.0
"""Seconds between two tries while the store is down, at most."""
BATCH = 500
"""Traces in one transaction at most; so many waiting are written at once."""
OUTAGE = (Busy, Unavailable, OSError)
"""What `write` raises while the store can take nothing: the traces wait. Any other error is about the traces given."""

Write = Callable[[Sequence[Trace]], None]
"""Takes a batch of ended traces."""


class Recorder:
    """Takes ended traces on the request path, writes them off it.

    A trace is in the journal (a file) before its answer's last byte leaves, and stays there until the store has it:
    neither `kill -9` nor a store that is down loses one.

    Args:
        write: puts a batch into the store in one transaction; is given a trace again after a crash in between, and
            must then change nothing. Raises Unavailable or Busy while the store can take nothing.
        journal: folder where traces stand until the store has them.
        observers: called once with each batch of new traces (metrics, telemetry).
        interval: seconds between two batches.

    Attributes:
        in_flight: answers begun and not yet ended.
        recorded: traces taken since the start.
        refused: traces given up, because the store took others and not them.
        failing: whether the last try to write failed.
    """

    def __init__(
        self, write: Write, *, journal: Path, observers: Sequence[Write] = (), interval: float = INTERVAL
    ) -> None:
        self.in_flight = 0
        self.recorded = 0
        self.refused = 0
        self.failing = False
        self._write = write
        self._observers = observers
        self._interval = interval
        self._journal = Journal(journal)
        self._segment: Segment | None = None
        self._full: list[Segment] = []
        self._waiting: deque[Segment] = deque()
        self._putting = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take up what a crash left behind, and begin to write."""
        self._waiting.extend(self._journal.orphans())
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left and end; what the store does not take stays in the journal for the next start."""
        if self._thread is not None:
            self._stopping = True
            self._wake.set()
            self._thread.join()
            self._thread = None
        self.flush()
        while self._waiting:
            self._waiting.popleft().release()

    def put(self, trace: Trace) -> None:
        """Take an ended trace; waits for no store and raises nothing."""
        try:
            line = to_line(trace)
        except (TypeError, ValueError) as error:
            LOG.warning("trace %s cannot be journalled, a crash now would lose it: %s", trace.id, error)
            line = b"null"
        with self._putting:
            segment = self._segment
            if segment is None or not segment.append(trace, line):
                if segment is not None:
                    self._full.append(segment)
                segment = self._segment = self._journal.segment(max(ROOM, len(line) + 1))
                segment.append(trace, line)
            self.recorded += 1
        if not self.recorded % BATCH:
            self._wake.set()

    def flush(self) -> bool:
        """Write all that was put so far, in the caller's thread; returns whether the store took it."""
        with self._writing:
            for segment in self._taken():
                self._waiting.append(segment)
                self._show(list(segment.read()))
            try:
                while self._waiting:
                    self._save(self._waiting[0])
                    self._waiting.popleft().delete()
            except OUTAGE as error:
                if not self.failing:
                    LOG.warning("traces cannot be written and wait in the journal: %s: %s", type(error).__name__, error)
                self.failing = True
                for segment in self._waiting:
                    segment.forget()
                return False
            if self.failing:
                LOG.warning("traces are written again")
            self.failing = False
            return True

    def _run(self) -> None:
        pause = self._interval
        while not self._stopping:
            self._wake.wait(pause)
            self._wake.clear()
            written = self.flush()
            pause = self._interval if written else min(SLOWEST, pause * 2)

    def _taken(self) -> list[Segment]:
        """Take the segments that hold something away from the request path, which begins a new one."""
        with self._putting:
            taken, self._full = self._full, []
            if self._segment is not None:
                taken.append(self._segment)
                self._segment = None
        return taken

    def _show(self, traces: Sequence[Trace]) -> None:
        for observe in self._observers:
            try:
                observe(traces)
            except Exception:
                LOG.exception("an observer of traces failed; it misses %d of them", len(traces))

    def _save(self, segment: Segment) -> None:
        for batch in batches(segment.read()):
            try:
                self._write(batch)
            except OUTAGE:
                raise
            except Exception:  # noqa: BLE001 - the store is up and refused something: found one by one
                for trace in batch:
                    self._save_one(trace)

    def _save_one(self, trace: Trace) -> None:
        try:
            self._write([trace])
        except OUTAGE:
            raise
        except Exception:
            self.refused += 1
            LOG.exception("the store refuses trace %s; it is given up", trace.id)


def batches(traces: Iterator[Trace]) -> Iterator[list[Trace]]:
    """Cut traces into lists of BATCH."""
    while batch := list(islice(traces, BATCH)):
        yield batch


def recorded(recorder: Recorder, *, texts: bool = True) -> Wrapper:
    """Fill the trace of every answer, end it once whatever happens, and put it to the recorder.

    Args:
        recorder: takes the traces.
        texts: whether question and answer are kept.
    """

    def wrap(answer: Answerer) -> Answerer:
        async def traced(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
            begin(trace, request.principal, request.model)
            if texts:
                trace.question = question_of(request.messages)
            pieces: list[str] = []
            chunks = None
            recorder.in_flight += 1
            try:
                chunks = answer(request, trace)
                async for chunk in chunks:
                    if chunk.text and not chunk.index:
                        pieces.append(chunk.text)
                    if trace.first_token is None and (pieces or chunk.delta):
                        trace.note_first_token()
                    if chunk.usage is not None:
                        trace.usage = chunk.usage
                    yield chunk
            except BaseException as error:
                end(trace, error)
                raise
            finally:
                if texts and pieces:
                    trace.answer = "".join(pieces)
                trace.model = answered_by(trace)
                hand_in(recorder, trace)
                await close(chunks)

        return traced

    return wrap


def end(trace: Trace, error: BaseException) -> None:
    """End a trace by what broke it off: a client that hung up is no error."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        trace.end()
        trace.status = "cancelled"
    else:
        trace.end(error)


def hand_in(recorder: Recorder, trace: Trace) -> None:
    """End a trace, if it has not ended, and put it to the recorder."""
    recorder.in_flight -= 1
    trace.end()
    recorder.put(trace)


@contextmanager
def recording(recorder: Recorder, trace: Trace, principal: Principal, operation: str, asked: str) -> Iterator[None]:
    """Record what is done inside as one trace: embeddings, searches, what is relayed unread.

    Args:
        recorder: takes the trace.
        trace: of the request.
        principal: who asks.
        operation: OpenTelemetry's `gen_ai.operation.name`: embeddings, retrieval ….
        asked: for which model, app or knowledge.
    """
    begin(trace, principal, asked)
    trace.attributes["operation"] = operation
    recorder.in_flight += 1
    try:
        yield
    except BaseException as error:
        end(trace, error)
        raise
    finally:
        hand_in(recorder, trace)


def begin(trace: Trace, principal: Principal, asked: str) -> None:
    """Note on a trace who asks, and for which model, app or knowledge."""
    trace.tenant, trace.key_id, trace.user = principal.tenant, principal.key_id, principal.user
    trace.attributes["asked"] = asked


def answered_by(trace: Trace) -> str:
    """Return what answered, as `provider/model` or a local model's name; what was asked for while nobody knows."""
    if trace.model is not None:
        return trace.model
    for span in reversed(trace.spans):
        if span.name == "model" and "target" in span.attributes:
            return str(span.attributes["target"])
    return str(trace.attributes.get("asked", ""))


def fail(recorder: Recorder, trace: Trace, principal: Principal, error: FourwaysError) -> None:
    """Record a request that was refused before it could be asked of anybody."""
    begin(trace, principal, "")
    trace.end(error)
    recorder.put(trace)
