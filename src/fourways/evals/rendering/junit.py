"""JUnit XML, as CI servers read it: a test case for each case, its misses as failures, the measures as properties."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fourways.core.report import CaseResult, Report
from fourways.core.verdict import Verdict

LONGEST = 20_000
"""Characters of an answer that are written."""
GATE = "the gate"


def junit_xml(report: Report, verdict: Verdict | None = None) -> str:
    """Return the report as JUnit XML; a gate's rules come last, as cases of their own.

    A rule that could not be told is a failure too: a skipped check is never passed.
    """
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", name=legal(f"{report.model} / {report.suite}"))
    properties = SubElement(suite, "properties")
    for measure in report.measures:
        one = measure.estimate
        value = f"{one.value:.6g} ({one.low:.6g} to {one.high:.6g}, n = {one.n})"
        SubElement(properties, "property", name=measure.metric, value=value)
    for result in report.results:
        _case(suite, report, result)
    for rule in verdict.rules if verdict is not None else ():
        case = SubElement(suite, "testcase", classname=GATE, name=legal(rule.rule), time="0")
        if not rule.passed:
            SubElement(case, "failure", message=legal(rule.reason or rule.bound))
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("time", f"{report.seconds:.3f}")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, report: Report, result: CaseResult) -> None:
    answer = result.answer
    case = SubElement(
        suite, "testcase", classname=legal(report.suite), name=legal(result.id), time=f"{answer.seconds:.3f}"
    )
    if answer.error:
        SubElement(case, "error", message=legal(answer.error))
    elif not result.passed:
        missed = [score for score in result.scores if score.passed is False]
        message = "; ".join(f"{score.metric}: {score.reason or score.value}" for score in missed)
        failure = SubElement(case, "failure", message=legal(message))
        failure.text = legal(f"question: {result.input}\nexpected: {result.expected}\nanswer: {answer.text}"[:LONGEST])
    SubElement(case, "system-out").text = legal(answer.text[:LONGEST])


def legal(text: str) -> str:
    """Return a text without the characters that XML 1.0 forbids (§2.2)."""
    return "".join(letter if _is_legal(ord(letter)) else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _is_legal(code: int) -> bool:
    return code in {0x9, 0xA, 0xD} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000  # noqa: PLR2004 - the standard's ranges
