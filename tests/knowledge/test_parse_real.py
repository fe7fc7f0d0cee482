"""Real documents parse whole: quarterly reports in PDF, a staff handbook in Markdown, passages in three languages."""

import json
from pathlib import Path

import pytest

from fourways.config.tree import FileSource
from fourways.knowledge.chunk import chunk
from fourways.knowledge.parse import Parsed, parse
from fourways.knowledge.parse.language import detect_language
from fourways.knowledge.sources.files import Files
from fourways.knowledge.tokens import approximate_tokens

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent: real documents are not tried"),
]


async def parsed(folder: Path) -> dict[str, Parsed]:
    source = Files(FileSource(paths=["."]), folder)
    return {
        item.uri: parse(await source.read(item), uri=item.uri)
        async for item in source.list()
        if not item.uri.endswith(".html")
    }


async def test_every_page_of_the_handbook_parses_and_fits() -> None:
    pages = await parsed(DATA / "handbook_18f" / "pages")
    assert len(pages) == 246
    for page in pages.values():
        for piece in chunk(page, size=220, count=approximate_tokens):
            assert approximate_tokens(page.text[piece.start : piece.end]) <= 220


@pytest.mark.slow
async def test_every_report_parses_and_its_tables_keep_their_rows() -> None:
    reports = await parsed(DATA / "sec_10q" / "docs")
    assert len(reports) == 20
    assert all(len(report.pages) > 20 and len(report.headings) > 10 for report in reports.values())
    apple = reports["2022 Q3 AAPL.pdf"].text
    assert "\nTotal net sales\t82,959\t81,434\t304,182\t282,457\n" in apple
    assert "June 25, 2022\tJune 26, 2021\tJune 25, 2022\tJune 26, 2021" in apple
    assert "Form 10-Q | 12" not in apple


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_the_language_of_long_passages_is_told(language: str) -> None:
    data = json.loads((DATA / "xquad" / f"xquad.{language}.json").read_text())["data"]
    told = [detect_language(passage["context"]) for article in data for passage in article["paragraphs"]]
    assert told.count(language) >= 0.98 * len(told)
