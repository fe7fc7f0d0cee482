"""Documents made by hand for the parsers' tests: no library that writes them need be installed."""

import io
import zipfile
from collections.abc import Mapping, Sequence

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

HIDDEN = {True: "hidden", False: "visible"}

Text = tuple[float, float, float, str]
"""Left, bottom, size, words; a size below 0 is bold."""


def archive(members: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def rels(**targets: str) -> str:
    inside = "".join(f'<Relationship Id="{key}" Target="{target}"/>' for key, target in targets.items())
    return f"<Relationships>{inside}</Relationships>"


def docx(body: str, styles: str = "", **members: str) -> bytes:
    return archive(
        {
            "word/document.xml": f"<w:document {W} {R}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {W}>{styles}</w:styles>",
            **{f"word/{name}.xml": content for name, content in members.items()},
        }
    )


def paragraph(words: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{words}</w:t></w:r></w:p>"


def shape(words: str, kind: str = "body") -> str:
    return (
        f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
        f"<p:txBody><a:p><a:r><a:t>{words}</a:t></a:r></a:p></p:txBody></p:sp>"
    )


def pptx(*slides: str) -> bytes:
    ids = "".join(f'<p:sldId id="{256 + number}" r:id="r{number}"/>' for number in range(len(slides)))
    members = {
        "ppt/presentation.xml": f"<p:presentation {P} {R}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": rels(
            **{f"r{number}": f"slides/slide{number}.xml" for number in range(len(slides))}
        ),
    }
    for number, slide in enumerate(slides):
        members[f"ppt/slides/slide{number}.xml"] = f"<p:sld {P} {A}>{slide}</p:sld>"
    return archive(members)


def xlsx(sheets: Mapping[str, str], *, strings: Sequence[str] = (), hidden: Sequence[str] = ()) -> bytes:
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}" state="{HIDDEN[name in hidden]}"/>'
        for number, name in enumerate(sheets)
    )
    shared = "".join(f"<si><t>{text}</t></si>" for text in strings)
    formats = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="9"/></cellXfs>'
    return archive(
        {
            "xl/workbook.xml": f"<workbook {S} {R}><sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": rels(
                **{f"r{number}": f"worksheets/s{number}.xml" for number in range(len(sheets))}
            ),
            "xl/sharedStrings.xml": f"<sst {S}>{shared}</sst>",
            "xl/styles.xml": f"<styleSheet {S}>{formats}</styleSheet>",
            **{
                f"xl/worksheets/s{number}.xml": f"<worksheet {S}><sheetData>{rows}</sheetData></worksheet>"
                for number, rows in enumerate(sheets.values())
            },
        }
    )


def row(number: int, *cells: str | float) -> str:
    """Write a sheet's row: text inline, numbers as they are."""
    written = "".join(
        f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
        if isinstance(cell, str)
        else f'<c r="{chr(65 + place)}{number}"><v>{cell}</v></c>'
        for place, cell in enumerate(cells)
    )
    return f'<row r="{number}">{written}</row>'


def pdf(*pages: Sequence[Text]) -> bytes:
    """Write a PDF of lines in Helvetica."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{5 + 2 * n} 0 R' for n in range(len(pages)))}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
    ]
    fonts = "/Resources << /Font << /F 3 0 R /B 4 0 R >> >>"
    for number, lines in enumerate(pages):
        drawn = "\n".join(
            f"BT /{'B' if size < 0 else 'F'} {abs(size)} Tf {left} {bottom} Td ({words}) Tj ET"
            for left, bottom, size, words in lines
        )
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {6 + 2 * number} 0 R {fonts} >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        ]
    file, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>"
    return file + f"{end}\nstartxref\n{len(file)}\n%%EOF".encode()
