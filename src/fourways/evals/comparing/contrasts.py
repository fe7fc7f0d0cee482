"""Cases that the ways answered unlike, chosen for people to look at. Pure."""

from collections.abc import Mapping

from fourways.core.report import CaseResult, Report
from fourways.evals.comparing.comparison import Contrast, Reply
from fourways.evals.measuring import values_of

SHOWN = 12
"""Cases that are shown at most."""


def contrasts(reports: Mapping[str, Report], primary: str, *, lower: bool) -> tuple[Contrast, ...]:
    """Choose cases that were answered unlike, of each way's victories in turn, the clearest first.

    Args:
        reports: by way.
        primary: the metric that counts.
        lower: whether it is better when lower.
    """
    values = {way: values_of(report, primary) for way, report in reports.items()}
    results = {way: {result.id: result for result in report.results} for way, report in reports.items()}
    won: dict[str, list[tuple[float, str]]] = {way: [] for way in reports}
    for case in _common(results):
        scored = {way: of[case] * (-1 if lower else 1) for way, of in values.items() if case in of}
        if len(scored) > 1 and (apart := max(scored.values()) - min(scored.values())) > 0:
            won[max(scored, key=lambda way: scored[way])].append((apart, case))
    queues = [iter(sorted(cases, key=lambda one: -one[0])) for cases in won.values() if cases]
    chosen: list[str] = []
    while queues and len(chosen) < SHOWN:
        queue = queues.pop(0)
        taken = next(queue, None)
        if taken is not None:
            chosen.append(taken[1])
            queues.append(queue)
    return tuple(_contrast(case, results, values) for case in chosen)


def _common(results: Mapping[str, Mapping[str, CaseResult]]) -> list[str]:
    first, *others = results.values() or ({},)
    return [case for case in first if all(case in other for other in others)]


def _contrast(
    case: str, results: Mapping[str, Mapping[str, CaseResult]], values: Mapping[str, Mapping[str, float]]
) -> Contrast:
    one = next(iter(results.values()))[case]
    replies = tuple(
        Reply(
            way=way,
            text=of[case].answer.text,
            value=values[way].get(case),
            passed=of[case].passed,
            abstained=of[case].answer.abstained,
            error=of[case].answer.error,
        )
        for way, of in results.items()
    )
    return Contrast(case=case, input=one.input, expected=one.expected, replies=replies)
