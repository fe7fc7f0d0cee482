"""transformers' own `generate`, one padded batch; run as a program by `__main__`."""

import json
import sys
import time
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.generation.streamers import BaseStreamer


class First(BaseStreamer):
    """Notes when the first token came; the prompt is put before it."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: Any) -> None:
        del value
        self.times.append(time.perf_counter())

    def end(self) -> None:
        pass


def main() -> None:
    """Answer each line of standard input (`prompts`, `count`) with a line."""
    folder, threads = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(threads)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        ids = torch.tensor(asked["prompts"])
        length = asked["count"]
        settings = GenerationConfig(
            max_new_tokens=length, min_new_tokens=length, do_sample=False, pad_token_id=0, eos_token_id=1
        )
        streamer = First() if len(ids) == 1 else None
        start = time.perf_counter()
        out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings, streamer=streamer)
        seconds = time.perf_counter() - start
        first = streamer.times[1] - start if streamer else None
        answer = {"tokens": out[:, ids.shape[1] :].tolist(), "first": first, "seconds": seconds}
        print(json.dumps(answer), flush=True)


main()
