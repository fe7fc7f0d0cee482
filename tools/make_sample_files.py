# /// script
# requires-python = ">=3.11"
# dependencies = ["openpyxl==3.1.5", "python-docx==1.2.0", "reportlab==4.4.4"]
# ///
"""Make the helpdesk sample's PDF, DOCX and XLSX from tools/sample_files: `uv run tools/make_sample_files.py`.

The same input gives the same bytes: no clock is read, zip members carry one fixed date. What comes out is committed.
"""

import csv
import io
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
INPUT = HERE / "sample_files"
OUTPUT = HERE.parent / "src/fourways/samples/helpdesk/docs/files"
ZIP_DATE = (2026, 4, 13, 8, 0, 0)
XML_DATE = "2026-04-13T08:00:00Z"
WIDE_COLUMN = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a text: `title`, `heading`, `paragraph`, `bullets`, `steps` or `table`, with its lines or rows."""

    kind: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


PREFIXES = (
    ("title", re.compile(r"# ")),
    ("heading", re.compile(r"## ")),
    ("bullets", re.compile(r"- ")),
    ("steps", re.compile(r"\d+\. ")),
    ("table", re.compile(r"\|")),
)


def blocks(text: str) -> list[Block]:
    """Read the few forms of Markdown that the two texts use."""
    return [_block(piece.splitlines()) for piece in re.split(r"\n\s*\n", text.strip())]


def _block(lines: list[str]) -> Block:
    for kind, prefix in PREFIXES:
        if prefix.match(lines[0]):
            if kind == "table":
                cells = (tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines)
                return Block(kind=kind, rows=tuple(row for row in cells if not set("".join(row)) <= {"-"}))
            return Block(kind=kind, lines=tuple(prefix.sub("", line, count=1) for line in lines))
    return Block(kind="paragraph", lines=(" ".join(lines),))


def pdf(content: list[Block]) -> bytes:
    """Set a text as A4 pages with a running footer."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.lib.units import mm
    from reportlab.platypus import ListFlowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

    styles = getSampleStyleSheet()
    body = styles["BodyText"]
    body.fontSize, body.leading, body.spaceAfter = 11, 15.5, 5
    named = {"title": styles["Title"], "heading": styles["Heading2"], "paragraph": body}
    lists = {"bullets": "bullet", "steps": "1"}
    ruled = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
            ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )

    def flow(block: Block) -> list[object]:
        if block.kind == "table":
            cells = [[Paragraph(cell, body) for cell in row] for row in block.rows]
            widths = [14 * mm, 56 * mm, 54 * mm, 41 * mm]
            return [Table(cells, colWidths=widths, repeatRows=1, style=ruled), Spacer(1, 4 * mm)]
        if block.kind in lists:
            return [ListFlowable([Paragraph(line, body) for line in block.lines], bulletType=lists[block.kind])]
        return [Paragraph(line, named[block.kind]) for line in block.lines]

    def footer(canvas, page) -> None:  # noqa: ANN001 - reportlab's own, untyped
        canvas.setFont("Helvetica", 8)
        canvas.drawString(22 * mm, 12 * mm, "Tarnbeck Optics - IT-P-07, version 3.1")
        canvas.drawRightString(A4[0] - 22 * mm, 12 * mm, f"Page {page.page}")

    out = io.BytesIO()
    margin = 22 * mm
    document = SimpleDocTemplate(
        out, pagesize=A4, title=content[0].lines[0], author="Tarnbeck Optics", invariant=1,
        leftMargin=margin, rightMargin=margin, topMargin=margin, bottomMargin=margin,
    )  # fmt: skip
    document.build([piece for block in content for piece in flow(block)], onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


def docx(content: list[Block]) -> bytes:
    """Write a text as a Word document with real headings, lists and tables."""
    from docx import Document
    from docx.oxml.ns import qn

    document = Document()
    document.core_properties.title = content[0].lines[0]
    document.core_properties.author = "Tarnbeck Optics"
    styles = {"title": "Heading 1", "heading": "Heading 2", "paragraph": "Normal"}
    styles |= {"bullets": "List Bullet", "steps": "List Number"}
    for block in content:
        for line in block.lines:
            document.add_paragraph(line, style=styles[block.kind])
        if block.rows:
            table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
            first = table.rows[0]._tr.get_or_add_trPr()  # noqa: SLF001 - python-docx has no public way
            first.append(first.makeelement(qn("w:tblHeader"), {}))  # what tells readers that it is the head
    out = io.BytesIO()
    document.save(out)
    return settled(out.getvalue())


def xlsx(sheets: dict[str, Path]) -> bytes:
    """Write CSV files as the sheets of a workbook; figures become numbers."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    book.remove(book.active)
    for title, path in sheets.items():
        sheet = book.create_sheet(title)
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines()):
            sheet.append([int(cell) if cell.isdecimal() else cell for cell in row])
        sheet.freeze_panes = "A2"
        for cell in sheet[1]:
            cell.font = Font(bold=True)
            sheet.column_dimensions[cell.column_letter].width = WIDE_COLUMN
    out = io.BytesIO()
    book.save(out)
    return settled(out.getvalue())


def settled(office: bytes) -> bytes:
    """Return an Office file with every date in it replaced by the fixed one."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(office)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            data = old.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb">\d{4}-\d\d-\d\dT[^<]*<", f">{XML_DATE}<".encode(), data)
            member = zipfile.ZipInfo(name, ZIP_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, data)
    return out.getvalue()


def main() -> None:
    """Write the three files."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    made = {
        "acceptable-use-policy.pdf": pdf(blocks((INPUT / "acceptable-use-policy.md").read_text(encoding="utf-8"))),
        "laptop-hand-over-guide.docx": docx(blocks((INPUT / "laptop-hand-over-guide.md").read_text(encoding="utf-8"))),
        "software-and-licence-register.xlsx": xlsx(
            {"Software": INPUT / "register-software.csv", "Licences": INPUT / "register-licences.csv"}
        ),
    }
    for name, data in made.items():
        (OUTPUT / name).write_bytes(data)
        sys.stdout.write(f"{name}: {len(data):,} bytes\n")


if __name__ == "__main__":
    main()
