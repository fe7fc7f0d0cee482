"""A causal model of a second's making, an engine process that serves it, and a client: what the tests here share."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT = (
    "The quick brown fox jumps over the lazy dog. A pension is paid from the first day of the month. "
    "Who asks for leave writes to the office, and the office answers within ten days. "
)


def make_model(folder: Path, *, dtype: str = "float32", seed: int = 1, vocabulary: int = 400, **changes: Any) -> Path:
    """Write a random Llama with a tokenizer, its weights spread wide enough that its answers differ."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    from fourways.training.tokenizer import learn_tokenizer, save_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(learn_tokenizer([TEXT * 3], size=vocabulary), folder, window=256)
    settings: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    config = changes.pop("config", LlamaConfig)(**settings | changes)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8 if parameter.dim() > 1 else 1)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    return folder


def make_adapter(base: Path, folder: Path, *, seed: int = 7, rank: int = 4, **settings: Any) -> Path:
    """Write a random LoRA adapter by peft."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    targets = settings.pop("target_modules", ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"])
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, task_type="CAUSAL_LM", **settings)
    model: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    return folder


def continued(base: Path, ids: list[int], count: int, adapter: Path | None = None) -> list[int]:
    """Return what transformers, and peft, go on with, greedily."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    asked = torch.tensor([ids])
    out = model.generate(input_ids=asked, attention_mask=torch.ones_like(asked), max_new_tokens=count, do_sample=False)
    found: list[int] = out[0, len(ids) :].tolist()
    return found


@dataclass(slots=True, kw_only=True)
class Served:
    """An engine that runs, and requests to it."""

    process: "subprocess.Popen[bytes]"
    port: int
    status: int = 0
    headers: Any = None

    def ask(self, path: str, body: object = None) -> Any:
        """Send a request; returns the answer, decoded where it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST" if body is not None else "GET", path, json.dumps(body) if body is not None else None)
        response = connection.getresponse()
        self.status, self.headers = response.status, response.headers
        data = response.read()
        connection.close()
        return json.loads(data) if "json" in response.headers["content-type"] else data.decode()

    def text(self, prompt: str, **options: Any) -> str:
        """Return a completion's text, greedy and of twelve tokens unless asked otherwise."""
        reply = self.ask("/v1/completions", {"prompt": prompt, "temperature": 0, "max_tokens": 12} | options)
        assert self.status == 200, reply
        return str(reply["choices"][0]["text"])

    def streamed(self, path: str, body: dict[str, Any]) -> list[Any]:
        """Return a stream's frames, its end left out."""
        text = self.ask(path, body | {"stream": True})
        frames = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
        assert frames[-1] == "[DONE]"
        return [json.loads(frame) for frame in frames[:-1]]

    def metric(self, name: str) -> float:
        """Return the sum of a metric's values."""
        lines = [line for line in self.ask("/metrics").splitlines() if line.startswith(name) and "#" not in line]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@contextmanager
def serving(folder: Path, model: Path, *options: str) -> Iterator[Served]:
    """Run an engine on a model until the block ends."""
    announce = folder / f"announce-{os.urandom(4).hex()}"
    command = [sys.executable, "-m", "fourways.engine", "--announce", str(announce), "--model", str(model)]
    process = subprocess.Popen([*command, "--name", "base", *options], stdin=subprocess.PIPE)
    try:
        while not announce.exists():
            time.sleep(0.02)
            assert process.poll() is None
        served = Served(process=process, port=json.loads(announce.read_text())["port"])
        while served.ask("/health")["status"] != "ok":
            time.sleep(0.05)
        yield served
    finally:
        process.terminate()
        process.wait(20)
