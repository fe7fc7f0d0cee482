"""The small model's tokenizer: byte-level BPE of few pieces, digits one by one, so that no word is out of reach."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL: Mapping[str, int] = MappingProxyType({PAD: 0, END: 1, SYSTEM: 2, USER: 3, ASSISTANT: 4})
"""The tokens that no text can write, with their numbers."""

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Each turn is its role's token, its text, and the token that ends it."""

_PIECES = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]|\s+"


def learn_tokenizer(texts: Iterable[str], *, size: int) -> "Tokenizer":
    """Learn a byte-level BPE (Sennrich et al. 2016) from texts.

    Every text is read as if a space stood before it: a word at the start of an answer is then the same pieces as within
    a passage, and copying it is copying.

    Args:
        texts: what it will read, in about the proportions in which it will read it.
        size: pieces, the 256 bytes and the special ones counted in.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: "Tokenizer", folder: Path, *, window: int) -> None:
    """Write the tokenizer as transformers reads it, with the chat's template.

    Args:
        tokenizer: as learned.
        folder: exists.
        window: tokens that the model is meant for.
    """
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
        "model_max_length": window,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
