"""A program runs once in a folder, is watched while it runs, and does not outlive whoever launched it."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tests.launch.conftest import PROGRAM, alive, eventually

from fourways.core.errors import InvalidRequest, Unavailable
from fourways.launch.base import Program
from fourways.launch.local import LocalLauncher


@pytest.fixture
def launcher(environ):
    return LocalLauncher(module=PROGRAM, environ=environ, grace=1.0, pause=0.02)


def pid_in(folder: Path, rank: int = 0) -> int:
    path = folder / f"pid-{rank}"
    assert eventually(path.exists)
    assert eventually(lambda: path.read_text() != "")
    return int(path.read_text())


async def test_the_result_comes_back_and_each_report_once_in_order(launcher, run_folder):
    steps = []
    result = await launcher.run(Program(folder=run_folder(steps=5)), lambda report: steps.append(report["step"]))
    assert result["steps"] == 5
    assert steps == [1, 2, 3, 4, 5]


async def test_what_has_ended_is_not_run_again(launcher, run_folder):
    folder = run_folder(steps=3)
    first = await launcher.run(Program(folder=folder), lambda _: None)
    steps = []
    assert await launcher.run(Program(folder=folder), lambda report: steps.append(report["step"])) == first
    assert steps == [1, 2, 3]
    assert (folder / "starts").read_text() == "0/1\n"


async def test_a_resumed_program_tells_no_report_twice(launcher, run_folder):
    folder = run_folder(steps=6, die_at=4)
    steps = []
    with pytest.raises(Unavailable, match="ended with 137"):
        await launcher.run(Program(folder=folder), lambda report: steps.append(report["step"]))
    assert steps == [1, 2, 3]
    await launcher.run(Program(folder=folder), lambda report: steps.append(report["step"]))
    assert steps == [1, 2, 3, 1, 2, 3, 4, 5, 6], "whoever launches it again is told the earlier ones first"


async def test_a_refusal_is_in_the_programs_own_words(launcher, run_folder):
    with pytest.raises(InvalidRequest) as refused:
        await launcher.run(Program(folder=run_folder(steps=1, refuse="row 3 has no messages")), lambda _: None)
    assert refused.value.message == "row 3 has no messages"


async def test_another_failure_carries_the_end_of_what_was_said(launcher, run_folder):
    folder = run_folder(steps=1, fail="out of memory")
    with pytest.raises(Unavailable, match=r"ended with 1: .*out of memory"):
        await launcher.run(Program(folder=folder), lambda _: None)
    assert "out of memory" in (folder / "log").read_text()


async def test_a_folder_without_a_run_is_refused(launcher, tmp_path):
    with pytest.raises(InvalidRequest, match=r"there is no run\.toml"):
        await launcher.run(Program(folder=tmp_path), lambda _: None)


async def test_cancelled_it_ends_the_program_even_one_that_is_deaf(launcher, run_folder):
    folder = run_folder(steps=1000, pause=0.05, deaf=True)
    running = asyncio.create_task(launcher.run(Program(folder=folder), lambda _: None))
    pid = await asyncio.to_thread(pid_in, folder)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(pid)


async def test_a_running_folder_is_followed_not_started_twice(launcher, run_folder):
    folder = run_folder(steps=20, pause=0.03)
    told: tuple[list[int], list[int]] = ([], [])
    results = await asyncio.gather(
        *(launcher.run(Program(folder=folder), lambda report, to=to: to.append(report["step"])) for to in told)
    )
    assert results[0] == results[1]
    assert told[0] == told[1] == list(range(1, 21))
    assert (folder / "starts").read_text() == "0/1\n"


async def test_a_follower_goes_on_with_what_another_left(launcher, run_folder):
    folder = run_folder(steps=30, pause=0.03)
    first = asyncio.create_task(launcher.run(Program(folder=folder), lambda _: None))
    await asyncio.to_thread(pid_in, folder)
    second = asyncio.create_task(launcher.run(Program(folder=folder), lambda _: None))
    await asyncio.sleep(0.2)
    first.cancel()
    assert (await second)["steps"] == 30
    assert (folder / "starts").read_text() == "0/1\n0/1\n"


def test_the_program_ends_with_a_killed_launcher(run_folder, environ):
    folder = run_folder(steps=1000, pause=0.05)
    program = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from fourways.launch.base import Program
        from fourways.launch.local import LocalLauncher
        launcher = LocalLauncher(module={PROGRAM!r}, grace=0.5)
        asyncio.run(launcher.run(Program(folder=Path({str(folder)!r})), print))
    """)
    process = subprocess.Popen([sys.executable, "-c", program], env=environ, stdout=subprocess.DEVNULL)
    pid = pid_in(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert eventually(lambda: not alive(pid))


@pytest.mark.slow
async def test_two_processes_find_each_other_and_end_together(launcher, run_folder):
    folder = run_folder(steps=1000, pause=0.05)
    program = Program(folder=folder, processes=2)
    running = asyncio.create_task(launcher.run(program, lambda _: None))
    pids = [await asyncio.to_thread(pid_in, folder, rank) for rank in (0, 1)]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not any(alive(pid) for pid in pids)
    (folder / "run.toml").write_text("steps = 4")
    assert await launcher.run(program, lambda _: None) == {"steps": 4, "total": 3, "world": 2}


@pytest.mark.slow
async def test_a_refusal_reaches_through_torchs_launcher(launcher, run_folder):
    folder = run_folder(steps=1, refuse="the base has no licence")
    with pytest.raises(InvalidRequest, match=r"^the base has no licence$"):
        await launcher.run(Program(folder=folder, processes=2), lambda _: None)
