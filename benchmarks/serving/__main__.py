"""`python -m benchmarks.serving`: tokens a second with 1, 4 and 16 streams, and time to the first, beside others.

All generate greedily with the same random weights in bfloat16, on the same cores, in turns within one run; each
figure is the best of its rounds. Ours answers over HTTP, streamed, its clients on the same cores; the others run in
their own process without a server, which favours them. CPU is user and system of the process that generates.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving.ours import Ours
from benchmarks.serving.weights import SHAPE, convert, make

HERE = Path(__file__).parent
STREAMS = (1, 4, 16)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Tokens a second, by the clock and of CPU; seconds to the first token; what was generated."""

    wall: float
    cpu: float
    first: float | None
    tokens: Any


@dataclass(frozen=True, kw_only=True)
class Contestant:
    name: str
    pid: int
    generate: Callable[[list[list[int]], int], dict[str, Any]]
    close: Callable[[], object]


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def program(name: str, command: Sequence[str]) -> Contestant:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin
    assert process.stdout
    stdin, stdout = process.stdin, process.stdout
    while (line := stdout.readline()) and line.strip() != "ready":
        pass
    assert line, f"{name} did not start"

    def generate(prompts: list[list[int]], count: int) -> dict[str, Any]:
        stdin.write(json.dumps({"prompts": prompts, "count": count}) + "\n")
        stdin.flush()
        found: dict[str, Any] = json.loads(stdout.readline())
        return found

    return Contestant(name=name, pid=process.pid, generate=generate, close=lambda: (stdin.close(), process.wait(20)))


def engine(name: str, model: Path, scratch: Path, threads: int, *options: str) -> Contestant:
    ours = Ours(model, scratch, "--threads", str(threads), "--slots", "16", "--no-probe", *options)
    return Contestant(name=name, pid=ours.process.pid, generate=ours.generate, close=ours.close)


def contestants(model: Path, scratch: Path, options: argparse.Namespace) -> list[Contestant]:
    threads = str(options.threads)
    found = [
        engine("ours", model, scratch, options.threads),
        engine("ours on torch", model, scratch, options.threads, "--decoder", "torch"),
        program("transformers", [sys.executable, str(HERE / "peer_transformers.py"), str(model), threads]),
    ]
    if options.llama_python:
        path = scratch / "model.gguf"
        convert(model, path)
        command = [options.llama_python, str(HERE / "peer_llama_cpp.py"), str(path), str(max(STREAMS)), threads]
        found.append(program("llama.cpp", command))
    else:
        print("llama.cpp is left out: --llama-python names a Python in whose environment llama-cpp-python is installed")
    return found


def measure(one: Contestant, prompts: list[list[int]], count: int, rounds: int) -> list[Speed]:
    speeds = []
    for _ in range(rounds):
        before = cpu_of(one.pid)
        found = one.generate(prompts, count)
        cpu, total = cpu_of(one.pid) - before, len(prompts) * count
        speeds.append(
            Speed(wall=total / found["seconds"], cpu=total / cpu, first=found["first"], tokens=found["tokens"])
        )
    return speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llama-python", help="a Python that has llama-cpp-python")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    try:
        run(options, scratch)
    finally:
        shutil.rmtree(scratch)


def run(options: argparse.Namespace, scratch: Path) -> None:
    chance = random.Random(1)
    model = make(scratch / "model")
    running = contestants(model, scratch, options)
    print(
        f"load {os.getloadavg()[0]:.1f}, threads: {options.threads}, prompts of {options.prompt} tokens, "
        f"{options.tokens} generated"
    )
    print(f"{'':16}" + "".join(f"{n:>4} streams: tokens/s  /CPU-s  first ms" for n in STREAMS))
    best: dict[str, list[Speed]] = {one.name: [] for one in running}
    for streams in STREAMS:
        rounds: dict[str, list[Speed]] = {one.name: [] for one in running}
        for _ in range(options.rounds):
            for one in running:
                # New prompts each time: what was read before must not help.
                prompts = [
                    [chance.randrange(2, SHAPE["vocab_size"]) for _ in range(options.prompt)] for _ in range(streams)
                ]
                rounds[one.name] += measure(one, prompts, options.tokens, 1)
        for name, speeds in rounds.items():
            firsts = [speed.first for speed in speeds if speed.first]
            best[name].append(
                Speed(
                    wall=max(speed.wall for speed in speeds),
                    cpu=max(speed.cpu for speed in speeds),
                    first=min(firsts) if firsts else None,
                    tokens=None,
                )
            )
    for name, speeds in best.items():
        cells = (f"{s.wall:>22,.0f}{s.cpu:>8,.0f}{(s.first or 0) * 1000:>10.1f}" for s in speeds)
        print(f"{name:16}" + "".join(cells))
    for name in ("llama.cpp", "transformers"):
        if name in best:
            pairs = zip(best["ours"], best[name], strict=True)
            said = ", ".join(f"{ours.wall / theirs.wall:.2f} ({ours.cpu / theirs.cpu:.2f})" for ours, theirs in pairs)
            print(f"ours over {name}, by the clock (by CPU): {said}")
    agree(running, chance, options)
    for one in running:
        one.close()


def agree(running: Sequence[Contestant], chance: random.Random, options: argparse.Namespace) -> None:
    """Say how many first tokens all give alike: they compute the same model."""
    prompts = [[chance.randrange(2, SHAPE["vocab_size"]) for _ in range(options.prompt)] for _ in range(8)]
    answers = {one.name: one.generate(prompts, 4)["tokens"] for one in running}
    for name, tokens in answers.items():
        same = sum(mine[0] == theirs[0] for mine, theirs in zip(tokens, answers["ours"], strict=True))
        print(f"{name}: {same} of {len(prompts)} first tokens as ours")


if __name__ == "__main__":
    main()
