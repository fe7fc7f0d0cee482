"""The real data: documents written into a project's folder, and the questions asked of them with what is right."""

import csv
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

SAMPLE = Path(__file__).resolve().parents[2] / "src" / "fourways" / "samples" / "helpdesk"

COMPANIES = re.compile(r"\b(apple|amazon|intel|microsoft|nvidia|aapl|amzn|intc|msft|nvda)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with what is right.

    Attributes:
        documents: globs of the documents' names; any of them is right.
        answer: words that the quoted sentences must hold; "" where only the document is known.
        group: what halves and breakdowns go by: the number of the article for XQuAD.
    """

    question: str
    documents: tuple[str, ...] = ()
    answer: str = ""
    group: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A query of a test collection with the gain of each relevant document."""

    query: str
    gains: Mapping[str, float]
    grades: Mapping[str, float]


# ---------------------------------------------------------------- XQuAD


def write_xquad(folder: Path) -> None:
    """Write each of the 240 passages as a document of its own, named by a number that gives nothing away."""
    for number, (_, paragraph) in enumerate(_paragraphs("en")):
        (folder / _passage(number)).write_text(paragraph["context"] + "\n", encoding="utf-8")


def xquad_cases(language: str = "en") -> list[Case]:
    """Return the 1,190 questions of a language with the English exact answers and the passage they stand in."""
    english = {qa["id"]: qa["answers"][0]["text"] for _, paragraph in _paragraphs("en") for qa in paragraph["qas"]}
    return [
        Case(question=qa["question"], documents=(_passage(number),), answer=english[qa["id"]], group=article)
        for number, (article, paragraph) in enumerate(_paragraphs(language))
        for qa in paragraph["qas"]
    ]


def _paragraphs(language: str) -> list[tuple[int, dict]]:
    data = json.loads((DATA / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    return [(number, paragraph) for number, article in enumerate(data) for paragraph in article["paragraphs"]]


def _passage(number: int) -> str:
    return f"passage-{number:03}.txt"


# ---------------------------------------------------------------- Cranfield


def write_cranfield(folder: Path) -> None:
    """Write each of the 1,400 abstracts as a Markdown document under its title."""
    for record in _records("cran.all.1400"):
        number, _, rest = record.partition("\n.T\n")
        title, _, after = rest.partition("\n.A\n")
        text = after.partition("\n.W\n")[2].strip()
        (folder / _abstract(int(number))).write_text(f"# {' '.join(title.split())}\n\n{text}\n", encoding="utf-8")


def cranfield_cases() -> list[Judged]:
    """Return the 225 queries. Every judged pair is worth 1, as in the figures that we compare with.

    One pair a query is marked -1: the paper whose author asked the question. `grades` counts 1 to 4, and it as 0.
    """
    judged: dict[int, dict[str, int]] = {}
    for line in (DATA / "cranfield" / "cranqrel").read_text().splitlines():
        query, document, grade = map(int, line.split()[:3])
        judged.setdefault(query, {})[_abstract(document)] = grade
    return [
        Judged(
            query=" ".join(record.partition("\n.W\n")[2].split()),
            gains=dict.fromkeys(judged[number], 1.0),
            grades={name: float(max(0, grade)) for name, grade in judged[number].items()},
        )
        for number, record in enumerate(_records("cran.qry"), 1)
    ]


def _abstract(number: int) -> str:
    return f"{number:04}.md"


def _records(name: str) -> list[str]:
    return re.split(r"^\.I ", (DATA / "cranfield" / name).read_text(), flags=re.MULTILINE)[1:]


# ---------------------------------------------------------------- quarterly reports


def write_sec_10q(folder: Path) -> None:
    """Copy the 20 quarterly reports."""
    for file in sorted((DATA / "sec_10q" / "docs").glob("*.pdf")):
        shutil.copyfile(file, folder / file.name)


def sec_10q_cases() -> list[Case]:
    """Return the questions that name a company, with the globs of the files that answer them."""
    with (DATA / "sec_10q" / "questions.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [
        Case(question=row["Question"].strip(), documents=tuple(re.split(r"\s*,\s*", row["Source Docs"].strip())))
        for row in rows
        if COMPANIES.search(row["Question"])
    ]


# ---------------------------------------------------------------- the bundled sample


def write_helpdesk(folder: Path) -> None:
    """Copy the sample's documents, those of HR too: labels are no matter here."""
    shutil.copytree(SAMPLE / "docs", folder, dirs_exist_ok=True)


def helpdesk_cases(name: str) -> list[Case]:
    """Return the sample's own questions: `tuning` (120) or `testing` (80); those without a document have no answer."""
    lines = (SAMPLE / "tests" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Case(
            question=row["input"],
            documents=(row["metadata"]["document"].removeprefix("docs/"),) if row["metadata"]["answerable"] else (),
            answer=row["expected_output"],
        )
        for row in rows
    ]


# ---------------------------------------------------------------- the handbook


def write_handbook(folder: Path) -> None:
    """Copy the handbook's 247 pages as they are: all of its Markdown, and the front page."""
    root = DATA / "handbook_18f" / "pages"
    for file in (root / "index.html", *sorted(root.rglob("*.md"))):
        target = folder / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def handbook_cases() -> list[Case]:
    """Return ten questions of our own, with the page and words that answer each."""
    return [Case(question=question, documents=(f"*{page}",), answer=answer) for question, page, answer in _HANDBOOK]


_HANDBOOK = (
    ("How many hours of advanced sick leave can I request?", "advanced-sick-leave.md", "240 hours"),
    ("How soon must GSA IT be notified of a suspected security incident?", "security-incidents.md", "within 1 hour"),
    ("Which password manager is recommended?", "password-requirements.md", "KeePassXC"),
    ("Who can a mortgage lender contact to verify my income?", "employment-verification.md", "TWN"),
    ("How many weeks of FMLA can I take to care for an ill servicemember?", "fmla.md", "26 weeks"),
    ("On what day of the week are new badges processed?", "piv.md", "Wednesday"),
    ("From which price on must the Office of Acquisition be involved?", "procurements-over-10000.md", "$10,000"),
    ("Who is eligible for a transit subsidy?", "transit-benefit.md", "All GSA employees"),
    ("May I use my personal Docker Hub account for work?", "docker-hub.md", "personal Docker Hub account"),
    ("Who awards the bounty for a reported vulnerability?", "bug-bounty.md", "GSA SecOps"),
)
