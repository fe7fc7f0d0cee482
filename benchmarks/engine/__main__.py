"""`python -m benchmarks.engine`: texts a CPU-second of our encoder, beside sentence-transformers in the same run."""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

CRANFIELD = Path(__file__).resolve().parents[3] / "shared/data/cranfield/cran.all.1400"
PACK = 512


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Texts a second of CPU (user and system, all threads) and of the clock."""

    cpu: float
    wall: float


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(texts: Sequence[str], embed: Callable[[Sequence[str]], object]) -> Speed:
    embed(texts[:4])
    cpu, wall = cpu_seconds(), time.perf_counter()
    embed(texts)
    return Speed(cpu=len(texts) / (cpu_seconds() - cpu), wall=len(texts) / (time.perf_counter() - wall))


def documents(path: Path, count: int) -> list[str]:
    """Every k-th Cranfield abstract, so that short and long ones are there as in the whole."""
    parts = re.split(r"^\.I \d+\n", path.read_text(), flags=re.MULTILINE)[1:]
    texts = [part.partition(".W\n")[2].strip() for part in parts]
    return texts[:: max(1, len(texts) // count)][:count]


def ours(dtype: str, workers: int) -> Callable[[Sequence[str]], object]:
    import torch

    from fourways.engine.batching import Batcher
    from fourways.engine.encoders import open_encoder

    torch.set_num_threads(1)
    encoder = open_encoder("minilm", dtype)
    batcher = Batcher(workers=workers, budget=PACK, limit=10**9)
    return lambda texts: batcher.submit(encoder.tokenize(texts), encoder.encode, encoder.dimensions).result()


def library(threads: int) -> Callable[[Sequence[str]], object]:
    import torch
    from sentence_transformers import SentenceTransformer

    from fourways.engine.folders import find_folder

    model = SentenceTransformer(str(find_folder("minilm")), device="cpu", local_files_only=True)

    def embed(texts: Sequence[str]) -> object:
        torch.set_num_threads(threads)
        return model.encode(list(texts), batch_size=32, normalize_embeddings=True)

    return embed


def start_up() -> dict[str, float]:
    """Seconds from starting the engine to its first vector, through its supervisor."""
    program = """
import asyncio, sys, time
from pathlib import Path
from fourways.models.supervisor import EngineProcess
async def main():
    engine = EngineProcess(Path(sys.argv[1]))
    embed = await engine.embedder()
    start = time.perf_counter()
    await embed(["first"])
    first = time.perf_counter() - start
    times = []
    for _ in range(30):
        start = time.perf_counter()
        await embed(["what is the lift of a wing in a slipstream?"])
        times.append(time.perf_counter() - start)
    status = Path(f"/proc/{engine.server.at.pid}/status")
    memory = int(status.read_text().split("VmRSS:")[1].split()[0]) / 1024 if status.exists() else 0.0
    print(first, sorted(times)[15] * 1000, memory)
    await engine.stop()
asyncio.run(main())
"""
    with tempfile.TemporaryDirectory() as state:
        said = subprocess.run([sys.executable, "-c", program, state], capture_output=True, text=True, check=True).stdout
    first, question, memory = map(float, said.split())
    return {"first_vector_s": first, "question_median_ms": question, "resident_mib": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not CRANFIELD.is_file():
        sys.exit(f"{CRANFIELD} is absent: there is nothing to measure on")
    docs = documents(CRANFIELD, options.documents)
    sentences = [part.strip() for text in docs for part in text.split(" .") if len(part.split()) > 4][: 4 * len(docs)]
    contenders = {
        "sentence-transformers encode, 1 thread": library(1),
        "sentence-transformers encode, 2 threads": library(2),
        "ours, float32, 1 worker": ours("float32", 1),
        "ours, bfloat16, 1 worker": ours("bfloat16", 1),
        "ours, bfloat16, 2 workers": ours("bfloat16", 2),
    }
    rows = {name: (measure(docs, embed), measure(sentences, embed)) for name, embed in contenders.items()}
    base, base_short = next(iter(rows.values()))
    facts = start_up()
    if options.json:
        print(json.dumps({"rows": {n: [d.cpu, d.wall, s.cpu, s.wall] for n, (d, s) in rows.items()}} | facts))
        return
    print(f"{len(docs)} Cranfield abstracts, {len(sentences)} sentences of them; load {os.getloadavg()[0]:.1f}\n")
    print("| | documents/CPU-s | × | documents/s | sentences/CPU-s | × | sentences/s |\n|---|---|---|---|---|---|---|")
    for name, (doc, short) in rows.items():
        print(
            f"| {name} | {doc.cpu:.1f} | {doc.cpu / base.cpu:.2f} | {doc.wall:.1f} "
            f"| {short.cpu:.0f} | {short.cpu / base_short.cpu:.2f} | {short.wall:.0f} |"
        )
    print("\n" + ", ".join(f"{name} {value:.1f}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
