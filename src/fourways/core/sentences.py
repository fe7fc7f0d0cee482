"""Find the sentences of a text as exact spans: prose of a dozen European languages, list items, table rows.

Knows nothing of tokens or models. Every pattern is ours and runs in linear time, so a text from anywhere is safe.
"""

import re
from collections.abc import Iterator

_LINE = re.compile(r"[^\n]*\n?")
_WORD = re.compile(r"\w")
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")
_MARKER = re.compile(r"\s*(?:(?:[-*+•‣▪●◦\u2013]|#{1,6}|>)\s+)*")
_ITEM = re.compile(r"\s*(?:[-*+•‣▪●◦\u2013]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s+\S")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_PAIRS = re.compile(r"[^\s:;][^:;\n]{0,80}: [^;\n]{0,400}; [^\s:;][^:;\n]{0,80}: ")
_NUMBER = re.compile(r"[($€£+-]*\d[\d.,:/%)]*|[—\u2013-]|\$|€|%")

_WIDE = "\u3002\uff01\uff1f"  # the full stops of Chinese and Japanese, which no space follows
_OPENING = "\"'\u201c\u201e\u201d\u00ab\u00bb\u2039\u2018\u2019(\\[*_\u00bf\u00a1`\u2014\u2013-"
_CLOSING = "\"'\u201d\u2019\u201c\u00bb\u00ab\u203a)\\]*_"
_END = re.compile(
    rf"(?P<mark>[.!?…]{{1,8}}|[{_WIDE}])"
    rf"(?P<close>[{_CLOSING}]{{0,4}}(?:\[\d{{1,3}}\]){{0,8}})"
    rf"(?P<gap>\s+|$|(?<=[{_WIDE}]))"
    rf"(?=(?P<open>[{_OPENING}]{{0,5}}\s?)(?P<next>\w{{1,24}})?)"
)
_LAST_WORD = re.compile(r"[^\s(\[\"'\u201c\u201e\u00ab\u2018/]{1,24}$")
_DOTTED = re.compile(r"(?:[^\W\d_]\.){1,5}[^\W\d_]")


def _words(lines: str) -> frozenset[str]:
    return frozenset(lines.split())


