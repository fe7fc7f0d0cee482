"""JUnit XML, as CI servers read it: a test case for each case, its misses as failures, the measures as properties."""

from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fourways.core.report import CaseResult, Report
from fourways.core.verdict import Verdict
from fourways.evals.measuring import undecided
from fourways.evals.rendering.text import cut, legal

LONGEST = 20_000
"""Characters of a text that are written."""
GATE = "the gate"
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""What a suite counts, and the element that it counts."""


def junit_xml(report: Report, verdict: Verdict | None = None) -> str:
    """Return the report as JUnit XML; a gate's rules come last, as cases of their own.

    A rule that could not be told is a failure too: a skipped check is never passed. A case of which it cannot be told
    is skipped: whether that matters is for the gate to say.
    """
    root = Element("testsuites")
    began = datetime.fromtimestamp(report.started_at, UTC).isoformat(timespec="seconds")
    suite = SubElement(root, "testsuite", name=f"{report.model} / {report.suite}", timestamp=began)
    properties = SubElement(suite, "properties")
    for name, value in _properties(report).items():
        SubElement(properties, "property", name=name, value=value)
    for result in report.results:
        _case(suite, report, result)
    for rule in verdict.rules if verdict is not None else ():
        case = SubElement(suite, "testcase", classname=GATE, name=rule.rule, time="0")
        if not rule.passed:
            SubElement(case, "failure", message=rule.reason or rule.bound)
    suite.set("tests", str(len(suite.findall("testcase"))))
    for counted, element in COUNTED.items():
        suite.set(counted, str(len(suite.findall(f"testcase/{element}"))))
    suite.set("time", f"{report.seconds:.3f}")
    root.attrib.update({name: suite.attrib[name] for name in ("tests", *COUNTED, "time")})
    indent(root)
    return legal('<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n")


def _properties(report: Report) -> dict[str, str]:
    named = {"report": report.id, "candidate": report.candidate, "suite_digest": report.suite_digest}
    for measure in report.measures:
        one = measure.estimate
        named[measure.metric] = f"{one.value:.6g} ({one.low:.6g} to {one.high:.6g}, n = {one.n})"
    return named


def _case(suite: Element, report: Report, result: CaseResult) -> None:
    answer = result.answer
    case = SubElement(suite, "testcase", classname=report.suite, name=result.id, time=f"{answer.seconds:.3f}")
    reasons = "; ".join(
        f"{score.metric}: {score.reason or score.value}" for score in result.scores if score.passed is False
    )
    if answer.error:
        SubElement(case, "error", message=cut(answer.error, LONGEST))
    elif undecided(result):
        SubElement(case, "skipped", message=cut(reasons, LONGEST) or "nothing had to hold")
    elif not result.passed:
        failure = SubElement(case, "failure", message=cut(reasons, LONGEST))
        failure.text = cut(f"question: {result.input}\nexpected: {result.expected}\nanswer: {answer.text}", LONGEST)
    SubElement(case, "system-out").text = cut(answer.text, LONGEST)
