"""What answers by quoting, on real questions: by words alone, among five passages of the same article."""

import asyncio
import json
from pathlib import Path

import pytest

from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.data import Hit, Passage
from fourways.core.trace import Trace
from fourways.models.extractive import extractive

XQUAD = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "xquad" / "xquad.en.json"


def hit(number: int, text: str) -> Hit:
    passage = Passage(
        id=str(number), knowledge="xquad", document=str(number), title="", text=text, start=0, end=len(text), ordinal=0
    )
    return Hit(passage=passage, score=0.5, dense=0.5, lexical=1.0)


@pytest.mark.data
@pytest.mark.skipif(not XQUAD.exists(), reason=f"there is no {XQUAD}")
def test_quotes_the_exact_answer_of_four_in_five_questions_without_knowing_the_passage():
    articles = json.loads(XQUAD.read_text(encoding="utf-8"))["data"]
    answer = extractive(None)

    async def found() -> list[bool]:
        held = []
        for article in articles[1::2]:  # the half that no weight was chosen on
            sources = tuple(hit(number, paragraph["context"]) for number, paragraph in enumerate(article["paragraphs"]))
            for paragraph in article["paragraphs"]:
                for qa in paragraph["qas"]:
                    messages = [{"role": "user", "content": qa["question"]}]
                    request = ChatRequest(model="x", messages=messages, principal=Principal(), sources=sources)
                    said = await collect(answer(request, Trace()))
                    held.append(any(qa["answers"][0]["text"] in citation.quote for citation in said.citations))
        return held

    held = asyncio.run(found())
    assert len(held) > 500
    assert sum(held) / len(held) >= 0.8
