"""The recipe of fourways-small: what it reads, in what order. `python -m fourways.training.small --out DIR`."""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from fourways.training.batches import Maker, Recipe, Stage
from fourways.training.chats import varied
from fourways.training.cloze import ask_about, read_pages, sentences_of
from fourways.training.decoder import Size, save
from fourways.training.facts import Document, write_events, write_facts
from fourways.training.inventing import Inventor
from fourways.training.pretrain import train
from fourways.training.tokenizer import END, PAD, SPECIAL, learn_tokenizer, save_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PIECES = 2560
SIZE = Size(vocabulary=PIECES, width=256, layers=6, heads=4, head=64, hidden=768)


@dataclass(frozen=True, slots=True)
class Invented:
    """Makes documents of invented facts, or of events: how many, drawn anew each time.

    Attributes:
        write: makes a passage of so many of them.
        most: questions on one.
        low, high: the fewest and most of them.
        pages: a folder whose sentences are strewn in, in the share `strewn` of the documents.
    """

    write: Callable[..., Document]
    most: int
    low: int
    high: int
    pages: str = ""
    strewn: float = 0.0

    def __call__(self, chance: random.Random, _tokenizer: "Tokenizer") -> str:
        """Write one."""
        count = chance.randint(self.low, self.high)
        filler = _sentences(self.pages) if self.pages and chance.random() < self.strewn else ()
        document = self.write(Inventor(chance), count, questions=min(self.most, 2 + count), filler=filler)
        return varied(document, chance)


Facts = partial(Invented, write_facts, 8)
Events = partial(Invented, write_events, 10)


class Cloze:
    """Makes documents of the handbook's pages with questions cut from them."""

    def __init__(self, pages: str, low: int, high: int) -> None:
        """Take the folder, and the fewest and most sentences of a passage."""
        self.pages, self.low, self.high = pages, low, high

    def __call__(self, chance: random.Random, _tokenizer: "Tokenizer") -> str:
        """Write one."""
        document = ask_about(_pages(self.pages), chance, sentences=chance.randint(self.low, self.high))
        return varied(document, chance)


class Prose:
    """Passes on stretches of the handbook, all of which is learned: plain language."""

    def __init__(self, pages: str) -> None:
        """Take the folder."""
        self.pages = pages

    def __call__(self, chance: random.Random, _tokenizer: "Tokenizer") -> str:
        """Cut one."""
        page = chance.choice(_pages(self.pages))
        start = chance.randrange(len(page))
        return " ".join(page[start : start + 4])[:600]


class Repeats:
    """Makes runs of random tokens that come twice or more: what copying heads form on."""

    def __call__(self, chance: random.Random, tokenizer: "Tokenizer") -> list[int]:
        """Make one."""
        run = [chance.randrange(5, tokenizer.get_vocab_size()) for _ in range(chance.randint(4, 24))]
        between = [chance.randrange(5, tokenizer.get_vocab_size()) for _ in range(chance.randint(0, 6))]
        return [*run, *between, *run]


@lru_cache(maxsize=2)
def _pages(folder: str) -> tuple[tuple[str, ...], ...]:
    return read_pages(Path(folder))


@lru_cache(maxsize=2)
def _sentences(folder: str) -> tuple[str, ...]:
    return sentences_of(_pages(folder))


def stages(pages: str, tokens: int) -> tuple[Stage, ...]:
    """Divide so many tokens: copying first, then more and more facts, the earlier ones mixed in, prose all along."""

    def part(name: str, share: float, mixture: Sequence[tuple[float, Maker]], lengths: dict[int, float]) -> Stage:
        return Stage(
            name=name,
            tokens=round(share * tokens),
            mixture=tuple(mixture),
            lengths=tuple((weight, length) for length, weight in lengths.items()),
        )

    repeats, prose = Repeats(), Prose(pages)
    return (
        part("copy", 0.02, [(3, repeats), (1, prose), (2, Facts(1, 1))], {128: 1}),
        part(
            "one",
            0.05,
            [(0.4, repeats), (0.3, prose), (3, Facts(1, 2)), (1, Events(1, 1)), (0.7, Cloze(pages, 1, 1))],
            {128: 1},
        ),
        part(
            "few",
            0.10,
            [(0.2, repeats), (0.2, prose), (2, Facts(1, 4)), (1, Events(1, 2)), (0.7, Cloze(pages, 1, 2))],
            {128: 1, 256: 1},
        ),
        part(
            "many",
            0.58,
            [
                (0.1, repeats),
                (0.2, prose),
                (0.5, Facts(1, 3)),
                (1.5, Facts(3, 8, pages, 0.2)),
                (1.2, Events(1, 5)),
                (1.0, Cloze(pages, 1, 4)),
            ],
            {256: 1},
        ),
        part(
            "long",
            0.25,
            [
                (0.05, repeats),
                (0.2, prose),
                (0.3, Facts(1, 3)),
                (1.0, Facts(3, 12, pages, 0.3)),
                (1.2, Events(2, 8, pages, 0.2)),
                (1.0, Cloze(pages, 2, 9)),
            ],
            {256: 1, 512: 1},
        ),
    )


def texts_for_tokenizer(pages: str, seed: int) -> list[str]:
    """Gather what the tokenizer learns from: the pages, and invented passages of about a fifth of their length."""
    prose = [" ".join(page) for page in _pages(pages)]
    wanted, chance = sum(map(len, prose)) // 5, random.Random(seed)
    invented: list[str] = []
    while wanted > 0:
        write = chance.choice((write_facts, write_events))
        document = write(Inventor(chance), 6, questions=4)
        invented.append(" ".join([document.passage, *(one.question for one in document.asked)]))
        wanted -= len(invented[-1])
    return prose + invented


def main() -> None:
    """Make the small model: tokenizer, training, weights as transformers reads them, scores."""
    from tokenizers import Tokenizer

    from fourways.training.scoring import examine, watch_unseen

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, required=True, help="a folder; a run begun in it is gone on with")
    options.add_argument("--pages", type=Path, default=Path("../shared/data/handbook_18f/pages"), help="Markdown")
    options.add_argument("--minutes", type=float, default=60.0, help="of training")
    options.add_argument(
        "--speed", type=float, default=15_000.0, help="tokens a second that the machine is taken to do"
    )
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--xquad", type=Path, default=None, help="xquad.en.json, to be scored on, never trained on")
    options.add_argument("--pause", type=Path, default=None, help="while this file exists, nothing is computed")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path, pages = given.out / "tokenizer.json", str(given.pages)
    if not path.exists():
        learn_tokenizer(texts_for_tokenizer(pages, given.seed), size=PIECES).save(str(path))
    tokenizer = Tokenizer.from_file(str(path))
    recipe = Recipe(size=SIZE, stages=stages(pages, round(given.minutes * 60 * given.speed)), seed=given.seed)
    model = train(recipe, tokenizer, given.out, watch=watch_unseen(tokenizer), pause=given.pause)
    save(model, given.out, end=SPECIAL[END], pad=SPECIAL[PAD])
    save_tokenizer(tokenizer, given.out, window=SIZE.window)
    scores = {"tokens": recipe.steps() * recipe.batch, **examine(model, tokenizer, given.xquad)}
    (given.out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")


if __name__ == "__main__":
    main()
