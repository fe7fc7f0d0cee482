"""What only a GPU shows: tokens a second and MFU of a 124 M model; LoRA samples a second on a 1 B model."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.training.arms import Bench, llama, ours, plain_loop
from fourways.training.decoder import Decoder, Size
from fourways.training.runs import Adapter, Data, Hyper, Run

GPT2 = Size(vocabulary=50_304, width=768, layers=12, heads=12, head=64, hidden=2048, window=1024)
BILLION = Size(vocabulary=32_000, width=2048, layers=20, heads=16, head=128, hidden=5632, window=2048)
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bf16, by the data sheets."""


def measure_gpu(
    *, base: Size = GPT2, tuned: Size = BILLION, rows: int = 32, length: int = 1024, times: int = 5, samples: int = 512
) -> dict[str, Any]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    peak = next((flops for name, flops in PEAKS.items() if name in device), None)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(size=base, rows=rows, length=length, folder=Path(folder))
        told: dict[str, Any] = {"device": device, "parameters": sum(w.numel() for w in Decoder(base).parameters())}
        for name, run in {
            "ours, Muon, compiled": ours(bench, compiled=True, optimizer="muon"),
            "ours, AdamW, compiled": ours(bench, compiled=True, optimizer="adamw"),
            "nanoGPT-style loop": plain_loop(bench),
        }.items():
            speed = bench.tokens / _best(run, times)
            flops = 6 * told["parameters"] + 12 * base.layers * base.width * length
            told[name] = {"tokens_per_second": speed, "mfu": speed * flops / peak if peak else None}
        told["LoRA samples a second"] = tuned_samples(tuned, Path(folder), samples)
    return told


def _best(run: Any, times: int) -> float:
    run()
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best


def tuned_samples(size: Size, folder: Path, samples: int) -> float:
    """Tune random weights with our SFT program, LoRA of rank 16; samples a second of stepping."""
    from fourways.training.tokenizer import learn_tokenizer, save_tokenizer
    from fourways.training.tuning import sft

    words = [f"question {number} about thing {number * 7 % 1000}" for number in range(2000)]
    base = folder / "base"
    llama(size).to(torch.bfloat16).save_pretrained(base)
    save_tokenizer(learn_tokenizer(words, size=1000), base, window=size.window)
    rows = [
        {
            "messages": [
                {"role": "user", "content": " ".join(words[at : at + 40])},
                {"role": "assistant", "content": words[at]},
            ]
        }
        for at in range(samples)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = Run(
        method="sft",
        base=str(base),
        licence="Apache-2.0",
        adapter=Adapter(r=16),
        data=Data(train=str(folder / "rows.jsonl")),
        hyper=Hyper(epochs=1.0, batch=16),
    )
    result = sft.train(run, folder)
    return samples / float(result["seconds"])
