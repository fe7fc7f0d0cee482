"""The helpdesk sample: answers stand in the documents, pages are as many as promised, the project loads."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from fourways import samples
from fourways.config.load import load_project
from fourways.config.tree import FileSource
from fourways.knowledge.parse import parse

HELPDESK = samples.folder("helpdesk")
KINDS = {"fact", "procedure", "table", "version", "site", "acl", "pdf", "docx", "xlsx", "unanswerable"}
BINARIES = ("acceptable-use-policy.pdf", "laptop-hand-over-guide.docx", "software-and-licence-register.xlsx")
ALIKE = 0.6
"""Share of common words above which two questions count as the same."""


def questions(name: str) -> list[dict[str, Any]]:
    lines = (HELPDESK / "tests" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


TUNING, TESTING = questions("tuning"), questions("testing")
EVERY = [*TUNING, *TESTING]


def test_what_is_learned_from_is_what_was_asked_without_what_only_hr_may_know() -> None:
    lines = (HELPDESK / "data" / "asked.jsonl").read_text(encoding="utf-8").splitlines()
    learned = [tuple(message["content"] for message in json.loads(line)["messages"]) for line in lines]
    project = load_project(HELPDESK, {})
    tuned = project.apps["helpdesk"].ways.finetune
    assert tuned is not None
    asked = [case for case in TUNING if not case["metadata"].get("labels")]
    assert learned == [(case["input"], case["expected_output"] or tuned.abstain_text) for case in asked]


def answerable(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [case for case in cases if case["metadata"]["answerable"]]


def squeezed(text: str) -> str:
    """Lower-case, without emphasis, one space between words."""
    return " ".join(re.sub(r"[*`]", "", text).lower().split())


@cache
def text_of(document: str) -> str:
    path = HELPDESK / document
    return squeezed(READERS[path.suffix](path))


def markdown_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n---\n", 1)[1]


def pdf_of(path: Path) -> str:
    import pypdfium2

    with pypdfium2.PdfDocument(path) as pdf:
        return "\n".join(page.get_textpage().get_text_range() for page in pdf)


def office_of(path: Path) -> str:
    return parse(path.read_bytes(), uri=path.name).text


READERS = {".md": markdown_of, ".pdf": pdf_of, ".docx": office_of, ".xlsx": office_of}


def test_120_questions_are_for_tuning_and_80_for_testing() -> None:
    assert (len(TUNING), len(TESTING)) == (120, 80)
    assert len({case["id"] for case in EVERY}) == 200


def test_20_test_questions_and_a_tenth_of_the_others_have_no_answer() -> None:
    assert len(TESTING) - len(answerable(TESTING)) == 20
    assert len(TUNING) - len(answerable(TUNING)) == 12


@pytest.mark.parametrize("case", answerable(EVERY), ids=lambda case: case["id"])
def test_the_answer_stands_in_the_named_document(case: dict[str, Any]) -> None:
    answer = squeezed(case["expected_output"])
    assert answer
    # not inside a longer word or figure: "4" is no answer because "14" is there
    assert re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text_of(case["metadata"]["document"]))


def test_what_cannot_be_answered_names_no_document() -> None:
    for case in EVERY:
        unanswerable = case["metadata"]["kind"] == "unanswerable"
        assert case["metadata"]["answerable"] is not unanswerable
        if unanswerable:
            assert case["expected_output"] == ""
            assert "document" not in case["metadata"]


def test_both_files_hold_every_kind_of_question() -> None:
    assert {case["metadata"]["kind"] for case in TUNING} == KINDS
    assert {case["metadata"]["kind"] for case in TESTING} == KINDS


def test_questions_about_restricted_pages_say_which_label_they_need() -> None:
    for case in answerable(EVERY):
        restricted = case["metadata"]["document"].startswith("docs/hr/")
        assert case["metadata"].get("labels", []) == (["hr"] if restricted else [])
        assert (case["metadata"]["kind"] == "acl") is restricted


def test_every_document_but_the_overviews_is_asked_about() -> None:
    asked = {case["metadata"]["document"] for case in answerable(EVERY)}
    there = {str(path.relative_to(HELPDESK)) for path in (HELPDESK / "docs").rglob("*") if path.is_file()}
    assert there - asked == {"docs/glossary.md"}


def test_no_two_questions_are_alike() -> None:
    words = [(case["id"], set(re.findall(r"\w+", case["input"].lower()))) for case in EVERY]
    pairs = ((a, b) for n, a in enumerate(words) for b in words[:n])
    alike = [(a[0], b[0]) for a, b in pairs if len(a[1] & b[1]) / len(a[1] | b[1]) > ALIKE]
    assert alike == []


def test_questions_are_not_copied_from_the_documents() -> None:
    for case in answerable(EVERY):
        assert squeezed(case["input"]).rstrip("?.!") not in text_of(case["metadata"]["document"])


def test_no_fact_is_asked_for_in_both_files() -> None:
    tuned, tested = (
        {(case["metadata"]["document"], squeezed(case["expected_output"])) for case in answerable(cases)}
        for cases in (TUNING, TESTING)
    )
    assert tuned & tested == set()


def test_there_are_40_pages_and_more_each_with_front_matter() -> None:
    pages = sorted((HELPDESK / "docs").rglob("*.md"))
    assert len(pages) >= 38
    for page in pages:
        front = yaml.safe_load(page.read_text(encoding="utf-8").split("---\n")[1])
        assert {"title", "owner", "reviewed", "status"} <= set(front), page.name
        assert 150 <= len(markdown_of(page).split()) <= 500, page.name


def test_each_archived_page_and_its_successor_name_each_other() -> None:
    fronts = {
        page.name: yaml.safe_load(page.read_text(encoding="utf-8").split("---\n")[1])
        for page in (HELPDESK / "docs").glob("*.md")
    }
    archived = {name: front["superseded_by"] for name, front in fronts.items() if front["status"] == "superseded"}
    assert len(archived) == 3
    for old, new in archived.items():
        assert fronts[new]["replaces"] == old
        assert "superseded" in text_of(f"docs/{old}")


def test_one_page_is_for_hr_only_in_its_front_matter_and_in_the_project_file() -> None:
    restricted = [p for p in (HELPDESK / "docs").rglob("*.md") if "\nacl: [hr]\n" in p.read_text(encoding="utf-8")]
    assert [path.name for path in restricted] == ["offboarding-investigations.md"]
    sources = load_project(HELPDESK, {}).knowledge["handbook"].sources
    files = [source for source in sources if isinstance(source, FileSource)]
    assert [(source.paths, source.exclude, source.acl) for source in files] == [
        (["docs"], ["docs/hr/**"], []),
        (["docs/hr"], [], ["hr"]),
    ]


def test_the_binaries_are_small() -> None:
    assert {path.name for path in (HELPDESK / "docs/files").iterdir()} == set(BINARIES)
    assert all((HELPDESK / "docs/files" / name).stat().st_size < 100_000 for name in BINARIES)


def test_the_project_has_both_ways_and_serves_retrieval() -> None:
    app = load_project(HELPDESK, {}).apps["helpdesk"]
    assert app.default_way == "rag"
    assert app.ways.prompt is not None
    assert app.ways.rag is not None
    assert (app.tests.files, app.tests.tuning) == (["tests/testing.jsonl"], ["tests/tuning.jsonl"])


def test_both_prompts_are_filled_by_the_variables_of_the_project_file() -> None:
    from jinja2 import Environment, StrictUndefined

    ways = load_project(HELPDESK, {}).apps["helpdesk"].ways
    for way in (ways.prompt, ways.rag):
        assert way is not None
        assert way.template is not None
        source = (HELPDESK / way.template).read_text(encoding="utf-8")
        text = Environment(undefined=StrictUndefined, autoescape=False).from_string(source).render(way.variables)
        assert "Tarnbeck Optics" in text
        assert "{" not in text
