"""What runs a training program, wherever that is: a folder in, its reports as they come, its result out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

RUN, STEPS, RESULT = "run.toml", "steps.jsonl", "result.json"
"""Of a run's folder: what is to be done, the reports so far (a JSON object a line), and what came out, written last."""

OnReport = Callable[[Mapping[str, Any]], None]
"""Is told each report of a run, in order; those of before a resumption come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A training program that is to run.

    Attributes:
        folder: holds `run.toml`; all that the program writes goes there too. One that holds `result.json` has ended.
        processes: that train together, each on its share of the data.
    """

    folder: Path
    processes: int = 1


class Launcher(Protocol):
    """Runs training programs. A program resumes from its folder, so whoever launches a folder again goes on with it."""

    async def run(self, program: Program, on_report: OnReport) -> Mapping[str, Any]:
        """Run a program to its end and return `result.json`; one that has ended is not run again.

        Cancelled, it ends the program and all its processes before it returns.

        Raises:
            InvalidRequest: the program refused its `run.toml` or its data; the message is its own.
            Unavailable: it died otherwise; the message has the end of what it said.
        """
        ...
