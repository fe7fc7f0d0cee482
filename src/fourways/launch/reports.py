"""A run's reports as they come: `steps.jsonl` read while a program writes it, each report passed on once."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fourways.core.errors import Unavailable
from fourways.launch.base import RESULT, STEPS, OnReport


class Reports:
    """Passes on the reports of one run's folder.

    A program that goes on from a checkpoint cuts the file back to it and writes the same reports again; those were
    passed on, and are passed over. A line is read once its end is written.
    """

    def __init__(self, folder: Path, on_report: OnReport) -> None:
        self._path, self._tell = folder / STEPS, on_report
        self._told = 0
        self._seen: tuple[int, int, int] | None = None

    async def pass_on(self) -> None:
        """Pass on what is new."""
        for report in await asyncio.to_thread(self._new):
            self._told += 1
            self._tell(report)

    def _new(self) -> list[Mapping[str, Any]]:
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return []
        seen = (now.st_ino, now.st_size, now.st_mtime_ns)
        if seen == self._seen:
            return []
        *lines, _unfinished = self._path.read_bytes().split(b"\n")
        self._seen = seen
        return [self._read(number, line) for number, line in enumerate(lines) if number >= self._told]

    def _read(self, number: int, line: bytes) -> Mapping[str, Any]:
        try:
            report = json.loads(line)  # a loss that is no number any more is a report too
        except ValueError as error:
            raise Unavailable(f"{self._path}: line {number + 1} is no JSON object: {line[:80]!r}") from error
        return dict(report)


def result_of(folder: Path) -> Mapping[str, Any] | None:
    """Return what came out of a run; None where it has not ended."""
    try:
        found: Mapping[str, Any] = json.loads((folder / RESULT).read_bytes())
    except FileNotFoundError:
        return None
    return found
