"""Which language a text is in, told by its commonest words; "" where that is not sure."""

import re
from collections import Counter

_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 6_000
_ENOUGH = 5
_LEAD = 1.3

_COMMON = {
    "en": (
        "the of and to in is that for it was on are as with his they be at this have from or had by not but what "
        "all were when we there can an your which their said if do will each about how up out them then she many "
        "some so"
    ),
    "de": (
        "der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er "
        "hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor "
        "zur bis"
    ),
    "es": (
        "de la que el en y los se del las un por con no una su para es al lo como más pero sus le ya o este sí "
        "porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno "
        "fue son"
    ),
    "fr": (
        "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son ou "
        "aux mais comme cette ont été être nous vous leur elle sa ses même deux fait aussi ces"
    ),
    "it": (
        "di e il la che in a per un del è non una con i si da le sono al della dei nel alla più come anche delle "
        "lo gli ma o ha ai su dal essere questo stato nella tra molto loro suo sua degli"
    ),
    "pt": (
        "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou "
        "quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos são foi"
    ),
    "nl": (
        "de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit naar worden "
        "door over heeft hij ze wel of deze werd wordt hebben kan meer die tot geen dit"
    ),
    "sv": (
        "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när "
        "år under också efter eller nu sin där vid mot ska skulle kommer ut får finns vara hade"
    ),
    "da": (
        "og i at det er en til på som med for af de der den ikke har et han men om var jeg sig fra vi så kan når "
        "år under også efter eller nu sin hvor ved mod skal ville kommer ud får være havde blev"
    ),
    "pl": (
        "w i na się z do nie że to jest o jak a za po co od przez ale przy dla są jego już tylko czy może jako "
        "oraz który które która było był być była ich ma roku tego także"
    ),
    "cs": (
        "a se v na je že o s z do i to k ve pro za by ale si po jako podle od jsem tak jeho však který jsou které "
        "být byl byla bylo při nebo až také než jen už která"
    ),
}
# A word counts for less the more languages share it.
_SHARED = Counter(word for words in _COMMON.values() for word in words.split())
_WEIGHTS: dict[str, list[tuple[str, float]]] = {}
for _language, _words in _COMMON.items():
    for _word in _words.split():
        _WEIGHTS.setdefault(_word, []).append((_language, 1 / _SHARED[_word]))


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of the language most of the text is in, or "" where it is not clear.

    Counts the commonest words of eleven European languages in the head of the text, each weighed by how few of them
    share it.
    """
    scores: dict[str, float] = {}
    for word, times in Counter(_WORD.findall(text[:_SAMPLE].lower())).items():
        for language, weight in _WEIGHTS.get(word, ()):
            scores[language] = scores.get(language, 0) + weight * times
    ranked = sorted(scores.items(), key=lambda each: -each[1])
    if not ranked or ranked[0][1] < _ENOUGH:
        return ""
    runner_up = ranked[1][1] if len(ranked) > 1 else 0
    return ranked[0][0] if ranked[0][1] >= _LEAD * runner_up else ""
