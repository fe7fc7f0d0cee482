"""Test cases and suites as values: what is asked, what is expected, what must hold. Knows nothing of files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fourways.core.chat import Message, question_of
from fourways.core.ids import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One thing that must hold of an answer.

    Attributes:
        type: the scorer, a key of `SCORERS`.
        value: what it compares with; the case's own expectation where None.
        threshold: from which value on it passes (up to which, where lower is better); the scorer's own where None.
        metric: its name in the report; the type where "".
        model: the model that it asks, where it asks one; the suite's judge where "".
        options: what else the scorer takes.
    """

    type: str
    value: Any = None
    threshold: float | None = None
    metric: str = ""
    model: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.metric or self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case.

    Attributes:
        id: unique in its suite.
        messages: the conversation that is put, as on OpenAI's wire.
        expected: right answers, any of which will do; empty where none is known.
        context: texts that the answer should rest on; for scorers, never shown to the model.
        variables: values for the prompt's template.
        asserts: what must hold of the answer.
        metadata: `document` or `documents` (the right ones), `answerable`, `labels`, `kind`, ….
    """

    id: str
    messages: tuple[Message, ...]
    expected: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    asserts: tuple[Assertion, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input(self) -> str:
        """The question: what the last person wrote."""
        return question_of(self.messages)

    @property
    def answerable(self) -> bool:
        """Whether there is an answer at all; a case that says nothing of it has one."""
        return bool(self.metadata.get("answerable", True))

    @property
    def labels(self) -> frozenset[str]:
        """The labels to ask with: whoever has them may read more."""
        return frozenset(self.metadata.get("labels", ()))

    @property
    def documents(self) -> tuple[str, ...]:
        """The right documents (globs), where the case names any."""
        named = self.metadata.get("documents", self.metadata.get("document", ()))
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def asked(self) -> str:
        """Digest of all that reaches the model: cases with the same one have the same answer."""
        return digest([[dict(message) for message in self.messages], dict(self.variables), sorted(self.labels)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Cases that are asked and reported together."""

    name: str
    cases: tuple[Case, ...]

    @property
    def digest(self) -> str:
        """Names the cases and what must hold of them."""
        return digest([_plain(case) for case in self.cases])

    def first(self, count: int | None) -> "Suite":
        """Return the suite with its first cases only; itself where None."""
        return self if count is None else Suite(name=self.name, cases=self.cases[:count])


def _plain(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "asked": case.asked,
        "expected": list(case.expected),
        "context": list(case.context),
        "metadata": dict(case.metadata),
        "asserts": [
            [one.type, one.value, one.threshold, one.metric, one.model, dict(one.options)] for one in case.asserts
        ],
    }
