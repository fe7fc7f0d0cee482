"""What is asked of Ray Jobs: a job a folder, followed where it runs, anew where it ended, stopped when cancelled."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fourways.core.errors import InvalidRequest, Unavailable
from fourways.launch.base import Program
from fourways.launch.ray import RayLauncher


@dataclass
class Details:
    submission_id: str | None
    state: str = "RUNNING"
    message: str | None = ""
    driver_exit_code: int | None = None

    @property
    def status(self) -> Any:
        return SimpleNamespace(value=self.state)


@dataclass
class Book:
    """Ray Jobs without Ray: a submitted job ends as it was told, or runs on."""

    ends: str = "SUCCEEDED"
    code: int = 0
    jobs: dict[str, Details] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    folder: Path | None = None

    def list_jobs(self) -> list[Details]:
        return list(self.jobs.values())

    def get_job_info(self, job_id: str, /) -> Details:
        return self.jobs[job_id]

    def get_job_logs(self, job_id: str, /) -> str:
        return "the driver said this"

    def stop_job(self, job_id: str, /) -> bool:
        self.done.append("stop")
        self.jobs[job_id].state = "STOPPED"
        return True

    def submit_job(self, *, entrypoint: str, submission_id: str, runtime_env: dict[str, Any]) -> str:
        self.done.append("submit")
        self.jobs[submission_id] = Details(submission_id, self.ends, driver_exit_code=self.code)
        if self.ends == "SUCCEEDED" and self.folder:
            (self.folder / "result.json").write_text(json.dumps({"entrypoint": entrypoint, "env": runtime_env}))
        return submission_id


def launcher(book: Book) -> RayLauncher:
    return RayLauncher("http://head:8265", environ={"A": "b"}, gpus=True, pause=0.01, connect=lambda _: book)


async def test_a_job_is_submitted_once_and_what_ended_is_not_asked_of_the_cluster(run_folder):
    book = Book(folder=(folder := run_folder(steps=1)))
    result = await launcher(book).run(Program(folder=folder, processes=4), lambda _: None)
    wanted = f"python -m fourways.launch.ray_driver {folder} --processes 4 --module fourways.training --gpus"
    assert result == {"entrypoint": wanted, "env": {"env_vars": {"A": "b"}}}
    assert await launcher(book).run(Program(folder=folder), lambda _: None) == result
    assert book.done == ["submit"]


async def test_a_job_that_failed_is_made_anew(run_folder):
    book = Book(ends="FAILED", code=1)
    folder = run_folder(steps=1)
    for _ in range(2):
        with pytest.raises(Unavailable, match="ended with 1: the driver said this"):
            await launcher(book).run(Program(folder=folder), lambda _: None)
    assert book.done == ["submit", "submit"]
    assert [name.rpartition("-")[2] for name in book.jobs] == ["1", "2"]


async def test_a_refusal_is_in_the_programs_own_words(run_folder):
    folder = run_folder(steps=1)
    (folder / "log").write_text("fourways.training: of an earlier start\n")
    book = Book(ends="RUNNING")
    running = asyncio.create_task(launcher(book).run(Program(folder=folder), lambda _: None))
    await asyncio.sleep(0.05)
    with (folder / "log").open("a") as log:
        log.write("fourways.training: row 3 is empty\n")
    (job,) = book.jobs.values()
    job.state, job.driver_exit_code = "FAILED", 2
    with pytest.raises(InvalidRequest, match=r"^row 3 is empty$"):
        await running


async def test_whoever_submitted_a_job_stops_it_and_whoever_follows_leaves_it(run_folder):
    book = Book(ends="RUNNING")
    program = Program(folder=run_folder(steps=1))
    first = asyncio.create_task(launcher(book).run(program, lambda _: None))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(launcher(book).run(program, lambda _: None))
    await asyncio.sleep(0.05)
    for task in (second, first):
        assert "stop" not in book.done
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert book.done == ["submit", "stop"]
