"""What stands under a comparison in small print: what the costs assume, and how it was measured. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from fourways.core.report import Report
from fourways.evals.comparing.comparison import Arm

STAND_INS = {
    "echo": "`echo` says back what it was asked; a stand-in that tells nothing of what a language model would do",
    "fourways-small": "`fourways-small` has but a few million weights, to travel in the package; larger ones do better",
    "fourways-reader": "`fourways-reader` quotes from what it is shown and cannot write; a language model could",
    "extractive": "`extractive` quotes documents and is no language model; one would answer in its own words",
}
"""Models whose figures must not be taken for a language model's."""


def assumptions(arms: Sequence[Arm]) -> Iterator[str]:
    """Say what the costs assume, a sentence each."""
    if not arms:
        return
    one = arms[0].economy
    yield (
        f"A machine costs ${one.usd_per_hour:g} an hour (facts: machine_usd_per_hour), 730 hours a month; each way "
        f"keeps {one.standing} standing whatever the traffic."
    )
    yield (
        f"A machine is full at {one.utilisation:.0%} of what it was measured to carry, in a busiest hour that has "
        f"{one.peak:g} times the mean hour's traffic; then one more is needed."
    )
    yield f"Building is spread over {one.months:g} months. People's time is in no figure."
    for arm in arms:
        if arm.timing is not None:
            yield f"{arm.way}: {arm.timing.how}."


def notes(reports: Mapping[str, Report], arms: Sequence[Arm], primary: str) -> Iterator[str]:
    """Say what a reader should know of how it was measured, a sentence each."""
    for arm in arms:
        report = reports[arm.way]
        reused = sum(result.reused for result in report.results)
        stand_in = STAND_INS.get(arm.model.partition("+")[0])
        if stand_in:
            yield f"{arm.way}: {stand_in}."
        if arm.measure(primary) is None:
            yield f"{arm.way}: {primary} was not measured, so that it cannot be recommended; see `tests: primary`."
        if report.stopped:
            yield f"{arm.way}: not all cases were asked: {report.stopped}."
        if arm.failed:
            yield f"{arm.way}: {arm.failed} answers broke off; they count as not passed."
        if reused:
            yield f"{arm.way}: {reused} of {arm.cases} answers are from an earlier run of the same candidate."
        if not arm.economy.priced:
            yield f"{arm.way}: what {arm.model} costs is not known; give its price under `providers:` (prices)."
        if arm.build.earlier:
            yield f"{arm.way}: part of it was built before; its build time is what was left to do."
        if any(receiver.does == "embeds" for receiver in arm.traits.outside):
            yield f"{arm.way}: what the service asks for embedding the documents is in no figure."
        if arm.timing is None:
            yield f"{arm.way}: nothing could be timed, as every answer broke off."
