"""The recipe of fourways-small: what it reads, in what order. `python -m fourways.training.reader.small --out DIR`."""

import argparse
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from fourways.training.decoder import Size, load, save
from fourways.training.reader.batches import Document, Maker, Recipe, Stage
from fourways.training.reader.chats import varied, with_sources
from fourways.training.reader.cloze import ask_about, read_pages, sentences_of
from fourways.training.reader.facts import Document as Passage
from fourways.training.reader.facts import write_events, write_facts
from fourways.training.reader.inventing import Inventor, english
from fourways.training.reader.pretrain import train
from fourways.training.reader.tables import write_list, write_table
from fourways.training.tokenizer import END, PAD, SPECIAL, learn_tokenizer, save_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PIECES = 2560
SIZE = Size(vocabulary=PIECES, width=256, layers=6, heads=4, head=64, hidden=768)

RATE, COOL = 0.01, 0.95
"""Muon's rate, and the share of all steps in which it falls: small batches want it low, and falling soon."""


@dataclass(frozen=True, slots=True)
class Invented:
    """Makes documents of invented facts, events, tables or lists: how many, drawn anew each time.

    Attributes:
        write: makes a passage of so many of them.
        most: questions on one; each is asked for about twice up to that.
        low, high: the fewest and most of them.
        pages: a folder whose sentences are strewn in, in the share `strewn` of the documents.
    """

    write: Callable[..., Passage]
    most: int
    low: int
    high: int
    pages: str = ""
    strewn: float = 0.0

    def make(self, chance: random.Random) -> Passage:
        """Write a passage and its questions."""
        count = chance.randint(self.low, self.high)
        more = {"filler": _sentences(self.pages)} if self.pages and chance.random() < self.strewn else {}
        return self.write(Inventor(chance), count, questions=min(self.most, 4 + 2 * count), **more)

    def __call__(self, chance: random.Random, _tokenizer: "Tokenizer") -> Document:
        """Write one."""
        return varied(self.make(chance), chance)


Facts = partial(Invented, partial(write_facts, alike=0.4), 20)
Events = partial(Invented, write_events, 24)
Tables = partial(Invented, write_table, 16)
Lists = partial(Invented, write_list, 12)


class Cloze:
    """Makes documents of the handbook's pages with questions cut from them."""

    def __init__(self, pages: str, low: int, high: int) -> None:
        """Take the folder, and the fewest and most sentences of a passage."""
        self.pages, self.low, self.high = pages, low, high

    def make(self, chance: random.Random) -> Passage:
        """Cut a passage and its questions."""
        count = chance.randint(self.low, self.high)
        return ask_about(_pages(self.pages), chance, sentences=count, questions=4 + 2 * count)

    def __call__(self, chance: random.Random, _tokenizer: "Tokenizer") -> Document:
        """Write one."""
        return varied(self.make(chance), chance)


@dataclass(frozen=True, slots=True)
class Sources:
    """Makes prompts as way `rag` writes them: two to so many passages as numbered sources, and rules."""

    makers: tuple[Invented | Cloze, ...]
    most: int

    def __call__(self, chance: random.Random, _tokenizer: "Tokenizer") -> Document:
        """Write one."""
        count = chance.randint(1, self.most)
        return with_sources([chance.choice(self.makers).make(chance) for _ in range(count)], chance)


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


def _digest(folder: str) -> str:
    return hashlib.sha256(repr(_pages(folder)).encode()).hexdigest()[:12]


def _origin(base: Path | None) -> str:
    return hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()[:12] if base else "noise"


@lru_cache(maxsize=2)
def _sentences(folder: str) -> tuple[str, ...]:
    return sentences_of(_pages(folder))


