"""From nothing to the report of a comparison: `python -m benchmarks.compare [FOLDER] [--first N]`.

XQuAD's 240 passages become documents, its 1,190 questions test cases with their exact answers. An app answers them by a
prompt (`echo` stands in for a language model) and by retrieval (`extractive`, the packaged embedder). The project's
folder is new, so that nothing was ingested or answered before; then `fourways compare` runs as it is typed. What it
spent its time on is printed, the whole by the clock on the wall, starting Python included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.quality.corpora import write_xquad, xquad_cases

ALLOWED = 180.0
"""Seconds that it may take on two cores."""


def write_project(folder: Path) -> None:
    """Write documents, test cases and the project file."""
    documents, tests = folder / "docs", folder / "tests"
    documents.mkdir(parents=True)
    tests.mkdir()
    write_xquad(documents)
    lines = [
        json.dumps(
            {
                "input": case.question,
                "expected_output": case.answer,
                "metadata": {"document": f"docs/{case.documents[0]}", "answerable": True},
            },
            ensure_ascii=False,
        )
        for case in xquad_cases()
    ]
    (tests / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    project = {
        "project": "xquad",
        "knowledge": {"passages": {"sources": [{"paths": ["docs"]}]}},
        "facts": {
            "requests_per_month": 100_000,
            "may_leave_network": False,
            "instructions": 1190,
            "domain": "specific",
        },
        "apps": {
            "reader": {
                "description": "Answers questions about 240 passages of Wikipedia.",
                "ways": {
                    "prompt": {"model": "echo", "system": "Answer the question in a few words."},
                    "rag": {"model": "extractive", "knowledge": "passages"},
                },
                "tests": ["tests/questions.jsonl"],
            }
        },
    }
    (folder / "fourways.yaml").write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="a new folder; a temporary one otherwise")
    parser.add_argument("--first", type=int, help="only the first so many cases")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="compare-"))
    write_project(folder)
    command = [sys.executable, "-m", "fourways", "--project", str(folder), "compare", "--json"]
    command += ["--html", str(folder / "report.html"), "--markdown", str(folder / "report.md")]
    command += ["--first", str(asked.first)] if asked.first else []
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    whole = time.perf_counter() - begun
    told = json.loads(done.stdout)
    for phase in told["phases"]:
        print(f"{phase['name']:<20}{phase['seconds']:>8.1f} s")
    print(f"{'all, by the clock':<20}{whole:>8.1f} s   (allowed: {ALLOWED:.0f} s on two cores; here: {os.cpu_count()})")
    for arm in told["arms"]:
        passed = arm["measures"][0]["estimate"]
        timing = arm["timing"]
        print(
            f"{arm['way']:<8}{arm['cases']:>6} cases  {told['primary']} {passed['value']:.3f} "
            f"({passed['low']:.3f} to {passed['high']:.3f})  whole p50 {timing['whole_p50']['value'] * 1000:.1f} ms, "
            f"p95 {timing['whole_p95']['value'] * 1000:.1f} ms"
        )
    print(told["advice"]["says"])
    print(f"{folder / 'report.html'}: {(folder / 'report.html').stat().st_size / 1000:.0f} kB")
    if whole > ALLOWED:
        sys.exit(f"it took {whole:.0f} s; at most {ALLOWED:.0f} s were allowed")


if __name__ == "__main__":
    main()
