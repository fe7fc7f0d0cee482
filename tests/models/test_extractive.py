"""What answers by quoting: every piece is a slice of a source, every mark and citation fits, nothing is invented."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fourways.core.chat import Answer, ChatRequest, Chunk, Principal, collect
from fourways.core.data import Hit, Passage
from fourways.core.errors import Unavailable
from fourways.core.trace import Trace
from fourways.models.embedders import Embedder, HashEmbedder
from fourways.models.extractive import ABSTAIN_TEXT, EMBEDDED, extractive

LEAVE = (
    "Employees get thirty days of annual leave. Unused leave expires in March. "
    "Ask your manager before you book a journey. The form is on the intranet."
)
PRINTERS = "The printers stand on the second floor. Toner is ordered by the helpdesk. Printing in colour costs extra."


def hit(text: str, *, document: str = "leave.md", start: int = 0, score: float = 1.0, dense: float = 0.5) -> Hit:
    passage = Passage(
        id=f"{document}:{start}",
        knowledge="docs",
        document=document,
        title=document,
        text=text,
        start=start,
        end=start + len(text),
        ordinal=0,
        headings=("Staff",),
        page=3,
        link=f"https://intranet.example/{document}",
    )
    return Hit(passage=passage, score=score, dense=dense, lexical=1.0)


def request(question: str, *sources: Hit) -> ChatRequest:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    return ChatRequest(model="extractive", messages=messages, principal=Principal(), sources=sources)


def ask(
    question: str, *sources: Hit, embedder: Embedder | None = None, trace: Trace | None = None, **how: Any
) -> Answer:
    answer = extractive(embedder or HashEmbedder(), **how)
    return asyncio.run(collect(answer(request(question, *sources), trace or Trace())))


def test_quotes_the_sentence_that_answers_with_its_source():
    answer = ask("How many days of annual leave do I get?", hit(PRINTERS, document="print.md", score=0.2), hit(LEAVE))
    assert answer.text == "Employees get thirty days of annual leave. [2]"
    assert answer.choices[0].finish == "stop"


def test_numbered_steps_are_quoted_whole():
    steps = "1. Open the portal. Any browser will do.\n2. Choose a new password.\n3. Sign in again."
    answer = ask("How do I change my password?", hit(f"Passwords never expire.\n\n{steps}\n\nAsk 4400 for help."))
    assert answer.text.startswith(f"{steps} [1]")


def test_a_citation_is_the_exact_place_in_the_document():
    answer = ask("When does unused leave expire?", hit(LEAVE, start=1000))
    (citation,) = answer.citations
    assert citation.quote == "Unused leave expires in March."
    assert (citation.start, citation.end) == (1000 + LEAVE.index("Unused"), 1000 + LEAVE.index(" Ask"))
    assert (citation.number, citation.document, citation.page, citation.headings) == (1, "leave.md", 3, ("Staff",))
    assert citation.link == "https://intranet.example/leave.md"


def test_works_by_words_alone_without_an_embedder():
    answer = asyncio.run(collect(extractive(None)(request("Who orders toner?", hit(PRINTERS)), Trace())))
    assert answer.text == "Toner is ordered by the helpdesk. [1]"


def test_abstains_without_sources():
    trace = Trace()
    answer = ask("When does unused leave expire?", trace=trace)
    assert (answer.text, answer.citations, answer.choices[0].finish) == (ABSTAIN_TEXT, (), "stop")
    assert trace.attributes["abstained"] is True


def test_abstains_where_no_sentence_has_anything_of_the_question():
    trace = Trace()
    answer = ask("Which river flows through Warsaw?", hit(PRINTERS, score=0.3, dense=0.05), trace=trace)
    assert (answer.text, answer.citations) == (ABSTAIN_TEXT, ())
    assert trace.attributes["abstained"] is True


def test_does_not_say_that_it_abstained_when_it_did_not():
    trace = Trace()
    ask("When does unused leave expire?", hit(LEAVE), trace=trace)
    assert "abstained" not in trace.attributes


def test_streams_a_chunk_for_each_sentence():
    async def gathered() -> list[Chunk]:
        answer = extractive(HashEmbedder())
        asked = request("Which printers stand where, and who orders toner?", hit(PRINTERS))
        return [chunk async for chunk in answer(asked, Trace())]

    chunks = asyncio.run(gathered())
    assert [chunk.text for chunk in chunks] == [
        "The printers stand on the second floor. [1]",
        " Toner is ordered by the helpdesk. [1]",
    ]
    assert [chunk.finish for chunk in chunks] == [None, "stop"]
    assert len(chunks[-1].citations) == 2


def test_opens_one_model_span_and_reports_usage_that_costs_nothing():
    trace = Trace()
    answer = ask("When does unused leave expire?", hit(LEAVE), trace=trace)
    (span,) = trace.spans
    assert span.name == "model"
    assert span.end is not None
    assert span.attributes["quotes"][0]["source"] == 1
    assert answer.usage is not None
    assert answer.usage.cost_usd == 0.0
    assert answer.usage.input_tokens > answer.usage.output_tokens > 0


def test_an_embedder_that_is_down_leaves_words():
    class Down:
        name = "down"

        async def __call__(self, texts: Sequence[str]) -> Any:
            raise Unavailable("the engine is starting")

    trace = Trace()
    assert ask("Who orders toner?", hit(PRINTERS), embedder=Down(), trace=trace).text.startswith("Toner is ordered")
    assert trace.spans[0].attributes["by_words_alone"] == "the engine is starting"


def test_embeds_a_bounded_number_of_sentences():
    class Counting(HashEmbedder):
        most = 0

        async def __call__(self, texts: Sequence[str]) -> Any:
            self.most = max(self.most, len(texts))
            return await super().__call__(texts)

    counting = Counting()
    long = " ".join(f"Rule {number} speaks of leave." for number in range(300))
    ask("What does rule 250 say of leave?", hit(long), embedder=counting)
    assert counting.most == EMBEDDED + 1


def test_the_same_sentence_in_two_sources_is_quoted_once():
    answer = ask("When does unused leave expire?", hit(LEAVE), hit(LEAVE, document="copy.md", score=0.9))
    assert answer.text.count("Unused leave expires in March.") == 1


HOURS = """Counters open as follows.

