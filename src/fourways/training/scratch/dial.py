"""One dial for training from scratch: a size, a time or a sum sets all the rest; each figure with the rule it is by."""

import math

from fourways.core.errors import InvalidRequest
from fourways.training.planning.hardware import hardware_named
from fourways.training.scratch import scaling
from fourways.training.scratch.asked import Dial, Overrides
from fourways.training.scratch.derived import Derived, Machine, Shape, Text

__all__ = ["Derived", "Machine", "Shape", "Text", "derive", "machine_of"]

HOUR = 3600.0
OVERHEAD = 12.0
"""Seconds of a run that are not training: starting, cleaning, the tokenizer, writing (docs/log.md)."""
COMPILING, COMPILED = 40.0, 1.35
"""Seconds that torch.compile takes on two cores, at most, and by how much steps are faster for it (docs/log.md)."""
HANDBOOK = 3e6
"""Tokens up to which a corpus is a handbook, to be known by heart, and not a language to be learned."""
HANDBOOK_CHATS, CHATS = 0.9, 0.05
"""Share of the tokens that the instruction stage gets, where there are chats: of a handbook, of a corpus."""
HANDBOOK_DOCUMENTS = 0.1
"""Tokens of documents that are mixed into the instruction stage of a handbook, by tokens of chats."""
MOST_WORDINGS = 24
"""Of a question: each is tokens on disk."""
OFTEN, MOST_PIECES = 24, 4096
"""How often a piece of a handbook's vocabulary occurs, about, and the most pieces: whole words, so that questions are
short and each word is known at once (measured: docs/log.md)."""
HANDBOOK_BATCH = 2048
"""Tokens a step on a handbook: many small steps know more by heart than fewer large ones (measured: docs/log.md)."""
GIVEN = "given"


def machine_of(dial: Dial, *, cores: int) -> Machine:
    """Return the hardware that a dial names, or so many cores of the table's server: to reckon with, unmeasured.

    Raises:
        NotFound: the table has no such hardware.
    """
    row = hardware_named(dial.hardware or "cpu")
    share = 1.0 if dial.hardware else min(1.0, cores / 16)
    price = row.price.likely * share if dial.usd_per_hour is None else dial.usd_per_hour
    return Machine(
        name=row.name,
        flops=row.tflops * 1e12 * share,
        utilisation=row.utilisation.likely if row.utilisation else 0.40,
        usd_per_hour=price,
        watts=row.watts * share,
        source="table of hardware (fourways plan), not measured",
    )


def derive(dial: Dial, text: Text, machine: Machine, *, tokens_per_second: float | None = None) -> Derived:
    """Turn the dial; where nothing is turned, the corpus decides.

    Args:
        dial: what is asked for.
        text: what there is to learn from.
        machine: decides what a time or a sum buys.
        tokens_per_second: of this model in training, where it was measured; else `machine.speed` is reckoned with.

    Raises:
        InvalidRequest: there is nothing to learn from, or too little time.
    """
    if not text.characters > 0:
        raise InvalidRequest("the corpus is empty; right would be some pages of text", param="data.train")
    seconds = _budget(dial, machine)
    why: dict[str, str] = {}
    unique = sum(text.counted(dial.set.vocabulary or 2048))
    target = _parameters(dial, text, unique, seconds, machine, why)
    heart = unique <= HANDBOOK and dial.parameters() is None
    shape = _shape(dial.set, target, unique, why, heart=heart)
    speed = tokens_per_second or machine.speed / shape.flops_a_token
    budget = None if seconds is None else speed * seconds
    most = _tokens(shape, sum(text.counted(shape.vocabulary)), budget, why)
    measured = tokens_per_second is not None
    why["tokens_per_second"] = "measured" if measured else f"{machine.speed:.3g} FLOP/s: {machine.source}"
    return _schedule(dial, shape, text, most, speed, machine, why)


def _budget(dial: Dial, machine: Machine) -> float | None:
    """Return the seconds of training that a time or a sum buys; None where neither is given."""
    if dial.minutes is None and dial.usd is None:
        return None
    given = dial.minutes * 60 if dial.minutes is not None else (dial.usd or 0.0) / machine.usd_per_hour * HOUR
    if given <= OVERHEAD:
        msg = f"{given:.0f} s are too few: starting and cleaning take {OVERHEAD:.0f}; right would be a minute or more"
        raise InvalidRequest(msg, param="pretrain")
    return given - OVERHEAD


