"""What words alone can tell of real passages."""

import asyncio
import json
from pathlib import Path

import pytest

from fourways.core.sentences import sentences
from fourways.evals.support import Sources, support

XQUAD = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "xquad" / "xquad.en.json"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not XQUAD.exists(), reason=f"there is no {XQUAD}"),
]


def texts() -> list[list[str]]:
    articles = json.loads(XQUAD.read_text(encoding="utf-8"))["data"][::2]
    return [[paragraph["context"] for paragraph in article["paragraphs"]] for article in articles]


def supported(statements: list[str], text: str) -> int:
    found = asyncio.run(support(statements, Sources([text])))
    return sum(one.holds for one in found)


def test_a_passage_supports_its_own_sentences_and_hardly_any_of_the_same_articles_next():
    own = others = count = 0
    for passages in texts():
        for at, text in enumerate(passages):
            said = [text[start:end] for start, end in sentences(text) if len(text[start:end].split()) >= 5]
            count += len(said)
            own += supported(said, text)
            others += supported(said, passages[at - 1])
    assert count > 500
    assert own == count
    assert others / count < 0.03
