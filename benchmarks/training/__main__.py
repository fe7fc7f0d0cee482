"""`python -m benchmarks.training`: tokens a CPU-second beside Trainer and a plain loop; on a GPU tokens/s and MFU."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for all arms: threads that wait do not count as work
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from benchmarks.training.arms import STEPS, Bench, ours, plain_loop, trainer
from benchmarks.training.gpu import measure_gpu
from fourways.training.decoder import Decoder, Size

SIZE = Size(vocabulary=8192, width=384, layers=9, heads=6, head=64, hidden=1024)


def peak() -> float:
    """FLOP a CPU-second of a bf16 product of 2,048 by 2,048: the best of some."""
    a, best = torch.ones(2048, 2048, dtype=torch.bfloat16), float("inf")
    for _ in range(6):
        start = time.process_time()
        a @ a
        best = min(best, time.process_time() - start)
    return 2 * 2048**3 / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if torch.cuda.is_available():
        print(json.dumps(measure_gpu(), indent=1))
        return
    parameters = sum(weight.numel() for weight in Decoder(SIZE).parameters())
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(size=SIZE, rows=options.rows, length=options.length, folder=Path(folder))
        arms = {
            "Trainer, defaults (float32)": trainer(bench, bf16=False),
            "Trainer, bf16": trainer(bench, bf16=True),
            "nanoGPT-style loop, bf16": plain_loop(bench),
            "ours, AdamW": ours(bench, compiled=False, optimizer="adamw"),
            "ours, Muon": ours(bench, compiled=False, optimizer="muon"),
            "ours, AdamW, compiled": ours(bench, compiled=True, optimizer="adamw"),
            "ours, Muon, compiled": ours(bench, compiled=True, optimizer="muon"),
        }
        first: dict[str, float] = {}
        for name, run in arms.items():
            start = time.process_time()
            run()
            first[name] = time.process_time() - start
        spent: dict[str, list[float]] = {name: [] for name in arms}
        peaks = []
        for _ in range(options.rounds):
            peaks.append(peak())
            for name, run in arms.items():
                start = time.process_time()
                run()
                spent[name].append(time.process_time() - start)
    at_best = max(peaks)
    speeds = {name: bench.tokens / median(seconds) for name, seconds in spent.items()}
    if options.json:
        print(json.dumps({"speeds": speeds, "first": first, "peak": at_best, "parameters": parameters}))
        return
    print(
        f"{parameters:,} weights, {STEPS} steps of {options.rows} × {options.length} tokens at a time, "
        f"{options.rounds} rounds; {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}; peak of a bf16 "
        f"product {at_best / 1e9:,.0f} GFLOP a CPU-second\n"
    )
    print("| | tokens/CPU-s | × Trainer | × Trainer bf16 | of peak | first steps, CPU-s |\n|---|---|---|---|---|---|")
    base, base_bf16 = list(speeds.values())[:2]
    for name, speed in speeds.items():
        share, times, times_bf16 = 6 * parameters * speed / at_best, speed / base, speed / base_bf16
        print(f"| {name} | {speed:,.0f} | {times:.2f} | {times_bf16:.2f} | {share:.1%} | {first[name]:.0f} |")


if __name__ == "__main__":
    main()