def _parameters(
    dial: Dial, text: Text, unique: float, seconds: float | None, machine: Machine, why: dict[str, str]
) -> float:
    given = dial.parameters()
    if given is not None:
        why["parameters"] = f"nearest to the {given:,.0f} given"
        return given
    if unique <= HANDBOOK:
        why["parameters"] = "a handbook: a bit of its text each (Shannon 1951; Allen-Zhu & Li 2024), and the vocabulary"
        return max(3e5, scaling.knowledge_parameters(text.characters + text.chat_characters))
    if seconds is None:
        why["parameters"] = "a twentieth of the tokens (Hoffmann 2022)"
        return scaling.AS_GOOD_AS_NEW * unique / scaling.TOKENS_A_PARAMETER
    why["parameters"] = "least predicted loss for budget and corpus (Hoffmann 2022; Muennighoff 2023, eq. 7)"
    return scaling.best_parameters(seconds * machine.speed, unique)


def _shape(given: Overrides, target: float, unique: float, why: dict[str, str], *, heart: bool) -> Shape:
    """Divide parameters into depth, width, heads and vocabulary.

    Args:
        target: parameters of all; of the blocks alone where a text is to be known by heart.
        heart: whether it is.
    """
    vocabulary = given.vocabulary or 0
    blocks = target
    for _ in range(8):  # the vocabulary takes its part of the parameters, and is by the rest
        layers = given.layers or scaling.depth_of(blocks)
        width = given.width or _multiple(math.sqrt(blocks / 12 / layers), 64 if blocks > 2e6 else 32)  # noqa: PLR2004
        pieces = vocabulary or _pieces(blocks, width, unique, heart=heart)
        blocks = target if heart else max(0.3 * target, target - pieces * width)
    why["layers"] = f"width is about {scaling.ASPECT} times the depth (Kaplan 2020, fig. 5)"
    why["width"] = "12·layers·width² are the blocks' parameters (Kaplan 2020)"
    why["vocabulary"] = (
        f"one for each {OFTEN} tokens, at most {MOST_PIECES:,}: whole words (docs/log.md)"
        if heart
        else "grows as parameters^.83 (Tao 2024), bounded by the corpus"
    )
    why["heads"] = "of 64, of 32 in narrow models"
    why["hidden"] = "8/3 of the width: three matrices as large as two of 4 (Shazeer 2020)"
    why["length"] = "twice the width: attention a sixth of the computing (Kaplan 2020, table 1)"
    shape = Shape(
        vocabulary=pieces,
        layers=layers,
        width=width,
        heads=given.heads or width // (64 if width % 64 == 0 and width >= 256 else 32),  # noqa: PLR2004
        hidden=given.hidden or _multiple(8 / 3 * width, 32),
        length=given.length or scaling.length_of(width),
    )
    if shape.width % shape.heads or shape.head % 2:
        msg = (
            f"a width of {width} in {shape.heads} heads is {width / shape.heads:g} each; right would be an even number"
        )
        raise InvalidRequest(msg, param="pretrain.set.heads")
    for name in ("vocabulary", "layers", "width", "heads", "hidden", "length"):
        if getattr(given, name) is not None:
            why[name] = GIVEN
    return shape


def _pieces(blocks: float, width: int, unique: float, *, heart: bool) -> int:
    """Return a vocabulary: by the law, or of whole words; no piece too rare, room for bytes and special tokens."""
    wanted = min(MOST_PIECES if heart else scaling.vocabulary_of(blocks, width), unique / OFTEN)
    return max(512, _multiple(wanted, 128))


def _multiple(value: float, of: int) -> int:
    return max(of, round(value / of) * of)


def _tokens(shape: Shape, unique: float, budget: float | None, why: dict[str, str]) -> float:
    """Return the tokens of both stages."""
    if unique <= HANDBOOK:
        known = scaling.EXPOSURES * unique
        if budget is None:
            why["tokens"] = f"a handbook: {scaling.EXPOSURES:g} exposures of each fact (Allen-Zhu & Li 2024)"
            return known
        why["tokens"] = "what the budget buys; at most 1000 exposures of each fact (Allen-Zhu & Li 2024)"
        return min(budget, 10 * known)
    if budget is not None:
        why["tokens"] = "what the budget buys"
        return budget
    why["tokens"] = (
        f"{scaling.TOKENS_A_PARAMETER:g} a parameter (Hoffmann 2022), at most "
        f"{scaling.AS_GOOD_AS_NEW:g} epochs (Muennighoff 2023)"
    )
    return min(scaling.TOKENS_A_PARAMETER * shape.parameters, scaling.AS_GOOD_AS_NEW * unique)


