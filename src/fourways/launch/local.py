"""Training programs as processes of this machine: started once, watched, and ended with whoever launched them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from fourways.launch.base import OnReport, Program
from fourways.launch.outcomes import (
    LOCK,
    LOG,
    PROGRAM,
    failure,
    length_of,
    require_result,
    require_run,
    said_since,
)
from fourways.launch.reports import Reports, result_of


class LocalLauncher:
    """Runs each program in a process of its own, several processes through torch's launcher.

    Of all launchers on this machine one runs a folder's program; the others, in this process or another, follow it.

    Args:
        module: the training program's.
        environ: the program's environment; this process's own where None.
        grace: seconds it gets to finish when it is cancelled.
        pause: seconds between two looks at it.
    """

    def __init__(
        self,
        *,
        module: str = PROGRAM,
        environ: Mapping[str, str] | None = None,
        grace: float = 10.0,
        pause: float = 0.2,
    ) -> None:
        self._module, self._environ = module, environ
        self._grace, self._pause = grace, pause

    async def run(self, program: Program, on_report: OnReport) -> Mapping[str, Any]:
        """Run a program to its end and return its result; raises as `Launcher.run` says."""
        folder = program.folder
        require_run(folder)
        reports = Reports(folder, on_report)
        while (result := result_of(folder)) is None:
            lock = await asyncio.to_thread(take_lock, folder / LOCK)
            if lock is None:
                await reports.pass_on()
                await asyncio.sleep(self._pause)
                continue
            with lock:
                if (result := result_of(folder)) is None:
                    await self._run(program, reports, lock)
                    result = require_result(folder)
            break
        await reports.pass_on()
        return result

    async def _run(self, program: Program, reports: Reports, lock: IO[bytes]) -> None:
        """Run the program once, to its end; passes its reports on while it runs."""
        log = program.folder / LOG
        begin = length_of(log)
        process = self._start(program, log, lock)
        try:
            while process.poll() is None:
                await reports.pass_on()
                await asyncio.sleep(self._pause)
        finally:
            await asyncio.shield(asyncio.to_thread(_end, process, self._grace))
        await reports.pass_on()
        if process.returncode:
            raise failure(process.returncode, said_since(log, begin), program)

    def _start(self, program: Program, log: Path, lock: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start the program under a guard, which keeps the folder's lock and ends the program with this process."""
        environ = os.environ if self._environ is None else self._environ
        with log.open("ab") as said:
            return subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", "fourways.launch.guard", *self.command(program)],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**environ, "FOURWAYS_GRACE": str(self._grace), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )

    def command(self, program: Program) -> Sequence[str]:
        """Say how the program is started.

        `accelerate launch --cpu --num_processes 2` starts one process without a word; torch's own launcher starts two.
        """
        what = ("-m", self._module, str(program.folder))
        if program.processes == 1:
            return (sys.executable, *what)
        many = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={program.processes}")
        return (sys.executable, *many, *what)


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    """Have the guard end what it runs; it needs as long as the program does, and no longer than the grace."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace + 5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin:
        process.stdin.close()


def take_lock(path: Path) -> IO[bytes] | None:
    """Take a folder's lock; None where a living program has it. Free again when all who hold the file are gone."""
    file = path.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
