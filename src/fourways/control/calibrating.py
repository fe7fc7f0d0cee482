"""The judges of a suite held against people, with the project's files of answers that people judged."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fourways.config.references import matching
from fourways.config.testing import TestsNode
from fourways.core.errors import InvalidSuite
from fourways.evals.calibration import Calibration, Labelled, by_scorer, calibrate, read_labelled
from fourways.evals.cases import Assertion, Suite
from fourways.evals.scorers import SCORERS
from fourways.evals.scorers.base import Tools
from fourways.evals.sheets import read_sheet
from fourways.evals.suites import shown

JUDGING = frozenset({"judge", "pairwise"})
"""Scorers that are a model's opinion, whatever they are asked."""
NOT_CALIBRATED = "no answers that people judged are named (tests: calibration)"


async def calibrations(suite: Suite, labelled: Sequence[Labelled], tools: Tools) -> dict[str, dict[str, Any]]:
    """Hold every judge of a suite against people, and return what came of it by metric, JSON.

    Each has a `reason` why it may not gate, "" where it may. Where cases give a judge rubrics of their own, it is held
    against people by the usual one.
    """
    judges: dict[str, Assertion] = {}
    for asked in (asked for case in suite.cases for asked in case.asserts if _is_opinion(asked)):
        if judges.setdefault(asked.name, asked) != asked:
            judges[asked.name] = replace(asked, value=None)
    if not labelled:
        return {name: {"reason": NOT_CALIBRATED} for name in judges}
    return {
        name: _told(await calibrate(labelled, by_scorer(SCORERS[asked.type], asked, tools)))
        for name, asked in judges.items()
    }


def labelled_answers(node: TestsNode, folder: Path) -> Sequence[Labelled]:
    """Read the answers that people judged, of all files that a project names.

    Raises:
        InvalidSuite: a file is wrong, or is not there.
    """
    rows: list[Labelled] = []
    for pattern in node.calibration:
        paths = [path for path in matching(pattern, folder) if path.is_file()]
        if not paths:
            raise InvalidSuite(f"no file matches {pattern} (tests: calibration)")
        for path in paths:
            rows += read_labelled(read_sheet(shown(path, folder), path.read_bytes()).rows)
    return rows


def _is_opinion(asked: Assertion) -> bool:
    return asked.type in JUDGING or asked.options.get("by") == "judge"


def _told(held: Calibration) -> dict[str, Any]:
    kappa = asdict(held.kappa) if held.kappa is not None else None
    return {"reason": held.reason, "kappa": kappa, "agreement": asdict(held.agreement), "n": held.n}
