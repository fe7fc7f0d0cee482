"""What is measured on each corpus: a function each, all through the running house; `MEASURES` names them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from benchmarks.quality.corpora import (
    Case,
    Judged,
    cranfield_cases,
    handbook_cases,
    helpdesk_cases,
    sec_10q_cases,
    xquad_cases,
)
from benchmarks.quality.house import Asked, Progress, ask_all
from benchmarks.quality.metrics import first_of_each, interval, ndcg
from fourways.bootstrap import House
from fourways.core.data import Hit
from fourways.models.strength import strength
from fourways.models.words import content_words
from fourways.training.reader.scoring import f1, plain

PASSAGES_A_DOCUMENT = 3
"""Passages searched for each rank that counts: several of one document count once."""
THRESHOLDS = tuple(round(0.30 + 0.02 * step, 2) for step in range(16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        least, most: what was asked for; None where the figure is only reported.
        of: questions it is a share or mean of.
    """

    corpus: str
    what: str
    value: float
    of: int
    least: float | None = None
    most: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def holds(self) -> bool | None:
        """Whether it is as asked for; None where nothing was asked."""
        if self.least is None and self.most is None:
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)


def share(
    corpus: str, what: str, hits: Sequence[bool], *, least: float | None = None, most: float | None = None
) -> Figure:
    """Make a figure of how often something was so, with its 95 % interval."""
    low, high = interval(sum(hits), len(hits))
    value = sum(hits) / len(hits)
    return Figure(corpus=corpus, what=what, value=value, of=len(hits), least=least, most=most, low=low, high=high)


def mean(corpus: str, what: str, values: Sequence[float], *, least: float | None = None) -> Figure:
    """Make a figure of a mean."""
    return Figure(corpus=corpus, what=what, value=sum(values) / len(values), of=len(values), least=least)


# ---------------------------------------------------------------- what was right


def right_document(name: str, case: Case) -> bool:
    """Whether a document is one of those that answer."""
    return any(fnmatchcase(name, f"*{glob}") for glob in case.documents)


def found_right(asked: Asked, case: Case, depth: int) -> bool:
    """Whether a right document is among the first found."""
    return any(right_document(name, case) for name in first_of_each(asked.found)[:depth])


def cites_right(asked: Asked, case: Case) -> bool:
    """Whether a right document is quoted."""
    return any(right_document(citation.document, case) for citation in asked.quotes)


def quotes_answer(asked: Asked, case: Case, depth: int = 99) -> bool:
    """Whether one of the first quotations holds the exact answer."""
    return any(case.answer in citation.quote for citation in asked.quotes[:depth])


# ---------------------------------------------------------------- measures


async def xquad(house: House, progress: Progress) -> list[Figure]:
    """240 passages, 1,190 questions, exact answers."""
    cases = xquad_cases()
    asked = await ask_all(house, "xquad", [case.question for case in cases], progress, "xquad")
    pairs = list(zip(asked, cases, strict=True))
    answering = [(one, case) for one, case in pairs if one.quotes]
    name = "xquad"
    return [
        share(name, "right passage among first 5", [found_right(*pair, 5) for pair in pairs], least=0.97),
        share(name, "right passage first", [found_right(*pair, 1) for pair in pairs]),
        share(name, "exact answer quoted", [quotes_answer(*pair) for pair in pairs], least=0.75),
        share(name, "… articles tuned on", [quotes_answer(*pair) for pair in pairs if pair[1].group % 2 == 0]),
        share(name, "… articles not tuned on", [quotes_answer(*pair) for pair in pairs if pair[1].group % 2]),
        share(name, "… in the best sentence", [quotes_answer(*pair, 1) for pair in pairs]),
        share(name, "… in the best two", [quotes_answer(*pair, 2) for pair in pairs]),
        share(name, "right passage quoted", [cites_right(*pair) for pair in pairs]),
        share(name, "the answer and nothing else", [plain(one.text) == plain(case.answer) for one, case in pairs]),
        mean(name, "F1 of the words", [f1(one.text, case.answer) for one, case in pairs]),
        mean(name, "sentences quoted", [len(one.quotes) for one, _ in answering]),
        mean(name, "words quoted", [len(one.text.split()) for one, _ in answering]),
        share(name, "abstained", [one.abstained for one in asked], most=0.08),
        mean(name, "seconds a question, 8 at once", [one.seconds for one in asked]),
    ]


async def cranfield(house: House, progress: Progress) -> list[Figure]:
    """1,400 abstracts, 225 queries with relevance judgements; search alone."""
    cases = cranfield_cases()
    ranked: list[list[str]] = []
    for done, case in enumerate(cases, 1):
        hits = await search(house, "cranfield", case.query, 10 * PASSAGES_A_DOCUMENT)
        ranked.append([hit.passage.document.rpartition("/")[2] for hit in hits])
        progress("cranfield", done, len(cases))
    scores = [_scores(found, case) for found, case in zip(ranked, cases, strict=True)]
    return [
        mean("cranfield", "nDCG@10", [plain for plain, _ in scores], least=0.56),
        mean("cranfield", "nDCG@10, graded, source papers left out", [graded for _, graded in scores]),
    ]


def _scores(found: Sequence[str], case: Judged) -> tuple[float, float]:
    names = first_of_each(found)
    return ndcg(names, case.gains), ndcg(names, case.grades)


