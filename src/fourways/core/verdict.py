"""What every judge returns: a `Verdict`, always with its reasons; and `Passed`, the proof that something may go on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fourways.core.errors import Refused

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One rule's word.

    Attributes:
        rule: its name, as people configured or know it: `token_f1 at least 0.6`.
        passed: None where it could not be told: too little was seen, or a check was skipped. That is never a pass.
        figure: what was measured; None where nothing was.
        bound: what it had to be, in words: `≥ 0.6`, `live - 0.05`.
        reason: one sentence for a person.
    """

    rule: str
    passed: bool | None
    figure: float | None = None
    bound: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judgement: what each rule said, and what follows."""

    rules: tuple[RuleResult, ...]

    @property
    def outcome(self) -> Outcome:
        """`fail` where any rule failed, else `inconclusive` where any could not be told or none was asked."""
        if any(rule.passed is False for rule in self.rules):
            return "fail"
        return "pass" if self.rules and all(rule.passed for rule in self.rules) else "inconclusive"

    @property
    def reasons(self) -> tuple[str, ...]:
        """What stands in the way, a sentence a rule; nothing where it passed."""
        return tuple(f"{rule.rule}: {rule.reason or rule.bound}" for rule in self.rules if not rule.passed)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON, to be kept and shown; `read_verdict` is the way back."""
        return {"outcome": self.outcome, "rules": [asdict(rule) for rule in self.rules]}


def read_verdict(plain: Mapping[str, Any]) -> Verdict:
    """Return a verdict from its JSON; the outcome follows from the rules, whatever the JSON claims."""
    return Verdict(rules=tuple(RuleResult(**rule) for rule in plain["rules"]))


class Passed:
    """The proof that a candidate passed a gate. Only `prove` makes one, and only of a verdict that is a pass."""

    __slots__ = ("candidate", "verdict")

    def __init__(self, verdict: Verdict, candidate: str, *, _sealed: object = None) -> None:
        if _sealed is not _SEAL:
            raise TypeError("a Passed is made by prove(verdict, candidate) and by nothing else")
        self.verdict = verdict
        self.candidate = candidate


_SEAL = object()


def prove(verdict: Verdict, candidate: str) -> Passed:
    """Return the proof that a verdict lets a candidate (by its digest) go on.

    Raises:
        Refused: the verdict is no pass; the message gives its reasons.
    """
    if verdict.outcome != "pass":
        raise Refused(verdict.outcome, verdict.reasons)
    return Passed(verdict, candidate, _sealed=_SEAL)
