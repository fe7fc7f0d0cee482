"""Training programs on a Ray cluster: a job of Ray Jobs for each folder, Ray Train's workers for its processes."""

import asyncio
import contextlib
import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from fourways.core.errors import MissingPackage, Unavailable
from fourways.launch.base import OnReport, Program
from fourways.launch.outcomes import LOG, PROGRAM, TAIL, failure, length_of, require_result, require_run, said_since
from fourways.launch.reports import Reports, result_of

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
"""The states of a job that nothing follows on."""


class Job(Protocol):
    """What Ray Jobs tells of a job: its `JobDetails`."""

    @property
    def submission_id(self) -> str | None: ...  # noqa: D102
    @property
    def status(self) -> Any: ...  # noqa: ANN401, D102 - an enumeration of Ray's
    @property
    def message(self) -> str | None: ...  # noqa: D102
    @property
    def driver_exit_code(self) -> int | None: ...  # noqa: D102


class Jobs(Protocol):
    """What is asked of Ray Jobs: its `JobSubmissionClient`. All of it blocks."""

    def list_jobs(self) -> Sequence[Job]: ...  # noqa: D102
    def get_job_info(self, job_id: str, /) -> Job: ...  # noqa: D102
    def get_job_logs(self, job_id: str, /) -> str: ...  # noqa: D102
    def stop_job(self, job_id: str, /) -> bool: ...  # noqa: D102
    @property
    def submit_job(self) -> Callable[..., str]: ...  # noqa: D102 - (*, entrypoint, submission_id, runtime_env)


class RayLauncher:
    """Runs each program as a job of a Ray cluster.

    The runs' folders lie where the cluster's nodes see them under the same path. A folder's job has one name wherever
    it is submitted from: who finds it running follows it.

    Args:
        address: of the cluster's dashboard: http://head:8265.
        module: the training program's.
        python: the interpreter on the cluster, with fourways installed.
        environ: added to the programs' environment.
        gpus: whether each process gets a GPU of its own.
        pause: seconds between two looks at the job.
        connect: opens the cluster's jobs by that address; through `ray` where not given.
    """

    def __init__(
        self,
        address: str,
        *,
        module: str = PROGRAM,
        python: str = "python",
        environ: Mapping[str, str] | None = None,
        gpus: bool = False,
        pause: float = 1.0,
        connect: Callable[[str], Jobs] | None = None,
    ) -> None:
        self._address, self._module, self._python = address, module, python
        self._environ, self._gpus, self._pause = dict(environ or {}), gpus, pause
        self._connect = connect or connect_ray
        self._opened: Jobs | None = None

    async def run(self, program: Program, on_report: OnReport) -> Mapping[str, Any]:
        """Run a program to its end and return its result; raises as `Launcher.run` says.

        Raises:
            MissingPackage: ray is not installed.
        """
        folder = program.folder.resolve()
        require_run(folder)
        reports = Reports(folder, on_report)
        if (result := result_of(folder)) is None:
            begin = length_of(folder / LOG)
            name, ours = await asyncio.to_thread(self._submit, program)
            try:
                job = await self._ended(name, reports)
            except asyncio.CancelledError:
                if ours:
                    await asyncio.shield(self._stop(name))
                raise
            await reports.pass_on()
            if job.status.value != "SUCCEEDED":
                raise await asyncio.to_thread(self._failure, job, said_since(folder / LOG, begin), program)
            result = require_result(folder)
        await reports.pass_on()
        return result

    def _client(self) -> Jobs:
        if self._opened is None:
            self._opened = self._connect(self._address)
        return self._opened

    def _submit(self, program: Program) -> tuple[str, bool]:
        """Return the name of the job that does a program, and whether it was submitted just now: none was running.

        Each try has a name of its own: a job that has ended keeps its name busy until Ray has cleaned up behind it.
        """
        client = self._client()
        stem = f"fourways-{hashlib.sha256(str(program.folder.resolve()).encode()).hexdigest()[:20]}-"
        tries = [job for job in client.list_jobs() if (job.submission_id or "").startswith(stem)]
        for job in tries:
            if job.submission_id is not None and job.status.value not in ENDED:
                return job.submission_id, False
        name = f"{stem}{len(tries) + 1}"
        environ = {"env_vars": self._environ}
        client.submit_job(entrypoint=self.command(program), submission_id=name, runtime_env=environ)
        return name, True

    def command(self, program: Program) -> str:
        """Say what the job runs: the driver, which has Ray Train run the program on the workers."""
        driver = [self._python, "-m", "fourways.launch.ray_driver", str(program.folder.resolve())]
        driver += ["--processes", str(program.processes), "--module", self._module]
        return shlex.join([*driver, *(["--gpus"] if self._gpus else [])])

    async def _ended(self, name: str, reports: Reports | None = None) -> Job:
        """Return the job once it has ended; passes reports on until then."""
        while True:
            job = await asyncio.to_thread(self._client().get_job_info, name)
            if job.status.value in ENDED:
                return job
            if reports is not None:
                await reports.pass_on()
            await asyncio.sleep(self._pause)

    async def _stop(self, name: str) -> None:
        """Stop the job; returns once it has ended."""
        with contextlib.suppress(RuntimeError):  # it had ended by itself
            await asyncio.to_thread(self._client().stop_job, name)
        await self._ended(name)

    def _failure(self, job: Job, said: str, program: Program) -> Exception:
        if job.status.value == "STOPPED":
            return Unavailable(f"the job of {program.folder} was stopped on the cluster")
        name = job.submission_id or ""
        said = said.strip() or self._client().get_job_logs(name)[-TAIL:] or str(job.message)
        return failure(1 if job.driver_exit_code is None else job.driver_exit_code, said, program)


def connect_ray(address: str) -> Jobs:
    """Open a cluster's jobs by its dashboard's address; raises MissingPackage, Unavailable."""
    try:
        from ray.job_submission import JobSubmissionClient
    except ImportError as error:
        raise MissingPackage("ray", "ray") from error
    try:
        jobs: Jobs = JobSubmissionClient(address)
    except (ConnectionError, RuntimeError) as error:
        raise Unavailable(f"no Ray cluster answers at {address}: {error}", retry_after=30) from error
    return jobs
