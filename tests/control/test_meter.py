"""CPU seconds are this process's and those of the servers that the project keeps."""

import os
import time
from pathlib import Path

import pytest

from fourways.control.meter import PROC, TICKS, cores, cpu_seconds
from fourways.models.child import Announced, Record

STAT = "4242 (a (strange) name) S 1 1 1 0 -1 4194304 1 0 0 0 {user} {system} 0 0 20 0 1 0 1 1 1"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for pid, text in (("self", ""), ("4242", STAT.format(user=3 * TICKS, system=TICKS))):
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "stat").write_text(text)
    return tmp_path / "proc"


def keep(state: Path, pid: int) -> None:
    state.mkdir(exist_ok=True)
    Record(at=Announced(port=1, pid=pid), spec="x", started=0.0).write(state / "engine.json")


def test_a_kept_servers_seconds_are_added(tmp_path: Path, proc: Path) -> None:
    keep(tmp_path / "state", 4242)
    alone = time.process_time()
    spent = cpu_seconds(tmp_path / "state", proc)
    assert spent is not None
    assert spent == pytest.approx(alone + 4.0, abs=0.1)


def test_one_that_has_ended_and_files_that_are_no_notes_count_for_nothing(tmp_path: Path, proc: Path) -> None:
    keep(tmp_path / "state", 4343)
    (tmp_path / "state" / "other.json").write_text("[]")
    spent = cpu_seconds(tmp_path / "state", proc)
    assert spent is not None
    assert spent == pytest.approx(time.process_time(), abs=0.1)


def test_where_the_system_shows_no_processes_nothing_is_made_up(tmp_path: Path) -> None:
    assert cpu_seconds(tmp_path, tmp_path / "nowhere") is None


@pytest.mark.skipif(not PROC.exists(), reason="this system shows no processes in /proc")
def test_work_is_seen(tmp_path: Path) -> None:
    keep(tmp_path / "state", os.getpid())
    before = cpu_seconds(tmp_path / "state")
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    after = cpu_seconds(tmp_path / "state")
    assert before is not None
    assert after is not None
    assert after - before >= 0.05
    assert cores() >= 1
