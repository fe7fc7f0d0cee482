"""Each kind of document gives its text, headings and pages; what cannot be read says why."""

import importlib.util
import io
import zipfile
from pathlib import Path

import pytest

from fourways.core.errors import UnreadableDocument
from fourways.knowledge.parse import Parsed, parse, readable

_spec = importlib.util.spec_from_file_location("documents", Path(__file__).with_name("documents.py"))
assert _spec is not None
assert _spec.loader is not None
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)


def outline(parsed: Parsed) -> list[tuple[int, str]]:
    for heading in parsed.headings:
        assert heading.text.split()[0] in parsed.text[heading.offset :].split("\n", 1)[0]
    return [(heading.level, heading.text) for heading in parsed.headings]


def paged(parsed: Parsed) -> list[str]:
    ends = (*parsed.pages[1:], len(parsed.text))
    return [parsed.text[start:end].strip() for start, end in zip(parsed.pages, ends, strict=True)]


# ---------------------------------------------------------------- Markdown and text


def test_front_matter_is_taken_off_and_kept() -> None:
    page = "---\ntitle: Leave\nacl: [hr]\ndate: 2024-03-01\nlang: en-GB\ntags: [a, 1]\n---\n# Days off\n\nText.\n"
    parsed = parse(page.encode(), uri="docs/leave.md")
    assert (parsed.title, parsed.text, parsed.language) == ("Leave", "# Days off\n\nText.\n", "en")
    assert parsed.acl == {"hr"}
    assert parsed.metadata == {"date": "2024-03-01", "lang": "en-GB", "tags": ["a", 1]}


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("# The *one*\n\ntext", "The one"),
        ("The one\n===\n\ntext", "The one"),
        ("text", "travel policy"),
        ("---\n\nA rule at the head.", "travel policy"),
        ("---\ntitle: Only a pointer\nredirect_to: /x\n---\n", "Only a pointer"),
    ],
)
def test_a_page_is_called_what_a_reader_would_call_it(page: str, title: str) -> None:
    assert parse(page.encode(), uri="docs/travel-policy.md").title == title


def test_headings_are_found_outside_code() -> None:
    page = "# A #\n```\n# no\n```\n## B {#b}\nC\n---\n\n~~~~\n~~~\n# no\n~~~~\n\nD [x](y)\n-----\n#no\n"
    assert outline(parse(page.encode(), uri="a.md")) == [(1, "A"), (2, "B"), (2, "D x")]


ALIASES = """a: &a [x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c]
e: [*d, *d]"""


