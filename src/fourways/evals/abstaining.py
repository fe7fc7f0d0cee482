"""Whether an answer is none: it says that it could not find it, does not know, or may not say. By phrases."""

import re

from fourways.core.report import Answered
from fourways.core.sentences import sentences
from fourways.models.words import plain_words

_NOT = r"(?:\s?not|n['’]t)"
_DATA = r"(?:information|data|details?|context|evidence|access|answers?|knowledge|mention)"
_TEXTS = r"(?:sources?|documents?|passages?|context|texts?|information|excerpts?|materials?|articles?|question|answer)"
_QUELLEN = r"(?:quellen?|dokumente?n?|unterlagen|texte?n?|angaben|informationen)"

_SAID = re.compile(
    "|".join(
        (
            # of the speaker
            (
                rf"\b(?:i|we)(?:['’]m|\sam|\sare|\swas|\swere)?\s(?:\w+ly\s|just\s)?(?:could|can|do|did|would){_NOT}\s"
                r"(?:\w+ly\s)?(?:find|found|locate|answer|know|tell|see|determine|help|assist|provide|give|discuss|say)\b"
            ),
            r"\b(?:i|we)\scan(?:not|['’]t)\s(?:\w+ly\s)?(?:find|locate|answer|tell|determine|help|assist|provide|give|discuss|say)\b",
            r"\bi(?:['’]m|\sam|\swas)\s(?:\w+ly\s)?(?:not\s(?:sure|certain|able|allowed)|unable)\b",
            rf"\b(?:i|we)\s(?:do{_NOT}\shave|have\sno|lack)\s(?:\w+\s){{0,3}}{_DATA}\b",
            r"\b(?:i|we)\shave\sno\s(?:comment|idea|way\sof)\b",
            # of the sources
            (
                rf"\b{_TEXTS}\b.{{0,40}}\b(?:do|does|did){_NOT}\s(?:\w+ly\s)?(?:say|state|mention|contain|include|cover"
                r"|answer|address|provide|give|specify|tell|discuss|have)\b"
            ),
            (
                rf"\b{_TEXTS}\b.{{0,40}}\b(?:is|are|was|were|be){_NOT}\s(?:\w+ly\s)?(?:mentioned|stated|specified|covered"
                rf"|answered|given|provided|included|available|found|enough|in\sthe\s\w*\s?{_TEXTS})"
            ),
            rf"\b{_TEXTS}\b.{{0,40}}\b(?:cannot|can['’]t|could{_NOT})\sbe\s(?:answered|determined|found)",
            rf"\b{_TEXTS}\b.{{0,30}}\b(?:makes?\sno\smention|(?:contains?|has|have|gives?|says?|provides?)\s(?:no\b|nothing))",
            rf"\bnone\sof\sthe\s(?:\w+\s)?{_TEXTS}\b",
            (
                r"\bthere(?:['’]s|\sis|\swas)\s(?:no|not\s(?:any|enough)|insufficient)\s(?:\w+\s)?"
                rf"(?:information|mention|answer)\b.{{0,60}}(?:\b{_TEXTS}|\bthis|\bthat|\bit|$)"
            ),
            rf"\bno\s(?:\w+\s)?(?:information|answer|mention)\b.{{0,30}}\b(?:available|found|given|in\sthe\s{_TEXTS})\b",
            rf"\b(?:it|this|that)\s(?:does{_NOT}\ssay|is{_NOT}\s(?:mentioned|stated|said|in\sthe\s{_TEXTS}))",
            # nothing else at all
            rf"^(?:unknown|n/a|not\s(?:mentioned|stated|specified|found|available|given)(?:\sin\sthe\s\w*\s?{_TEXTS})?)\W*$",
            # German, Spanish
            r"\b(?:ich|wir)\s(?:kann|konnte|können|konnten|weiß|wissen|habe|finde|finden)\b.{0,80}\b(?:nicht|keine?n?)\b",
            r"\bweiß\sich\snicht\b",
            rf"\b{_QUELLEN}\b.{{0,50}}\b(?:nicht|keine?n?|nichts)\b",
            r"\bno\s(?:lo\s)?(?:sé|puedo|pude|encuentro|encontré|he\sencontrado|hay\sinformación|tengo\sinformación)\b",
            r"\b(?:documentos?|fuentes?|textos?)\b.{0,40}\bno\s(?:lo\s)?(?:dicen?|mencionan?|contienen?|responden?)\b",
        )
    ),
    re.IGNORECASE,
)
_CONDITION = re.compile(r"^\W*(?:if|when|because|since|although|while|wenn|falls|weil|si|cuando)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“„«`][^\"”“»`]*[\"”“»`]")
_TURN = re.compile(r"\b(?:but|however|although|aber|jedoch|pero|sin embargo)\b", re.IGNORECASE)
_LONGEST = 60
"""Words: whoever says more than that has said something."""


def abstains(answered: Answered) -> bool:
    """Whether the answer abstains: the answer's own flag first, then its words."""
    return answered.abstained or says_nothing(answered.text)


def says_nothing(text: str) -> bool:
    """Whether a text only says that it has no answer.

    It does where it is short and its first sentence says so of the speaker or of the sources, without a condition
    before it or a "but" behind. A model that declines in words of its own can be missed. How often the phrases occur
    in what people wrote for other ends: docs/log.md.
    """
    spans = sentences(text)
    if not spans or len(plain_words(text)) > _LONGEST:
        return False
    first = _QUOTED.sub("", text[slice(*spans[0])])
    said = _SAID.search(first)
    return said is not None and not _CONDITION.match(first) and not _TURN.search(first, said.end())
