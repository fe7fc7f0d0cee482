"""Other wordings of questions, by rule: an answer is to be learned from what is asked for and not from how.

Words are left out, frequent ones put in, endings and capitals changed, as in easy data augmentation (Wei & Zou 2019).
No language is assumed: frequent is what many of the questions have.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fourways.training.rows import Chat, Turn

LONGEST = 40
"""Words of a question that is put in other words; longer ones are texts, and stay."""
FREQUENT = 60
"""Words that are put in at random: so many of the most frequent."""
ENDINGS = ("ing", "ed", "s")
STEM = 4
"""Letters that a word has at least whose ending is changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How much a question is changed, each a chance: of a word, or (`lower`, `bare`) of the whole."""

    left_out: float = 0.12
    put_in: float = 0.08
    ending: float = 0.08
    lower: float = 0.4
    bare: float = 0.3


def frequent_words(chats: Sequence[Chat]) -> list[str]:
    """Return the most frequent words of what users say."""
    counts: Counter[str] = Counter()
    for chat in chats:
        for turn in chat.messages:
            if turn.role == "user":
                counts.update(turn.content.lower().rstrip("?.!").split())
    return [word for word, _ in counts.most_common(FREQUENT)]


def reworded(chats: Sequence[Chat], times: int, seed: int, noise: Noise | None = None) -> Iterator[Chat]:
    """Yield each chat as it is, and so many times in other words.

    Args:
        chats: what is asked and answered.
        times: 0 for the chats alone.
        seed: decides the wordings.
        noise: None for the usual.
    """
    chance, frequent, how = random.Random(f"wordings/{seed}"), frequent_words(chats), noise or Noise()
    yield from chats
    for _ in range(times):
        for chat in chats:
            yield Chat(
                messages=tuple(
                    Turn(turn.role, _reworded(turn.content, frequent, chance, how)) if turn.role == "user" else turn
                    for turn in chat.messages
                )
            )


def _reworded(question: str, frequent: Sequence[str], chance: random.Random, noise: Noise) -> str:
    words = question.split()
    if not 1 < len(words) <= LONGEST:
        return question
    kept: list[str] = []
    for word in words:
        if chance.random() < noise.left_out:
            continue
        if chance.random() < noise.put_in:
            kept.append(chance.choice(frequent))
        kept.append(_with_another_ending(word, chance) if chance.random() < noise.ending else word)
    text = " ".join(kept or words)
    if chance.random() < noise.bare:
        text = text.rstrip("?.!")
    return text.lower() if chance.random() < noise.lower else text


def _with_another_ending(word: str, chance: random.Random) -> str:
    if len(word) <= STEM or not word.isalpha():
        return word
    has = next((ending for ending in ENDINGS if word.endswith(ending)), "")
    return word.removesuffix(has) if has else word + chance.choice(ENDINGS)