@pytest.mark.parametrize(
    ("matter", "reason"),
    [
        ("title: a: b", "line 2"),
        ("- list: 1", "not a mapping"),
        ("acl: 5", "list of labels"),
        ("acl: {hr: true}", "list of labels"),
        (ALIASES, "2,000"),
        ("x: " + "[" * 5000, "front matter"),
    ],
)
def test_front_matter_that_cannot_be_read_hides_the_page(matter: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse(f"---\n{matter}\n---\ntext".encode(), uri="a.md")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_is_decoded_whatever_its_encoding(encoding: str) -> None:
    text = "Über die Brücke gehen wir für 5 € nach Köln.\r\nZweite Zeile."
    assert parse(text.encode(encoding), uri="a.txt").text == text.replace("\r\n", "\n")


def test_a_declared_encoding_is_believed() -> None:
    page = '<meta charset="iso-8859-2"><p>Zażółć gęślą jaźń</p>'
    assert "Zażółć gęślą jaźń" in parse(page.encode("iso-8859-2"), uri="a.html").text


# ---------------------------------------------------------------- HTML


def test_a_page_keeps_headings_lists_and_tables_and_loses_boilerplate() -> None:
    page = """<html lang="de-AT"><head><title>Reise &amp; Kosten</title><style>x</style></head><body>
    <header>Logo</header><nav><ul><li>Menu</ul></nav><main><header><h1>Reise</h1></header>
    <p>Ein <b>Text</b>,<br>zwei  Zeilen.<p>Noch einer<ul><li>eins<ul><li>innen</ul><li>zwei</ul>
    <table><tr><th>A</th><th>B</th></tr><tr><td>1 | 2<td><p>3</p></table><pre>a
  b</pre><script>bad()</script><p hidden>no</p></main><footer>Impressum</footer></body></html>"""
    parsed = parse(page.encode(), uri="https://example.com/a", media_type="text/html; charset=utf-8")
    assert (parsed.title, parsed.language, outline(parsed)) == ("Reise & Kosten", "de", [(1, "Reise")])
    assert parsed.text == (
        "# Reise\n\nEin Text,\nzwei Zeilen.\n\nNoch einer\n\n- eins\n  - innen\n- zwei\n\n"
        "| A | B |\n|---|---|\n| 1 \\| 2 | 3 |\n\n```\na\n  b\n```\n"
    )


def test_a_page_that_is_all_boilerplate_is_read_all_the_same() -> None:
    assert parse(b"<nav><p>All there is</nav>", uri="a.html").text.strip() == "All there is"


@pytest.mark.parametrize("piece", ["<div>", "<a ", "<!--", "<table><tr><td>", "</p>", "&", "<ul><li>x"])
def test_no_page_is_too_deep_or_too_broken(piece: str) -> None:
    parsed = parse(f"<p>{'before ' * 9}</p>{piece * 50_000}".encode(), uri="a.html")
    assert parsed.text.startswith("before before")


# ---------------------------------------------------------------- PDF


def test_a_pdf_keeps_pages_paragraphs_rows_and_headings() -> None:
    prose = "The committee met again and agreed on what was to be done about it"
    parsed = parse(
        make.pdf(
            [(72, 700, -10, "Note 1 Benefits"), (72, 680, 10, prose), (72, 668, 10, "so."), (72, 640, 10, prose)],
            [(72, 700, 10, "Sales"), (300, 700, 10, "1,200"), (400, 700, 10, "1,300"), (72, 688, 10, "Costs"),
             (300, 688, 10, "$"), (320, 688, 10, "900"), (400, 688, 10, "800")],
        ),
        uri="q.pdf",
    )  # fmt: skip
    assert paged(parsed) == [
        f"Note 1 Benefits\n\n{prose}\nso.\n\n{prose}",
        "Sales\t1,200\t1,300\nCosts\t$ 900\t800",
    ]
    assert outline(parsed) == [(1, "Note 1 Benefits")]
    assert parsed.title == "q"


def test_running_headers_footers_and_page_numbers_are_dropped() -> None:
    pages = [
        [
            (72, 760, 8, "ACME Quarterly"),
            (72, 600, 10, f"Body of page {'abcdef'[n]}"),
            (300, 40 + 5 * n, 8, f"Section {'uvwxyz'[n]} {n + 3}"),
        ]
        for n in range(6)
    ]
    assert paged(parse(make.pdf(*pages), uri="a.pdf")) == [f"Body of page {mark}" for mark in "abcdef"]


def test_two_columns_written_across_are_read_one_after_the_other() -> None:
    lines = []
    for number in range(8):
        bottom = 700 - 12 * number
        lines += [
            (72, bottom, 10, f"left column words {'abcdefgh'[number]}"),
            (330, bottom, 10, f"right column words {'abcdefgh'[number]}"),
        ]
    text = parse(make.pdf(lines), uri="a.pdf").text
    assert [line.split()[0] for line in text.split("\n") if line] == ["left"] * 8 + ["right"] * 8


def test_the_cells_of_a_tables_head_become_one_row() -> None:
    head = [(200, 700, 10, "June 25,"), (200, 688, 10, "2022"), (300, 700, 10, "June 26,"), (300, 688, 10, "2021")]
    parsed = parse(make.pdf([*head, (72, 670, 10, "Sales"), (200, 670, 10, "12"), (300, 670, 10, "13")]), uri="a.pdf")
    assert parsed.text.split("\n")[0] == "June 25, 2022\tJune 26, 2021"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.4 nothing", "no PDF that can be opened"),
        (make.pdf([]), "looks scanned; run OCR"),
        (make.pdf(*[[]] * 5001), "5,001 pages"),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse(data, uri="a.pdf")


# ---------------------------------------------------------------- Office


def test_a_docx_keeps_headings_lists_tables_and_notes() -> None:
    styles = (
        '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="My"><w:name w:val="My own"/><w:basedOn w:val="H1"/></w:style>'
    )
    cell = "<w:tc>{}</w:tc>"
    body = (
        make.paragraph("Leave", '<w:pStyle w:val="My"/>')
        + "<w:p><w:r><w:t>Thirty </w:t></w:r><w:del><w:r><w:delText>two </w:delText></w:r></w:del>"
        + "<w:r><w:t>days.</w:t></w:r></w:p>"
        + make.paragraph("first", '<w:numPr><w:ilvl w:val="0"/></w:numPr>')
        + make.paragraph("inner", '<w:numPr><w:ilvl w:val="1"/></w:numPr>')
        + "<w:tbl>"
        + f"<w:tr>{cell.format(make.paragraph('Who'))}{cell.format(make.paragraph('Days'))}</w:tr>"
        + f"<w:tr>{cell.format(make.paragraph('All') + make.paragraph('of us'))}"
        + f"{cell.format(make.paragraph('30'))}</w:tr>"
        + "</w:tbl>"
        + make.paragraph("After.")
    )
    notes = f"<w:footnotes {make.W}>{make.paragraph('A note.')}</w:footnotes>"
    parsed = parse(make.docx(body, styles, footnotes=notes), uri="leave.docx")
    assert outline(parsed) == [(1, "Leave")]
    assert parsed.text == (
        "# Leave\n\nThirty days.\n\n- first\n  - inner\n\n"
        "| Who | Days |\n|---|---|\n| All of us | 30 |\n\nAfter.\n\nA note.\n"
    )


def test_a_slide_is_a_page_and_a_hidden_one_stays_out() -> None:
    hidden = make.shape("Secret", "title")
    data = make.pptx(
        make.shape("Plan", "title") + make.shape("First") + make.shape("7", "sldNum"), make.shape("Later", "title")
    )
    assert paged(parse(data, uri="a.pptx")) == ["# Plan\n\nFirst", "# Later"]
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    members["ppt/slides/slide1.xml"] = f'<p:sld {make.P} {make.A} show="0">{hidden}</p:sld>'.encode()
    assert paged(parse(make.archive(members), uri="a.pptx")) == ["# Plan\n\nFirst", ""]


def test_a_sheet_is_a_page_of_rows_that_stand_by_themselves() -> None:
    data = make.xlsx(
        {
            "Rates": make.row(1, "Rates of 2024")
            + make.row(3, "City", "Per day")
            + make.row(4, "Bonn", 120.5)
            + '<row r="5"><c r="A5" t="s"><v>0</v></c><c r="B5" s="2"><v>0.25</v></c>'
            + '<c r="C5" s="1"><v>45352</v></c></row>',
            "Two": make.row(1, "a", "b") + make.row(2, 1, 2),
            "Hidden": make.row(1, "secret", "x"),
        },
        strings=["Köln"],
        hidden=["Hidden"],
    )
    first, second = paged(parse(data, uri="rates.xlsx"))
    assert first.split("\n")[-3:] == [
        "City; Per day",
        "City: Bonn; Per day: 120.5",
        "City: Köln; Per day: 25%; 2024-03-01",
    ]
    assert first.startswith("## Rates\n\nRates of 2024\n")
    assert second == "## Two\n\na; b\na: 1; b: 2"


def test_csv_rows_stand_by_themselves() -> None:
    data = 'Name;Stadt\nAnn;Köln\nBob;"a;\nb"\n'.encode("cp1252")
    assert parse(data, uri="a.csv").text == "Name; Stadt\nName: Ann; Stadt: Köln\nName: Bob; Stadt: a; b\n"


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><w:document>&b;</w:document>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no zip", "is no DOCX"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"x" * 100, "encrypted or in the format of before 2007"),
        (make.archive({"word/document.xml": b" " * 60_000_000}), "zip bomb"),
        (make.archive({"word/document.xml": ENTITIES}), "XML entities"),
        (make.archive({"word/document.xml": "<w:document>"}), "damaged in word/document.xml"),
        (make.archive({"else.xml": "<a/>"}), "has no text"),
        (make.docx(make.paragraph("text"))[:-40], "is no DOCX"),
    ],
)
def test_an_office_file_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse(data, uri="a.docx")


