"""Every answer leaves exactly one trace, whatever happens to it, to the store or to the process."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.chat import Chunk, close, collect
from fourways.core.errors import Unavailable
from fourways.core.trace import Trace, Usage
from fourways.gateway.journal import Journal, from_line, to_line
from fourways.gateway.record import BATCH, Recorder, recorded


class Store:
    """Takes traces; may be down, may refuse some."""

    def __init__(self):
        self.rows, self.down, self.bad = [], False, set()

    def __call__(self, traces):
        if self.down:
            raise Unavailable("down")
        if self.bad & {trace.id for trace in traces}:
            raise ValueError("a bad trace")
        self.rows += [trace.id for trace in traces]


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def recorder(store, tmp_path):
    return Recorder(store, journal=tmp_path, interval=60)


async def words(request, trace, /):
    yield Chunk(text="one ")
    yield Chunk(text="two", index=0, usage=Usage(input_tokens=1, output_tokens=2))
    yield Chunk(text="other", index=1)


async def test_a_trace_is_filled_from_the_answer(recorder, ask):
    trace = Trace()
    await collect(recorded(recorder)(words)(ask("help", "what?"), trace))
    assert (trace.question, trace.answer, trace.status) == ("what?", "one two", "ok")
    assert trace.usage == Usage(input_tokens=1, output_tokens=2)
    assert 0 <= (trace.first_token or -1) <= (trace.ended or -1)


async def test_texts_are_left_out_where_the_project_says_so(recorder, ask):
    trace = Trace()
    await collect(recorded(recorder, texts=False)(words)(ask(), trace))
    assert trace.question is trace.answer is None


async def hanging(request, trace, /):
    yield Chunk(text="begun")
    await asyncio.sleep(60)


async def failing(request, trace, /):
    yield Chunk(text="begun")
    raise Unavailable("gone")


def refusing(request, trace, /):
    raise Unavailable("at once")


@pytest.mark.parametrize(
    ("answerer", "status"), [(words, "ok"), (failing, "error"), (refusing, "error"), (hanging, "cancelled")]
)
async def test_one_trace_however_it_ends(recorder, store, ask, answerer, status):
    trace = Trace()
    task = asyncio.create_task(collect(recorded(recorder)(answerer)(ask(), trace)))
    await asyncio.wait([task], timeout=0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    recorder.flush()
    assert (store.rows, trace.status) == ([trace.id], status)
    assert recorder.in_flight == 0


async def test_an_answer_left_half_read_is_cancelled_inside_too(recorder, store, ask):
    ended = asyncio.Event()

    async def watched(request, trace, /):
        try:
            yield Chunk(text="begun")
            yield Chunk(text="more")
        finally:
            ended.set()

    trace = Trace()
    chunks = recorded(recorder)(watched)(ask(), trace)
    await anext(chunks)
    await close(chunks)
    assert ended.is_set()
    assert trace.status == "cancelled"


# ---------------------------------------------------------------- the journal


def test_a_trace_survives_the_journal_unchanged(ended):
    before = ended(app="help", answer="täxt\n\0", attributes={"a": [1, {"b": None}]}, error="E: x")
    after = from_line(to_line(before))
    for name in Trace.__slots__:
        if name not in {"clock", "origin", "spans", "_open"}:
            assert getattr(after, name) == getattr(before, name), name
    [span] = after.spans
    assert (span.name, span.attributes, span.parent) == ("model", {"target": "a/b", "labels": ["x"]}, None)


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_time_survives(text, moment):
    trace = Trace()
    trace.answer, trace.started_at = text, moment
    after = from_line(to_line(trace))
    assert (after.answer, after.started_at) == (text, moment)


def test_what_the_store_does_not_take_waits_and_is_written_later(recorder, store, ended):
    store.down = True
    recorder.put(ended("a"))
    assert not recorder.flush()
    recorder.put(ended("b"))
    assert not recorder.flush()
    store.down = False
    assert recorder.flush()
    assert [row[0] for row in store.rows] == ["a", "b"]


def test_a_bad_trace_does_not_hold_the_others_up(recorder, store, ended):
    bad = ended("bad")
    store.bad = {bad.id}
    for trace in (ended("a"), bad, ended("b")):
        recorder.put(trace)
    assert recorder.flush()
    assert [row[0] for row in store.rows] == ["a", "b"]
    assert recorder.refused == 1


def test_what_is_left_at_the_end_is_taken_up_at_the_next_start(store, tmp_path, ended):
    store.down = True
    first = Recorder(store, journal=tmp_path, interval=60)
    first.start()
    for number in range(5):
        first.put(ended(f"{number}"))
    first.stop()
    store.down = False
    second = Recorder(store, journal=tmp_path, interval=60)
    second.start()
    second.stop()
    assert [row[0] for row in store.rows] == ["0", "1", "2", "3", "4"]
    assert list(tmp_path.iterdir()) == []


def test_another_living_process_keeps_its_own(store, tmp_path, ended):
    busy = Recorder(store, journal=tmp_path, interval=60)
    busy.put(ended("busy"))
    other = Recorder(Store(), journal=tmp_path, interval=60)
    other.start()
    other.stop()
    busy.flush()
    assert [row[:4] for row in store.rows] == ["busy"]


def test_more_than_a_segment_holds_goes_into_the_next(recorder, store, ended):
    count = 5
    for number in range(count):
        recorder.put(ended(str(number), answer="x" * 700_000))
    recorder.flush()
    assert [row[0] for row in store.rows] == [str(number) for number in range(count)]


def test_a_line_torn_by_a_crash_is_left_out(tmp_path, ended, caplog):
    line = to_line(ended("good"))
    (tmp_path / "traces_x.jsonl").write_bytes(line + b"\n" + line[:30] + b"\0" * 100)
    [segment] = Journal(tmp_path).orphans()
    assert [trace.id[:4] for trace in segment.read()] == ["good"]
    assert "torn" in caplog.text


def test_a_full_disk_keeps_traces_in_memory(store, tmp_path, ended, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    recorder = Recorder(store, journal=tmp_path, interval=60)
    store.down = True
    recorder.put(ended("a"))
    recorder.flush()
    store.down = False
    recorder.flush()
    assert [row[0] for row in store.rows] == ["a"]
    assert "a crash now would lose them" in caplog.text


def test_observers_see_each_trace_once_and_may_fail(store, tmp_path, ended):
    seen: list[Trace] = []

    def broken(traces):
        raise ValueError

    recorder = Recorder(store, journal=tmp_path, observers=[broken, seen.extend], interval=60)
    store.down = True
    recorder.put(ended("a"))
    recorder.flush()
    store.down = False
    recorder.flush()
    assert len(seen) == 1


def test_a_full_batch_is_written_without_waiting(store, tmp_path, ended):
    recorder = Recorder(store, journal=tmp_path, interval=60)
    recorder.start()
    for number in range(BATCH):
        recorder.put(ended(str(number)))
    for _ in range(200):
        if len(store.rows) == BATCH:
            break
        time.sleep(0.02)
    assert len(store.rows) == BATCH
    recorder.stop()


KILLED = """
import os, signal, sys
from pathlib import Path
from fourways.core.trace import Trace
from fourways.gateway.record import Recorder

recorder = Recorder(lambda traces: None, journal=Path(sys.argv[1]), interval=60)
recorder.start()
for number in range(50):
    trace = Trace(trace_id=f"{number:032x}")
    trace.end()
    recorder.put(trace)
    print(trace.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_loses_no_trace(store, tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    recorder = Recorder(store, journal=tmp_path, interval=60)
    recorder.start()
    recorder.stop()
    assert store.rows == killed.stdout.split()
    assert len(store.rows) == 50
