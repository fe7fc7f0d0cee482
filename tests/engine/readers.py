"""Span readers of a second's making: one whose weights are left to chance, one set by hand to quote two words."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from fourways.engine.folders import find_folder

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.3,
}
FILLER = "The harbour was dredged again and the ferries went on as before. "


def make_reader(folder: Path, **settings: Any) -> Path:
    """Write a random reader, saved by transformers, with MiniLM's word pieces."""
    import transformers

    library: Any = transformers
    torch.manual_seed(settings.pop("seed", 1))
    save(library.BertForQuestionAnswering(library.BertConfig(**TINY | settings)), folder)
    return folder


def make_finder(folder: Path) -> Path:
    """Write a reader without layers that takes "anna" for an answer's beginning and "smith" for its end."""
    import transformers

    library: Any = transformers
    config = library.BertConfig(hidden_size=8, num_hidden_layers=0, num_attention_heads=1, intermediate_size=8)
    model = library.BertForQuestionAnswering(config)
    ids = library.AutoTokenizer.from_pretrained(find_folder("minilm")).convert_tokens_to_ids(["anna", "smith"])
    with torch.no_grad():
        for parameter in model.bert.embeddings.parameters():
            parameter.zero_()
        model.bert.embeddings.LayerNorm.weight.fill_(1)
        words = model.bert.embeddings.word_embeddings.weight
        words[ids[0], 0] = words[ids[1], 1] = 9
        model.qa_outputs.weight.copy_(torch.eye(2, 8) - torch.eye(8)[7])
        model.qa_outputs.bias.zero_()
    save(model, folder)
    return folder


def save(model: Any, folder: Path) -> None:
    """Write a model and MiniLM's tokenizer."""
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(find_folder("minilm") / name, folder)


def edit(folder: Path, **settings: Any) -> None:
    """Change a folder's `config.json`; None takes a setting out."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | settings
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


def asking(question: str, *texts: str) -> list[dict[str, str]]:
    """Return a chat that shows texts and asks."""
    shown = [{"role": "user", "content": text} for text in texts]
    return [*shown, {"role": "user", "content": question}]