# Abbreviations after which a sentence goes on, whatever follows.
_NEVER = _words(
    """mr mrs ms dr prof st mt gen gov sen rep rev hon capt lt col sgt cpl maj adm pres supt messrs vs viz cf ibid
    approx e.g i.e eg ie resp esp incl ee
    hr fr frl dipl ing z.b d.h u.a z.t v.a o.ä i.d.r bzw ca vgl evtl ggf inkl exkl zzgl sog geb gest ehem insb bspw
    hrsg bd str mio mrd urspr lt v n chr
    sr sra srta sres dra ud uds vd vds p.ej ej av avda dpto aprox excmo ilmo gral lic
    m mm mme mlle mgr dott sig tzv bijv dhr mevr"""
)
# Abbreviations that stand before a number.
_BEFORE_NUMBER = _words(
    """no nos nr fig figs eq sec sect ch chap vol art arts p pp par para abs ziff kap s seite núm num nº pág págs tel
    ext jan feb mar apr jun jul aug sep sept oct nov dec okt dez ene abr ago dic c ca op lit item ref v"""
)
# Abbreviations that may end a sentence: they do before a word with which sentences like to begin.
_PERHAPS = _words(
    """inc ltd corp co llc plc bros jr sr etc al ed eds est dept univ assn ave blvd rd a.m p.m ph.d b.c a.d u.s u.k u.n
    e.u d.c usw etc gmbh u.s.w jh jhd ss ee.uu uu s.a pp ff f jan feb mar apr aug sept oct nov dec"""
)
_STARTERS = _words(
    """the this that these those there it its he she they we i you in on at as for from by with to of if when
    while after before although however but and so because since during under a an his her their our all some
    many most each both what who why how where which no not one two also another such
    der die das den dem des ein eine einer eines er sie es wir ihr im am beim zum zur aus bei nach seit von vor mit auf
    für über unter wenn als während nachdem obwohl jedoch aber und auch dies diese dieser dieses sein seine nur
    el la los las un una unos unas lo se su sus en con por para desde según cuando mientras aunque pero y también este
    esta estos estas ese esa él ella ellos no al del como tras
    le les une il elle ils elles nous vous dans sur pour avec mais et ce cette ces
    il gli uno nel nella per con ma questo questa"""
)
# What a German ordinal counts: "am 3. Mai", "im 19. Jahrhundert".
_COUNTED = _words(
    """januar februar märz april mai juni juli august september oktober november dezember jänner jahrhundert
    jahrhunderts jahrhunderte jahrtausend jahrtausends jh jhd jahr jahre tag tages woche monat stock etage klasse platz
    rang stelle auflage kapitel absatz satz bundestag bundesversammlung weltkrieg armee
    division bezirk arrondissement mal enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre
    diciembre"""
)


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the sentences of a text as (start, end) character offsets, in order, without overlap.

    Blank lines, headings, list items, table rows and lines of code are never joined with what follows; a single line
    break inside prose is. The marks before a list item, heading or quotation (`-`, `#`, `>`) are left out of its span,
    and what has no letter or digit (rules, a table's dashes) is left out whole. Runs in linear time.
    """
    return [span for start, end in _blocks(text) for span in _split(text, start, end)]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield spans that hold whole sentences: a paragraph, an item, a row, a heading, a line of code."""
    begun = -1
    fenced = False
    for match in _LINE.finditer(text):
        start, end = match.span()
        line = match.group()
        fence = _FENCE.match(line) is not None
        alone = fence or fenced or _stands_alone(line)
        if begun >= 0 and (alone or _ITEM.match(line)):
            yield begun, start
            begun = -1
        if fence:
            fenced = not fenced
        elif not alone:
            begun = start if begun < 0 else begun
        elif _WORD.search(line):
            yield start, end
    if begun >= 0:
        yield begun, len(text)


def _stands_alone(line: str) -> bool:
    """Whether a line is no part of a paragraph: blank, a rule, a heading, a row of a table."""
    return (
        not _WORD.search(line)
        or line.count("|") >= 2  # noqa: PLR2004 - one bar may be prose
        or "\t" in line.strip()
        or _HEADING.match(line) is not None
        or _PAIRS.match(line) is not None
        or _is_row(line)
    )


def _is_row(line: str) -> bool:
    """Whether a line reads as a table's row: at least two figures, and they are a good part of it."""
    if len(line) > 400 or not any(mark.isdigit() for mark in line):  # noqa: PLR2004 - no row is that long
        return False
    words = line.split()
    figures = sum(1 for word in words if _NUMBER.fullmatch(word))
    return figures >= 2 and figures * 5 >= len(words) * 2 and words[-1][-1] not in ".!?;"  # noqa: PLR2004


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut one block at the ends of its sentences."""
    marker = _MARKER.match(text, start, end)
    begin = marker.end() if marker else start
    for match in _END.finditer(text, begin, end):
        if _ends(text, match, begin):
            yield from _trimmed(text, begin, match.end("close"))
            begin = match.end()
    yield from _trimmed(text, begin, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the span without white space at its ends, unless nothing readable is in it."""
    piece = text[start:end]
    if _WORD.search(piece):
        yield start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def _ends(text: str, match: re.Match[str], begin: int) -> bool:
    """Whether a full stop (or !, ?, …) ends a sentence, by the word before and the word after it."""
    following = match["next"]
    if match["mark"] in _WIDE or (following is None and not match["open"].strip()):
        return True
    if following and following[0].islower() and "`" not in match["open"]:
        return False
    if match["mark"] != "." or match["close"]:
        return True
    found = _LAST_WORD.search(text, max(begin, match.start() - 24), match.start())
    return found is None or _word_ends(found, following or "", begin)


def _word_ends(found: re.Match[str], following: str, begin: int) -> bool:
    """Whether a word with a full stop behind it ends a sentence."""
    word, lower, after = found.group(), found.group().lower(), following.lower()
    if word.isdigit():
        first = found.start() == begin
        return not (first or after in _COUNTED)
    if following[:1].isdigit() and lower in _BEFORE_NUMBER:
        return False
    if lower in _NEVER:
        return False
    if len(word) == 1 or lower in _PERHAPS or _DOTTED.fullmatch(word):  # an initial, "etc.", "U.S."
        return after in _STARTERS and len(word) + len(after) > 2  # noqa: PLR2004 - "E. I. du Pont"
    return True
