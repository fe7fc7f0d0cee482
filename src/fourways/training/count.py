"""A program that counts a base's tokens: JSON texts in, one a line; counts out, one a line. It alone loads a tokenizer.

python -m fourways.training.count FOLDER < texts > counts
"""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

AT_ONCE = 512
"""Texts that are cut into tokens together."""


def counts(folder: Path, texts: Iterable[str]) -> Iterator[int]:
    """Count the tokens of texts, without the special ones that a tokenizer adds by itself.

    Args:
        folder: of the base; it has a tokenizer.json.
        texts: as they are trained on.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    left = iter(texts)
    while batch := list(islice(left, AT_ONCE)):
        yield from (len(one.ids) for one in tokenizer.encode_batch(batch, add_special_tokens=False))


def main(arguments: list[str]) -> int:
    """Count; exit 2 where the folder has no tokenizer that can be read."""
    folder = Path(arguments[0])
    if not (folder / "tokenizer.json").is_file():
        sys.stderr.write(f"fourways.training.count: {folder} has no tokenizer.json\n")
        return 2
    for count in counts(folder, (json.loads(line) for line in sys.stdin)):
        sys.stdout.write(f"{count}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
