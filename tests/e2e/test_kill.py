"""kill -9 at random points: no half document answers, nothing acknowledged is lost, the next start goes on by itself.

FOURWAYS_KILLS says at how many points (6 where it is not set), FOURWAYS_KILL_SEED which.
"""

import contextlib
import http.client
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import URLError

import pytest
from tests.e2e.corpus import Corpus, check_readers, check_stores
from tests.e2e.processes import ProjectFolder, Server, processes_in, serving, wait_until

KILLS = int(os.environ.get("FOURWAYS_KILLS", "6"))
SEED = int(os.environ.get("FOURWAYS_KILL_SEED", "20261121"))
RESUMED_WITHIN = 10.0
"""Seconds after the next start within which a sync that was under way goes on."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 30 * KILLS)]


def new_corpus(folder: Path, random: Random) -> Corpus:
    corpus = Corpus(project=ProjectFolder(folder=folder), random=random)
    corpus.write_all()
    return corpus


def no_process_is_left(project: ProjectFolder) -> None:
    wait_until(lambda: not processes_in(project.folder), "the last process's end", seconds=10)


# ---------------------------------------------------------------- an ingest


@pytest.mark.xdist_group("kill-ingest")
def test_an_ingest_killed_anywhere_is_never_half_seen_and_the_next_goes_on(tmp_path: Path):
    random = Random(SEED)
    corpus = new_corpus(tmp_path / "corpus", random)
    project = corpus.project
    hits: Counter[str] = Counter()
    takes = 3.0
    for point in range(max(1, KILLS // 2)):
        hits[kill_an_ingest(project, random, takes)] += 1
        if point % 4 == 1:
            takes = finish_an_ingest(corpus)
        corpus.edit(random.randint(1, 25))
        if random.random() < 0.4:
            with serving(project, "--no-sync") as server:
                check_readers(corpus, server.client().vector_stores.search)
    result = project.done("ingest", "--json").json["library"]
    assert result["failed"] == {}
    corpus.settle()
    check_stores(corpus)
    with serving(project, "--no-sync") as server:
        check_readers(corpus, server.client().vector_stores.search)
    again = project.done("ingest", "--json").json["library"]
    assert (again["added"], again["changed"], again["removed"]) == (0, 0, 0)
    no_process_is_left(project)
    say(f"ingest killed {hits.total()} times: {told(hits)}; seed {SEED}")


def finish_an_ingest(corpus: Corpus) -> float:
    """Let an ingest go on to its end, and return the seconds that its worker took."""
    corpus.project.done("ingest")
    corpus.settle()
    [job] = corpus.project.rows("select started_at, finished_at from jobs order by created_at desc limit 1")
    return float(job["finished_at"] - job["started_at"])


def kill_an_ingest(project: ProjectFolder, random: Random, takes: float) -> str:
    """Start an ingest, kill it somewhere (its engine too, half the time), and say where it was.

    Args:
        takes: seconds that a worker takes for the whole of it.
    """
    before = {row["owner"] for row in project.rows("select owner from jobs")}
    process = project.start("ingest", "--json", log="ingest")
    if random.random() < 0.8:  # most of them at work, not while the dead one's lease is waited for
        wait_until(lambda: process.poll() is not None or at_work(project, before), "a worker at the job", every=0.005)
    time.sleep(random.uniform(0, 1.2 * takes))
    engine = project.engine() if random.random() < 0.5 else None
    ended = process.poll()
    process.kill()
    process.wait()
    if engine is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(engine, 9)
    assert ended in {None, 0}, (project.state / "ingest.out").read_text(encoding="utf-8")
    where = phase(project, before) if ended is None else "after its end"
    return f"{where}, with its engine" if engine is not None else where


def at_work(project: ProjectFolder, before: set[str]) -> bool:
    """Whether a worker that was not there before has taken the job."""
    newest = project.rows("select owner from jobs where state <> 'queued' order by created_at desc limit 1")
    return any(row["owner"] not in before for row in newest)


def phase(project: ProjectFolder, before: set[str]) -> str:
    """Say how far a killed sync had come, by what it last noted and what stands in the database."""
    if not at_work(project, before):
        return "before its work"
    [job] = project.rows("select state, progress from jobs order by created_at desc limit 1")
    if job["state"] == "done":
        return "after its work"
    doing = json.loads(job["progress"] or "{}").get("what", "beginning").split()[0].rstrip(":")
    building = project.rows("select number from snapshots where state = 'building'")
    return f"while {doing}" if building or doing != "embedding" else "after publishing"


def say(summary: str) -> None:
    """Show what was done; with `pytest -s`, or beside a failure."""
    print(f"\n{summary}")  # noqa: T201 - the figures are asked for


def told(hits: Counter[str]) -> str:
    return ", ".join(f"{count} {where}" for where, count in hits.most_common())


# ---------------------------------------------------------------- a server


@dataclass(kw_only=True)
class Acknowledged:
    """What a server said it has: it must have it ever after."""

    traces: list[str] = field(default_factory=list)
    feedback: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)


class Traffic:
    """Requests from several clients at once, until the server is gone."""

    def __init__(self, server: Server, corpus: Corpus, acknowledged: Acknowledged, seed: int) -> None:
        self.server, self.corpus, self.acknowledged = server, corpus, acknowledged
        self.random = Random(seed)
        self.over = threading.Event()
        self.wrong: list[BaseException] = []
        works = (self.ask_prompt, self.ask_rag, self.ask_stream, self.give_feedback, self.make_key, self.edit)
        self.threads = [threading.Thread(target=self.repeat, args=(work,), daemon=True) for work in works]
        for thread in self.threads:
            thread.start()

    def repeat(self, work: Callable[[], None]) -> None:
        while not self.over.is_set():
            try:
                work()
            except (URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if getattr(error, "code", None) is not None:
                    self.wrong.append(error)
                return
            except BaseException as error:  # noqa: BLE001 - told in the test's own thread
                self.wrong.append(error)
                return

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(30)
        assert self.wrong == []

    def _asked(self, model: str, **options: Any) -> Any:
        body = {"model": model, "messages": [{"role": "user", "content": "Where is the harbour lantern?"}], **options}
        return self.server.post("/v1/chat/completions", body)

    def ask_prompt(self) -> None:
        self.acknowledged.traces.append(self._asked("reader:prompt")["fourways"]["trace_id"])
        time.sleep(0.01)

    def ask_rag(self) -> None:
        self.acknowledged.traces.append(self._asked("reader:rag")["fourways"]["trace_id"])
        time.sleep(0.05)

    def ask_stream(self) -> None:
        text = self._asked("reader:prompt", stream=True)
        if text.rstrip().endswith("[DONE]"):
            self.acknowledged.traces.append(text.partition('"trace_id":"')[2][:32])
        time.sleep(0.02)

    def give_feedback(self) -> None:
        trace_id = self._asked("reader:prompt")["fourways"]["trace_id"]
        receipt = self.server.post("/v1/feedback", {"trace_id": trace_id, "thumb": "up"})
        self.acknowledged.feedback.append(receipt["id"])
        time.sleep(0.02)

    def make_key(self) -> None:
        made = self.server.post("/api/keys", {"name": "passer-by"})
        self.acknowledged.keys[made["id"]] = made["secret"]
        time.sleep(0.2)

    def edit(self) -> None:
        self.corpus.edit(self.random.randint(1, 8))
        time.sleep(0.3)


@pytest.mark.xdist_group("kill-server")
def test_a_server_killed_anywhere_loses_nothing_acknowledged_and_the_next_goes_on(tmp_path: Path):
    random = Random(SEED + 1)
    corpus = new_corpus(tmp_path / "corpus", random)
    project = corpus.project
    project.edit("    keep_snapshots: 2\n", "    keep_snapshots: 2\n    refresh: 1s\n")
    admin = project.done("key", "create", "tester", "--admin", "--json").json["secret"]
    acknowledged = Acknowledged()
    hits: Counter[str] = Counter()
    resumed: list[float] = []
    for point in range(max(1, KILLS - KILLS // 2)):
        under_way = running_job(project)
        server = Server(project)
        server.key = admin
        if random.random() < 0.15:
            time.sleep(random.uniform(0, 1.5))
            server.kill()
            hits["at its start"] += 1
            continue
        server.ready()
        traffic = Traffic(server, corpus, acknowledged, SEED + point)
        if under_way is not None and random.random() < 0.7:
            resumed.append(until_resumed(project, under_way, server))
        time.sleep(random.uniform(0.02, 3))
        server.kill()
        traffic.end()
        assert server.trouble() == []
        hits["in the middle of a sync" if running_job(project) else "while no sync ran"] += 1
        check_acknowledged(project, acknowledged, hits.total())
    project.edit("    refresh: 1s\n", "")  # else a new sync waits as soon as one has ended, on a busy machine
    with serving(project, "--no-sync") as server:
        server.key = admin
        check_acknowledged(project, acknowledged, 0)
        for secret in list(acknowledged.keys.values())[-3:]:
            assert server.get("/v1/models", key=secret)["data"]
        server.synced()
    project.done("ingest")
    corpus.settle()
    check_stores(corpus)
    no_process_is_left(project)
    slowest = f"{max(resumed):.1f} s at most until a sync went on" if resumed else "no sync was under way"
    say(
        f"server killed {hits.total()} times: {told(hits)}; kept: {len(acknowledged.traces)} traces, "
        f"{len(acknowledged.feedback)} feedbacks, {len(acknowledged.keys)} keys; {slowest}; seed {SEED}"
    )


def running_job(project: ProjectFolder) -> dict[str, Any] | None:
    """The sync that was under way when nobody was left to do it."""
    return next(iter(project.rows("select id, owner from jobs where state = 'running'")), None)


def until_resumed(project: ProjectFolder, job: dict[str, Any], server: Server) -> float:
    """Wait until another worker has a job, and return the seconds since the server was started."""

    def resumed() -> bool:
        [row] = project.rows("select owner, state from jobs where id = ?", job["id"])
        return bool(row["state"] != "running" or row["owner"] != job["owner"])

    wait_until(resumed, "the sync to go on", seconds=RESUMED_WITHIN + 5)
    took = time.monotonic() - server.begun
    assert took <= RESUMED_WITHIN
    return took


def check_acknowledged(project: ProjectFolder, acknowledged: Acknowledged, point: int) -> None:
    """Everything that was acknowledged is there: traces once a start has taken up the journal of the killed."""
    kept = {row["id"] for row in project.rows("select id from feedback")}
    assert set(acknowledged.feedback) <= kept, f"feedback lost at kill {point}"
    keys = {row["id"] for row in project.rows("select id from keys")}
    assert set(acknowledged.keys) <= keys, f"keys lost at kill {point}"
    project.done("chat", "reader", "--way", "prompt", "-m", "x")  # any start takes up the journal
    known = {row["id"] for row in project.rows("select id from traces")}
    assert set(acknowledged.traces) <= known, f"traces lost at kill {point}"
    newest = {row["id"] for row in project.done("trace", "--limit", "1000", "--json").json}
    assert set(acknowledged.traces[-500:]) <= newest