async def sec_10q(house: House, progress: Progress) -> list[Figure]:
    """20 quarterly reports (PDF); the questions that name a company."""
    cases = sec_10q_cases()
    asked = await ask_all(house, "sec_10q", [case.question for case in cases], progress, "sec_10q")
    pairs = list(zip(asked, cases, strict=True))
    return [
        documents(house, "sec_10q", 20),
        share("sec_10q", "right file cited", [cites_right(*pair) for pair in pairs], least=0.75),
        share("sec_10q", "right file cited first", [cites_right_first(*pair) for pair in pairs]),
        share("sec_10q", "right file among those found", [found_right(*pair, 99) for pair in pairs]),
        share("sec_10q", "abstained", [one.abstained for one in asked]),
    ]


def cites_right_first(asked: Asked, case: Case) -> bool:
    """Whether the best quotation is of a right document."""
    return bool(asked.quotes) and right_document(asked.quotes[0].document, case)


async def handbook(house: House, progress: Progress) -> list[Figure]:
    """247 pages, ten questions of our own."""
    cases = handbook_cases()
    asked = await ask_all(house, "handbook", [case.question for case in cases], progress, "handbook")
    pairs = list(zip(asked, cases, strict=True))
    return [
        documents(house, "handbook", 247),
        share("handbook", "answered from the right page", [cites_right(*pair) for pair in pairs], least=1.0),
        share("handbook", "the answer's words quoted", [quotes_answer(*pair) for pair in pairs]),
    ]


async def helpdesk(house: House, progress: Progress) -> list[Figure]:
    """The bundled sample, whose questions were written apart from it: tables, old versions, none of it tuned on."""
    cases = [*helpdesk_cases("tuning"), *helpdesk_cases("testing")]
    asked = await ask_all(house, "helpdesk", [case.question for case in cases], progress, "helpdesk")
    pairs = [(one, case) for one, case in zip(asked, cases, strict=True) if case.documents]
    foreign = [one for one, case in zip(asked, cases, strict=True) if not case.documents]
    return [
        share("helpdesk", "right document among those found", [found_right(*pair, 99) for pair in pairs]),
        share("helpdesk", "right document quoted", [cites_right(*pair) for pair in pairs]),
        share("helpdesk", "the answer's words quoted", [quotes_words(*pair) for pair in pairs]),
        share("helpdesk", "abstained", [one.abstained for one, _ in pairs]),
        share("helpdesk", "abstained on what the documents do not say", [one.abstained for one in foreign]),
    ]


def quotes_words(asked: Asked, case: Case) -> bool:
    """Whether the quotations hold three quarters of an answer's content words: it was not cut from the text."""
    expected = frozenset(content_words(case.answer))
    said = frozenset(content_words(" ".join(citation.quote for citation in asked.quotes)))
    return len(expected & said) >= 0.75 * len(expected)


async def abstention(house: House, progress: Progress) -> list[Figure]:
    """XQuAD's questions asked of the handbook, which answers none of them."""
    questions = [case.question for case in xquad_cases()]
    asked = await ask_all(house, "handbook", questions, progress, "abstention")
    return [share("abstention", "abstained on foreign questions", [one.abstained for one in asked], least=0.90)]


async def languages(house: House, progress: Progress) -> list[Figure]:
    """German and Spanish questions over the English passages: reported, nothing is asked for."""
    figures = []
    for language in ("de", "es"):
        cases = xquad_cases(language)
        asked = await ask_all(house, "xquad", [case.question for case in cases], progress, f"xquad {language}")
        pairs = list(zip(asked, cases, strict=True))
        name = f"xquad {language}"
        figures += [
            share(name, "right passage among first 5", [found_right(*pair, 5) for pair in pairs]),
            share(name, "exact answer quoted", [quotes_answer(*pair) for pair in pairs]),
            share(name, "abstained", [one.abstained for one in asked]),
        ]
    return figures


async def sweep(house: House, progress: Progress) -> list[Figure]:
    """Both sides of the abstention threshold, for docs/decisions/0002-abstention.md."""
    questions = [case.question for case in xquad_cases()]
    sides: dict[str, list[float]] = {}
    for corpus in ("xquad", "handbook"):
        sides[corpus] = []
        for done, question in enumerate(questions, 1):
            sides[corpus].append(strength(question, await search(house, corpus, question, None)))
            progress(f"sweep over {corpus}", done, len(questions))
    return [
        share("sweep", f"below {threshold:.2f}: {what}", [value < threshold for value in sides[corpus]])
        for threshold in THRESHOLDS
        for corpus, what in (("xquad", "own"), ("handbook", "foreign"))
    ]


async def search(house: House, corpus: str, query: str, limit: int | None) -> Sequence[Hit]:
    """Search a knowledge as its way does."""
    return await house.library(corpus).search(query, labels=frozenset(), limit=limit)


def documents(house: House, corpus: str, wanted: int) -> Figure:
    """Count what was ingested of a corpus."""
    count = len(house.library(corpus).documents())
    return Figure(corpus=corpus, what="documents ingested", value=float(count), of=wanted, least=float(wanted))


Measure = Callable[[House, Progress], Awaitable[list[Figure]]]

MEASURES: Mapping[str, tuple[Measure, tuple[str, ...]]] = {
    "xquad": (xquad, ("xquad",)),
    "cranfield": (cranfield, ("cranfield",)),
    "sec_10q": (sec_10q, ("sec_10q",)),
    "handbook": (handbook, ("handbook",)),
    "helpdesk": (helpdesk, ("helpdesk",)),
    "abstention": (abstention, ("handbook",)),
    "languages": (languages, ("xquad",)),
    "sweep": (sweep, ("xquad", "handbook")),
}
"""Each measure with the corpora that it needs."""
DEFAULT = ("xquad", "cranfield", "sec_10q", "handbook", "helpdesk", "abstention", "languages")