def test_no_docx_is_too_deep() -> None:
    nested = "<w:sdt>" * 100_000 + make.paragraph("deep") + "</w:sdt>" * 100_000
    assert parse(make.docx(nested), uri="a.docx").text == "deep\n"


# ---------------------------------------------------------------- the door


@pytest.mark.parametrize(
    ("name", "known"),
    [("a.md", True), ("B.PDF", True), ("https://x.y/a.html?q=1", True), ("a.exe", False), ("md", False)],
)
def test_readable_goes_by_the_suffix(name: str, known: bool) -> None:  # noqa: FBT001 - a table's column
    assert readable(name) is known


@pytest.mark.parametrize(
    ("data", "uri", "reason"),
    [
        (b"text", "a.exe", r"unknown kind \(.exe\); known are .md"),
        (b"text", "README", "a name without a suffix"),
        (b" \n", "a.md", "is empty"),
        (b"\x00\x01\x02" * 100, "a.txt", "not text"),
    ],
)
def test_what_cannot_be_parsed_says_what_would_be_right(data: bytes, uri: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse(data, uri=uri)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat sat on the mat and it was not at all happy with the way that things were.", "en"),
        ("Die Katze saß auf der Matte und war mit dem Lauf der Dinge gar nicht zufrieden, denn es war kalt.", "de"),
        ("El gato se sentó en la alfombra y no estaba muy contento con lo que pasaba en la casa.", "es"),
        ("Le chat est assis sur le tapis et il n'est pas content de ce qui se passe dans la maison.", "fr"),
        ("1,200 1,300 1,400", ""),
    ],
)
def test_the_language_is_told_where_it_is_sure(text: str, language: str) -> None:
    assert parse(text.encode(), uri="a.txt").language == language
