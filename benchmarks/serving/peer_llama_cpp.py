"""llama.cpp in its own environment: reads prompts, generates greedily, in batches; run as a program by `__main__`."""

import json
import sys
import time
from typing import Any

import llama_cpp
import numpy as np


class Peer:
    """A context of llama.cpp.

    Args:
        path: of the GGUF.
        streams: sequences at once.
        threads: cores.
    """

    def __init__(self, path: str, streams: int, threads: int) -> None:
        settings = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), settings)
        assert self.model, path
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        context = llama_cpp.llama_context_default_params()
        context.n_ctx, context.n_seq_max = 512 * streams, streams
        context.n_batch = context.n_ubatch = 512
        context.n_threads = context.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, context)
        self.batch = llama_cpp.llama_batch_init(2048, 0, streams)

    def _decode(self, rows: "list[tuple[int, int, int, bool]]") -> None:
        batch = self.batch
        batch.n_tokens = len(rows)
        for at, (token, position, stream, wanted) in enumerate(rows):
            batch.token[at], batch.pos[at], batch.logits[at] = token, position, wanted
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, stream
        assert llama_cpp.llama_decode(self.context, batch) == 0

    def _likeliest(self, at: int) -> int:
        logits = llama_cpp.llama_get_logits_ith(self.context, at)
        return int(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())

    def generate(self, prompts: "list[list[int]]", count: int) -> "dict[str, Any]":
        """Go on with the prompts; returns tokens, and seconds to the first and to the last."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        start = time.perf_counter()
        out: list[list[int]] = [[] for _ in prompts]
        for stream, prompt in enumerate(prompts):
            rows = [(token, at, stream, at == len(prompt) - 1) for at, token in enumerate(prompt)]
            self._decode(rows)
            out[stream].append(self._likeliest(len(prompt) - 1))
        first = time.perf_counter() - start
        for step in range(count - 1):
            self._decode([(out[n][-1], len(prompt) + step, n, True) for n, prompt in enumerate(prompts)])
            for stream in range(len(prompts)):
                out[stream].append(self._likeliest(stream))
        return {"tokens": out, "first": first, "seconds": time.perf_counter() - start}


def main() -> None:
    """Answer each line of standard input (`prompts`, `count`) with a line."""
    path, streams, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    log = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(log, None)
    peer = Peer(path, streams, threads)
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(peer.generate(asked["prompts"], asked["count"])), flush=True)


main()
