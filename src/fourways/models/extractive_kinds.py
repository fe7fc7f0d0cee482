"""What a question asks for (a date, a number, a person, a place, a reason), and whether a sentence has such a thing.

One table: English, German and Spanish question words on one side, what answers look like on the other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fourways.models.words import stem

_COUNT = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fifteen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundreds?|thousands?|(?:m|b|tr)illions?|dozens?|half|thirds?|quarters?|once|twice|first"
    r"|second|none|several|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|dos|tres|cuatro|cinco|seis|siete|ocho|diez"
)
_MONTH = (
    r"January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
_DO = (
    r"\d{1,2}[.)]|Add|Apply|Ask|Book|Bring|Call|Change|Check|Choose|Click|Close|Confirm|Connect|Contact|Copy|Create"
    r"|Download|Enter|Fill|Follow|Give|Go|Hold|Install|Keep|Log|Make|Move|Open|Order|Pick|Plug|Press|Put|Register|Remove"
    r"|Report|Request|Restart|Ring|Run|Save|Scan|Select|Send|Set|Sign|Start|Submit|Switch|Take|Tell|Turn|Type|Update|Use"
    r"|Visit|Wait|Write"
)
"""How an instruction begins: a numbered step, or a verb that tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of question.

    Attributes:
        asked: found in the question, in lower case.
        answered: found in a sentence that can answer it; a finding that repeats the question does not count.
    """

    asked: re.Pattern[str]
    answered: re.Pattern[str]


def _kind(asked: str, answered: str, flags: int = 0) -> Kind:
    return Kind(asked=re.compile(rf"\b(?:{asked})\b"), answered=re.compile(answered, flags))


_CAPITALISED = r"(?<=[\w,;:)\"'(] )[\"'(“‘]?[A-ZÀ-ÖØ-Þ][\w’'-]+"
"""A capitalised word inside a sentence: a person, a place, an organisation."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "date": _kind(
            r"when|(?:what|which|in what|in which) (?:year|date|day|month|decade|century|time)|how long ago"
            r"|wann|welche[sm]? (?:jahr|tag|datum)|cuándo|(?:qué|cuál) (?:año|fecha|día)",
            rf"\b(?:1\d{{3}}|20\d\d)s?\b|\b\d{{1,2}}(?:st|nd|rd|th)\b|\bcentur(?:y|ies)\b|\b(?:AD|BC|BCE|CE)\b"
            rf"|\b(?:{_MONTH}|{_DAY})\b|\b\d{{1,2}}(?::\d\d)? ?[ap]\.?m\b"
            r"|\b\d+ (?:days?|weeks?|months?|years?|hours?)\b",
        ),
        "number": _kind(
            r"how (?:many|much|long|far|old|large|big|high|often|tall|fast|deep|wide|heavy|hot)"
            r"|(?:what|which) (?:percent|percentage|proportion|number|amount|share|score|size|population|distance)"
            r"|what (?:is|was|are|were) the (?:total|number|population|score|size|cost|price|rate|amount|percentage)"
            r"|wie (?:viele?|hoch|lange?|oft|groß|weit|alt)|cuánt[oa]s?|qué (?:porcentaje|número|cantidad)",
            rf"\d[\d.,]*|\b(?:{_COUNT})\b",
            re.IGNORECASE,
        ),
        "person": _kind(
            r"who|whom|whose|(?:what|which) (?:person|people|player|king|queen|president|author|actor|leader|team)"
            r"|wer|wem|wen|wessen|quién|quiénes",
            _CAPITALISED,
        ),
        "place": _kind(
            r"where|(?:what|which) (?:city|country|state|town|county|place|region|location|river|street|building)"
            r"|wo|woher|wohin|dónde|(?:qué|cuál) (?:ciudad|país|lugar|región)",
            _CAPITALISED,
        ),
        "procedure": _kind(
            r"how (?:do|can|could|should|would|must|shall) (?:i|we|you|one)|how to"
            r"|what (?:do|should|must|shall|can) (?:i|we)(?: have to)? do"
            r"|wie (?:kann|soll|muss|mache) (?:ich|man|wir)|was (?:soll|muss|kann) ich|cómo (?:puedo|se|debo|hago)",
            rf"^(?:\d{{1,2}}[.)] )?(?:{_DO})\b",
        ),
        "reason": _kind(
            r"why|what (?:caused|causes)|(?:what|which) (?:is|was|were|are) the (?:reasons?|causes?)"
            r"|warum|wieso|weshalb|por qué",
            r"\b(?:because|due to|since|as a result|so that|in order to|to avoid|therefore|thus|led to|caused?|reasons?"
            r"|owing|weil|damit|porque|debido)\b",
            re.IGNORECASE,
        ),
    }
)
"""Tried in this order."""


def kind_of(question: str) -> str | None:
    """Return the name of the first kind that the question reads as, or None."""
    lower = question.lower()
    return next((name for name, kind in KINDS.items() if kind.asked.search(lower)), None)


def answers_kind(kind: str | None, sentence: str, asked: frozenset[str]) -> bool:
    """Whether a sentence has what the kind looks for and the question did not already say.

    Args:
        kind: a key of `KINDS`, or None, which nothing answers.
        sentence: as it stands in the document.
        asked: the question's words, plain and stemmed.
    """
    if kind is None:
        return False
    found = (match.group().strip("\"'(“‘ ").lower() for match in KINDS[kind].answered.finditer(sentence))
    return any(word not in asked and stem(word) not in asked for word in found)
