"""What the project's facts say for and against each way: thresholds as a table, each with its source. Pure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fourways.config.durations import say_duration
from fourways.config.testing import Facts
from fourways.evals.comparing.advice import Reason

S0 = "Four Ways that Enterprises Deploy LLMs"
S1 = "LLM Deployment: 4 Paths to Production"
S2 = "options for using an LLM in a company, and a checklist for running one reliably in production"
S3 = "Bolstering enterprise LLMs with machine learning operations foundations"
S4 = "Bridging Large Language Models and Business: LLMOps"
HERE = "measured here"
FACTS = "the project file"
OURS = "a threshold of this table"

ENOUGH = 10_000
"""Instructions: "a few thousands" end and "tens of thousands" begin."""
FAST, SLOW = timedelta(days=30), timedelta(days=180)
"""Read as "quickly outdated" and as "unlikely to change"; the source gives no figure."""
CORPUS = 10_000_000_000
"""Tokens read as "a large amount": 20 a parameter (Hoffmann et al. 2022) for half a billion parameters; BloombergGPT
had 700 billion."""
CRITICAL = 0.9
"""Accuracy from which a use counts as critical; the source gives no figure."""
SCRATCH_USD, TUNING_USD = 200_000, 100_000
"""The least that is published: "a few hundred thousand" of computing; $100 thousand, data and engineering included."""

TRAINED = ("finetune", "pretrain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table.

    Attributes:
        figure: the fact that it rests on, in words; "" where it does not apply.
        says: what follows.
        favours, against: ways that it speaks for or against.
        excludes: ways that it rules out.
    """

    figure: Callable[[Facts], str]
    says: str
    source: str
    favours: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A rule that applies, and the fact in words."""

    rule: Rule
    figure: str

    @property
    def reason(self) -> Reason:
        """The same as a reason for people."""
        return Reason(says=self.rule.says, figure=self.figure, source=self.rule.source)


# ---------------------------------------------------------------- the facts in words


def _instructions(facts: Facts, *, enough: bool) -> str:
    count = facts.instructions
    if count is None or (count >= ENOUGH) != enough:
        return ""
    return f"{count:,} instructions"


def _enough(facts: Facts) -> bool:
    return (facts.instructions or 0) >= ENOUGH and facts.data_quality != "poor"


def _changes(facts: Facts, *, fast: bool) -> str:
    every = facts.changes_every
    if every is None or not (every <= FAST if fast else every >= SLOW and _enough(facts)):
        return ""
    return f"changes every {say_duration(every)}"


def _corpus(facts: Facts, *, large: bool) -> str:
    tokens = facts.corpus_tokens
    return "" if tokens is None or (tokens >= CORPUS) != large else f"{tokens:,} tokens of text"


def _lacks(facts: Facts, skill: str) -> str:
    if not facts.expertise or skill in facts.expertise:
        return ""
    return f"expertise: {', '.join(facts.expertise)}"


def _below(facts: Facts, usd: float) -> str:
    return f"${facts.budget_usd:,.0f} to build it" if facts.budget_usd is not None and facts.budget_usd < usd else ""


def _when(condition: object, figure: str) -> str:
    return figure if condition else ""


RULES = (
    Rule(
        figure=lambda facts: _instructions(facts, enough=False),
        says="Hundreds or a few thousand instructions are not enough to justify fine-tuning; retrieval needs none.",
        source=S0,
        favours=("rag",),
        against=TRAINED,
    ),
    Rule(
        figure=lambda facts: _when(_enough(facts), _instructions(facts, enough=True)),
        says="Tens of thousands of instructions justify fine-tuning.",
        source=S0,
        favours=("finetune",),
    ),
    Rule(
        figure=lambda facts: _when(facts.data_quality == "poor", "data quality: poor"),
        says="Data to train on must be clean, balanced and to the point: quality counts, and not volume alone.",
        source=S4,
        against=TRAINED,
    ),
    Rule(
        figure=lambda facts: _when(facts.regulated and facts.personal_data, "regulated, with personal data"),
        says="Regulated personal data must not be trained into weights: taking it out means training again without it.",
        source=f"{S4}; {S2}",
        excludes=TRAINED,
    ),
    Rule(
        figure=lambda facts: _when(facts.personal_data, "personal data"),
        says="Private data is for a knowledge, from which it can be deleted, and not for fine-tuning.",
        source=S2,
        favours=("rag",),
        against=TRAINED,
    ),
    Rule(
        figure=lambda facts: _changes(facts, fast=True),
        says="What is soon outdated belongs into a knowledge, which is updated by itself, and not into weights.",
        source=f"{S2}; {OURS} (30 days)",
        favours=("rag",),
        against=TRAINED,
    ),
    Rule(
        figure=lambda facts: _changes(facts, fast=False),
        says="Fine-tuning suits information that is unlikely to change or be deleted.",
        source=f"{S2}; {OURS} (180 days)",
        favours=("finetune",),
    ),
    Rule(
        figure=lambda facts: _when(facts.domain == "general", "domain: general"),
        says="For general uses of language, prompting may be all that it takes.",
        source=S0,
        favours=("prompt",),
    ),
    Rule(
        figure=lambda facts: _when(facts.domain == "specific", "domain: specific"),
        says="Models of general text do not know what is specific to a domain, recent, or not public: retrieve it.",
        source=S0,
        favours=("rag",),
    ),
    Rule(
        figure=lambda facts: _when(facts.domain == "specific" and _enough(facts), "domain: specific, data in hand"),
        says="Fine-tuning is for targeted tasks.",
        source=S1,
        favours=("finetune",),
    ),
    Rule(
        figure=lambda facts: _when((facts.corpus_tokens or 0) and facts.domain != "frontier", "documents in hand"),
        says="Retrieval is for knowledge-intensive applications.",
        source=S1,
        favours=("rag",),
    ),
    Rule(
        figure=lambda facts: _when(facts.domain == "frontier", _corpus(facts, large=True)),
        says="A new frontier, with a very large amount of its text, is what training from scratch is for.",
        source=f"{S0}; {S1}; {OURS} (10 billion tokens)",
        favours=("pretrain",),
    ),
    Rule(
        figure=lambda facts: _corpus(facts, large=False),
        says="Training from scratch takes a very large amount of text; BloombergGPT took 700 billion tokens.",
        source=f"{S0}; {OURS} (10 billion tokens)",
        against=("pretrain",),
    ),
    Rule(
        figure=lambda facts: _when(
            _enough(facts) and (facts.accuracy_needed or 0) >= CRITICAL, f"accuracy needed: {facts.accuracy_needed}"
        ),
        says="What fine-tuning returns grows with the amount of data and how critical its use is.",
        source=f"{S0}; {OURS} (accuracy from 0.9)",
        favours=("finetune",),
    ),
    Rule(
        figure=lambda facts: _lacks(facts, "ml"),
        says="Training a model takes people who know machine learning.",
        source=S1,
        against=TRAINED,
    ),
    Rule(
        figure=lambda facts: _when(facts.expertise == ["prompting"], "expertise: prompting"),
        says="Prompting may be sufficient for many who have no other expertise.",
        source=S0,
        favours=("prompt",),
    ),
    Rule(
        figure=lambda facts: _lacks(facts, "distributed"),
        says="Training from scratch takes people who run clusters.",
        source=S1,
        against=("pretrain",),
    ),
    Rule(
        figure=lambda facts: _when(facts.gpus == 0, "no GPUs at hand"),
        says="Training from scratch takes a cluster of accelerators; fine-tuning can be bought as a service.",
        source=f"{S3}; {S0}",
        against=("pretrain",),
    ),
    Rule(
        figure=lambda facts: _below(facts, SCRATCH_USD),
        says="Training from scratch costs a few hundred thousand to a few million dollars.",
        source=S0,
        excludes=("pretrain",),
    ),
    Rule(
        figure=lambda facts: _below(facts, TUNING_USD),
        says="Fine-tuning costs $100 thousand to $1 million where data and engineering are counted.",
        source=S4,
        against=("finetune",),
    ),
)

QUICK = Reason(says="A prompt is the quick start: it is there at once and costs nothing to build.", source=S1)


# ---------------------------------------------------------------- what follows


def spoken(facts: Facts) -> tuple[Spoken, ...]:
    """Return the rules that apply to what the facts say, in the table's order."""
    return tuple(Spoken(rule=rule, figure=figure) for rule in RULES if (figure := rule.figure(facts)))


def ruled_out(facts: Facts, way: str) -> tuple[Reason, ...]:
    """Return why the facts rule a way out; nothing where they do not."""
    return tuple(one.reason for one in spoken(facts) if way in one.rule.excludes)


def for_way(facts: Facts, way: str) -> tuple[Reason, ...]:
    """Return what the facts say for a way."""
    return tuple(one.reason for one in spoken(facts) if way in one.rule.favours)


def against_way(facts: Facts, way: str) -> tuple[Reason, ...]:
    """Return what the facts say against a way, what rules it out included."""
    return tuple(one.reason for one in spoken(facts) if way in (*one.rule.against, *one.rule.excludes))


def balance(facts: Facts) -> Counter[str]:
    """Return how many rules more speak for a way than against it; each counts once."""
    counted: Counter[str] = Counter()
    for one in spoken(facts):
        counted.update(one.rule.favours)
        counted.subtract((*one.rule.against, *one.rule.excludes))
    return counted


def unsaid(facts: Facts) -> tuple[str, ...]:
    """Return the facts that the project file does not give."""
    return tuple(name for name in type(facts).model_fields if getattr(facts, name) in (None, []))