def _schedule(
    dial: Dial,
    shape: Shape,
    text: Text,
    most: float,
    speed: float,
    machine: Machine,
    why: dict[str, str],
) -> Derived:
    """Part the tokens between the stages and say at what rates they are learned."""
    given = dial.set
    documents, chats = text.counted(shape.vocabulary)
    handbook = documents + chats <= HANDBOOK
    share = 0.0 if not chats else (HANDBOOK_CHATS if handbook else CHATS)
    chat_tokens = given.chat_tokens or most * share
    tokens = given.tokens or most - most * share
    flops = shape.flops_a_token * (tokens + chat_tokens)
    batch = given.batch or _multiple(HANDBOOK_BATCH if handbook else scaling.batch_tokens(flops), shape.length)
    if batch % shape.length:
        raise InvalidRequest(
            f"a batch of {batch} tokens is no whole number of rows; right would be a multiple of {shape.length}",
            param="pretrain.set.batch",
        )
    steps, chat_steps = max(1, round(tokens / batch)), round(chat_tokens / batch)
    seconds = (steps + chat_steps) * batch / speed
    rules = {
        "chat_tokens": f"{share:.0%} of all tokens",
        "documents": "tokens of documents by tokens of chats, that none is forgotten",
        "wordings": "another for each epoch of the chats (Wei & Zou 2019)"
        if handbook
        else "none: chats are read once or twice",
        "batch": "a handbook: many small steps (docs/log.md)" if handbook else "0.292·C^.327 tokens (Bi 2024, eq. 1)",
        "optimizer": "measured beside AdamW (docs/log.md)",
        "muon_rate": "the same at any width (Jordan 2024)",
        "adam_rate": "0.3118·C^-.125 (Bi 2024, eq. 1)",
        "warmup": "share of the steps (Hu 2024)",
        "decay": "share of the steps, falling linearly to zero (Hu 2024)",
        "weight_decay": "usual (Hoffmann 2022; Touvron 2023)",
        "valid": "share of the documents, held out",
        "compile": f"where it saves more than the {COMPILING:.0f} s that it takes (docs/log.md)",
    }
    why |= {
        "head": "width by heads",
        "epochs": "tokens by the documents' tokens",
        "chat_epochs": "tokens by the chats' tokens",
        "steps": "tokens by batch",
        "chat_steps": "tokens by batch",
        "flops": "6 a parameter and token (Kaplan 2020), and attention's",
        "seconds": f"{speed:,.0f} tokens/s and {OVERHEAD:.0f} s around them",
        "usd": f"{machine.usd_per_hour:.3g} an hour: {machine.name}",
        "joules": f"{machine.watts:.3g} W rated: {machine.name}",
        **{name: rule if getattr(given, name, None) is None else GIVEN for name, rule in rules.items()},
    }
    total = seconds + OVERHEAD
    return Derived(
        shape=shape,
        tokens=steps * batch,
        epochs=steps * batch / max(1.0, documents),
        chat_tokens=chat_steps * batch,
        chat_epochs=chat_steps * batch / max(1.0, chats),
        documents=(HANDBOOK_DOCUMENTS if handbook else 0.0) if dial.documents is None else dial.documents,
        wordings=given.wordings
        if given.wordings is not None
        else _wordings(chat_steps * batch, chats, handbook=handbook),
        batch=batch,
        steps=steps,
        chat_steps=chat_steps,
        optimizer=given.optimizer or "muon",
        muon_rate=given.muon_rate or 0.02,
        adam_rate=given.adam_rate or scaling.adam_rate(flops),
        warmup=0.02 if given.warmup is None else given.warmup,
        decay=0.4 if given.decay is None else given.decay,
        weight_decay=0.1 if given.weight_decay is None else given.weight_decay,
        valid=0.02 if given.valid is None else given.valid,
        compile=seconds * (1 - 1 / COMPILED) > COMPILING if given.compile is None else given.compile,
        flops=(steps + chat_steps) * batch * shape.flops_a_token,
        tokens_per_second=speed,
        seconds=total,
        usd=total / HOUR * machine.usd_per_hour,
        joules=total * machine.watts,
        why=why,
    )


def _wordings(tokens: float, chats: float, *, handbook: bool) -> int:
    return min(MOST_WORDINGS, math.ceil(tokens / chats)) if handbook and chats else 0