| Site | Monday | Friday |
|------|--------|--------|
| Corvale | 07:00 | 08:00 |
| Estermouth | 09:00 | 10:00. Call first. |
"""


def test_rows_are_quoted_below_their_head_so_that_they_are_still_a_table():
    answer = ask("When does the Estermouth counter open on Friday?", hit(HOURS), most=1)
    assert answer.text == (
        "| Site | Monday | Friday |\n|------|--------|--------|\n| Estermouth | 09:00 | 10:00. Call first. |\n\n[1]"
    )
    assert [citation.quote.count("|") for citation in answer.citations] == [8, 4]


def test_a_question_of_no_words_is_no_error():
    assert ask("???", hit(LEAVE)).choices[0].finish == "stop"
    assert ask("", hit("")).text == ABSTAIN_TEXT


WORDS = st.sampled_from(
    "leave March printers toner days who 30 # - | |\n| |\n|-|-| ? : . \n \n\n Mr. e.g. ü 東京 [1] ** 1. However,".split(
        " "
    )
)
TEXTS = st.lists(WORDS, max_size=40).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(question=TEXTS, texts=st.lists(TEXTS, max_size=4), most=st.integers(1, 4))
def test_every_quoted_piece_is_a_slice_of_its_source(question: str, texts: list[str], most: int):
    sources = [hit(text, document=f"{n}.md", start=7 * n, score=1 / (n + 1)) for n, text in enumerate(texts)]
    answer = ask(question, *sources, most=most, floor=-9.0)
    said, last = re.sub(r"\s", "", answer.text), 0
    for citation in answer.citations:
        passage = sources[citation.number - 1].passage
        assert passage.text[citation.start - passage.start : citation.end - passage.start] == citation.quote
        assert citation.document == passage.document
        quote = re.sub(r"\s", "", citation.quote)
        said = said.removeprefix(f"[{last}]") if said.startswith(f"[{last}]{quote}") else said
        assert said.startswith(quote)
        said, last = said.removeprefix(quote), citation.number
    assert said == (f"[{last}]" if answer.citations else re.sub(r"\s", "", ABSTAIN_TEXT))
    assert ask(question, *sources, most=most, floor=-9.0) == answer
