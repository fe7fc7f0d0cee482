"""Draws what may hold between two things: a relation of the table, or an attribute, known or made up, of any kind."""
# ruff: noqa: PLR2004 - a generator is made of shares

from collections.abc import Sequence

from fourways.training.reader.inventing import ADJECTIVES, Inventor
from fourways.training.reader.relations import RELATIONS, Relation

ATTRIBUTE_SAYS = (
    "The {a} of {s} is {v}.",
    "{s} has {v} as its {a}.",
    "{v} is the {a} of {s}.",
    "{s}'s {a} is {v}.",
    "The {a} of {s} was {v}.",
    "As for {s}, the {a} is {v}.",
    "For {s}, the {a} is {v}.",
    "{s} ({a}: {v}).",
    "{s} chose {v} for its {a}.",
    "They say that the {a} of {s} is {v}.",
)
ATTRIBUTE_ASKS = (
    "What is the {a} of {s}?",
    "What is {s}'s {a}?",
    "What was the {a} of {s}?",
    "Which {a} does {s} have?",
    "What {a} does {s} have?",
    "Tell me the {a} of {s}.",
    "The {a} of {s} is what?",
    "What does {s} have as its {a}?",
    "{s}: what {a}?",
)
ATTRIBUTE_TURNS = ("What has {v} as its {a}?", "{v} is the {a} of what?", "Whose {a} is {v}?")
ATTRIBUTES = (
    "colour name price owner size weight height length code number password address capital language leader director "
    "chairman captain manager author founder creator inventor designer architect builder supplier sponsor partner "
    "successor predecessor teacher mother father brother sister wife husband friend rival neighbour doctor secretary "
    "deputy location origin source birthplace home office headquarters station deadline date year age limit maximum "
    "minimum average speed temperature capacity population area depth distance duration budget salary rent fee tax "
    "fine cost prize reward score result rank grade level status type kind model version brand label title topic "
    "theme motto symbol flag currency religion song extension contact mascot nickname purpose goal task duty role job "
    "profession hobby sport room floor seat desk locker gate platform route material fabric shape pattern flavour "
    "smell sound taste texture coating cover engine fuel battery crop export ingredient"
).split()


def invent_relation(inventor: Inventor) -> Relation:
    """Draw a relation of the table, or make one up: an attribute, known or invented, of any kind."""
    if inventor.chance.random() < 0.6:
        return inventor.chance.choice(RELATIONS)
    shape = inventor.chance.random()
    attribute = inventor.pick(ATTRIBUTES) if shape < 0.6 else inventor.word()
    if 0.4 < shape < 0.6:
        attribute = f"{inventor.pick(ADJECTIVES)} {attribute}"
    subject = inventor.chance.choice(("person", "thing", "group", "town", "thing", "name"))

    def named(forms: Sequence[str]) -> tuple[str, ...]:
        return tuple(form.replace("{a}", attribute) for form in forms)

    return Relation(
        subject=subject,
        value="anything",
        says=named(ATTRIBUTE_SAYS),
        asks=named(ATTRIBUTE_ASKS),
        turns=named(ATTRIBUTE_TURNS),
    )