def stages(pages: str, tokens: int, *, begun: bool = False) -> tuple[Stage, ...]:
    """Divide so many tokens: copying first, then more and more facts, the earlier ones mixed in, prose all along.

    Args:
        pages: a folder of Markdown.
        tokens: of all stages.
        begun: the weights can copy already, and the first two stages are left out.
    """
    left = 0.9 if begun else 1.0

    def part(name: str, share: float, mixture: Sequence[tuple[float, Maker]], lengths: dict[int, float]) -> Stage:
        return Stage(
            name=name,
            tokens=round(share / left * tokens),
            mixture=tuple(mixture),
            lengths=tuple((weight, length) for length, weight in lengths.items()),
        )

    repeats, prose, few, cut = Repeats(), Prose(pages), Facts(1, 3), Cloze(pages, 1, 4)
    read = (Facts(1, 4), Events(1, 3), Tables(2, 5), Lists(2, 6), Cloze(pages, 1, 3))
    parts = (
        part("copy", 0.02, [(3, repeats), (1, prose), (3, Facts(1, 1))], {256: 1}),
        part(
            "one",
            0.08,
            [(0.3, repeats), (0.3, prose), (3, Facts(1, 2)), (0.8, Events(1, 1)), (0.4, Cloze(pages, 1, 1))],
            {256: 1},
        ),
        part(
            "few",
            0.15,
            [
                (0.1, repeats),
                (0.1, prose),
                (2.5, Facts(1, 4)),
                (0.8, Events(1, 2)),
                (0.5, Cloze(pages, 1, 2)),
                (0.4, Tables(1, 4)),
                (0.3, Lists(2, 5)),
            ],
            {256: 1},
        ),
        part(
            "many",
            0.45,
            [
                (0.1, repeats),
                (0.1, prose),
                (0.8, few),
                (2.2, Facts(3, 8, pages, 0.15)),
                (0.8, Events(1, 4)),
                (0.5, cut),
                (0.4, Tables(2, 6)),
                (0.3, Lists(2, 8)),
                (0.3, Sources(read, 2)),
            ],
            {512: 1},
        ),
        part(
            "long",
            0.30,
            [
                (0.1, prose),
                (0.6, few),
                (2.0, Facts(4, 10, pages, 0.2)),
                (0.8, Events(2, 6, pages, 0.2)),
                (0.6, Cloze(pages, 2, 7)),
                (0.4, Tables(2, 8)),
                (0.3, Lists(3, 9)),
                (0.7, Sources(read, 3)),
            ],
            {512: 1},
        ),
    )
    return parts[2:] if begun else parts


def texts_for_tokenizer(pages: str, seed: int) -> list[str]:
    """Gather what the tokenizer learns from: the pages, invented passages, English words, the frequent ones oftener."""
    prose = [" ".join(page) for page in _pages(pages)]
    wanted, chance = sum(map(len, prose)) // 2, random.Random(seed)
    invented: list[str] = []
    while wanted > 0:
        write = chance.choice((write_facts, write_facts, write_events, write_table, write_list))
        document = write(Inventor(chance), 6, questions=8)
        invented.append(" ".join([document.passage, *(one.question for one in document.asked)]))
        wanted -= len(invented[-1])
    listed = english()[:12000]
    words = [" ".join([word, word.capitalize()] * (1 + 30_000 // (1000 + rank))) for rank, word in enumerate(listed)]
    return prose + invented + words


def main() -> None:
    """Make the small model: tokenizer, training, weights as transformers reads them, scores."""
    from tokenizers import Tokenizer

    from fourways.training.reader.scoring import examine, watch_unseen

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, required=True, help="a folder; a run begun in it is gone on with")
    options.add_argument("--pages", type=Path, default=Path("../shared/data/handbook_18f/pages"), help="Markdown")
    options.add_argument("--minutes", type=float, default=60.0, help="of training")
    options.add_argument(
        "--speed", type=float, default=15_000.0, help="tokens a second that the machine is taken to do"
    )
    options.add_argument("--tokens", type=float, default=None, help="of training, in millions; instead of minutes")
    options.add_argument("--rate", type=float, default=RATE, help="Muon's, at its highest")
    options.add_argument("--cool", type=float, default=COOL, help="the share of all steps in which it falls")
    options.add_argument("--base", type=Path, default=None, help="a folder of its weights to begin with, not noise")
    options.add_argument("--replan", action="store_true", help="go on in the folder with other arguments than before")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--xquad", type=Path, default=None, help="xquad.en.json, to be scored on, never trained on")
    options.add_argument("--pause", type=Path, default=None, help="while this file exists, nothing is computed")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path, pages = given.out / "tokenizer.json", str(given.pages)
    if given.base and not path.exists():
        path.write_bytes((given.base / "tokenizer.json").read_bytes())
    if not path.exists():
        learn_tokenizer(texts_for_tokenizer(pages, given.seed), size=PIECES).save(str(path))
    tokenizer = Tokenizer.from_file(str(path))
    tokens = round(given.tokens * 1e6) if given.tokens else round(given.minutes * 60 * given.speed)
    recipe = Recipe(
        size=SIZE,
        stages=stages(pages, tokens, begun=given.base is not None),
        seed=given.seed,
        muon_rate=given.rate,
        cool=given.cool,
        name=f"fourways-small from {_origin(given.base)}, {tokens} tokens, rate {given.rate} "
        f"falling in {given.cool}, seed {given.seed}, pages {_digest(pages)}",
    )
    model = train(
        recipe,
        tokenizer,
        given.out,
        start=partial(load, folder=given.base) if given.base else None,
        replan=given.replan,
        watch=watch_unseen(tokenizer),
        pause=given.pause,
    )
    save(model, given.out, end=SPECIAL[END], pad=SPECIAL[PAD])
    save_tokenizer(tokenizer, given.out, window=SIZE.window)
    scores = {"tokens": recipe.steps() * recipe.batch, **examine(model, tokenizer, given.xquad)}
    (given.out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")


if __name__ == "__main__":
    main()
