"""Rows are checked with all that is known of them, in a base's own tokens; a model's pairs rest on their passage."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fourways.control.data_checks import Base, base_named, check, count_tokens, known_of
from fourways.control.questions import AskedOfModels
from fourways.core.chat import ChatRequest, text_of
from fourways.core.data import Document, Passage
from fourways.core.errors import InvalidRequest, Problem, Unavailable, UpstreamError
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.evals.cases import Case, Suite
from fourways.models.echo import Echo
from fourways.store.database import Database, open_database
from fourways.training.data.making import Read
from fourways.training.data.rows import Row, Source, asked_and_answered
from fourways.training.tokenizer import learn_tokenizer, save_tokenizer

QUESTIONS = [
    "Which port does the VPN use?",
    "Who is the head of IT?",
    "Which port does the VPN use?",
    "Mail to jane@mail.org?",
    "How long is a password good, and what happens when it is not good any more?",
]


def rows() -> list[Row]:
    return [
        Row(source=Source(kind="file", name="a.jsonl", line=line), messages=asked_and_answered(asked, "It is."))
        for line, asked in enumerate(QUESTIONS, 1)
    ]


def suite(*asked: str) -> Suite:
    cases = tuple(Case(id=f"c-{n}", messages=({"role": "user", "content": text},)) for n, text in enumerate(asked, 1))
    return Suite(name="desk", cases=cases)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("base")
    save_tokenizer(learn_tokenizer(QUESTIONS, size=300), folder, window=24)
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 24}))
    return base_named(str(folder), folder)


async def test_what_is_wrong_stops_it_and_what_is_odd_is_told(base):
    problem = Problem(file="a.jsonl", line=9, key="", message="is no JSON")
    found = await check(rows(), [problem], [suite("who's the head of IT")], base)
    assert found.stops == [
        "rows that cannot be read: 1",
        "rows that hold test cases: 1; what was learned before measures nothing",
    ]
    assert found.contaminated[0].startswith("a.jsonl:2 “Who is the head of IT?” asks")
    assert (found.rows, found.same.count, found.personal, found.window) == (5, 1, {"email": 1}, 24)
    assert found.lengths is not None
    assert (found.lengths.unit, found.truncated) == ("tokens", 1)
    assert "jane" not in str(found)


async def test_without_a_base_lengths_are_in_characters_and_sound_rows_pass():
    found = await check(rows()[:2], [], [suite("Another question altogether?")], None)
    assert found.lengths is not None
    assert (found.lengths.unit, found.lengths.most, found.stops, found.warnings) == ("characters", 34, [], [])


async def test_rows_of_several_kinds_and_no_rows_stop_it():
    mixed = [*rows()[:1], Row(source=Source(kind="file", name="b"), text="Some text.")]
    assert "rows of several kinds" in (await check(mixed, [], [], None)).stops[0]
    assert (await check([], [], [], None)).stops == ["there is no row to learn from"]


async def test_cleaning_knows_lengths_languages_and_test_cases(base):
    known = await known_of(rows(), [suite("Who is the head of IT?")], base)
    assert set(known.contaminated) == {1}
    assert known.lengths[4] > known.lengths[0] > 5


async def test_tokens_are_counted_as_the_tokenizer_counts_them(base):
    from tokenizers import Tokenizer

    texts = ["Which port?", "two\nlines and “quotes”", ""]
    own = Tokenizer.from_file(str(base.folder / "tokenizer.json"))
    assert await count_tokens(base.folder, texts) == [
        len(own.encode(text, add_special_tokens=False).ids) for text in texts
    ]


async def test_a_base_without_a_tokenizer_says_so(tmp_path):
    with pytest.raises(Unavailable, match=r"has no tokenizer\.json"):
        await count_tokens(tmp_path, ["a"])
    with pytest.raises(InvalidRequest, match="there is no base nowhere"):
        base_named("nowhere", tmp_path)


# ---------------------------------------------------------------- pairs that a model writes

TEXT = "Ferry is our VPN. The gateway listens on UDP port 51820. A session ends after 12 hours."
PASSAGE = Passage(id="p", knowledge="k", document="vpn.md", title="VPN", text=TEXT, start=0, end=len(TEXT), ordinal=0)
READ = Read(
    document=Document(uri="vpn.md", title="VPN", text=TEXT, content_hash=""), knowledge="k", passages=(PASSAGE,)
)
GOOD = {
    "question": "Which port does Ferry's gateway use?",
    "answer": "UDP port 51820",
    "quote": "The gateway listens on UDP port 51820.",
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/fourways.db")
    yield opened
    opened.close()


class Writer:
    """A model that writes what it is told to, and counts how often it was asked."""

    def __init__(self, *pairs: Any, says: str = "") -> None:
        self.reply = says or f"Here you are:\n```json\n{json.dumps({'pairs': pairs})}\n```"
        self.asked: list[str] = []

    def __call__(self, request: ChatRequest) -> str:
        self.asked.append(text_of(request.messages[-1]))
        return self.reply


def asking(database: Database, writer: Writer) -> AskedOfModels:
    shelf = SimpleNamespace(answerer=lambda _: Echo(writer))
    workshop: Any = SimpleNamespace(models=shelf, pin_model=lambda name: {"name": name})
    return AskedOfModels(workshop=workshop, database=database, tenant=TENANT)


@pytest.mark.parametrize(
    ("pair", "kept"),
    [
        (GOOD, True),
        (GOOD | {"quote": "the  gateway LISTENS on udp port 51820"}, True),
        (GOOD | {"answer": "port 1194"}, False),
        (GOOD | {"quote": "The gateway listens on TCP port 51820."}, False),
        (GOOD | {"question": "What does the passage say of the port?"}, False),
        (GOOD | {"answer": ""}, False),
        ({"question": "Which port?"}, False),
        ("no pair", False),
    ],
)  # fmt: skip
async def test_pairs_that_do_not_rest_on_the_passage_are_left_out(database, pair, kept):
    found = await asking(database, Writer(pair))("writer", READ, 12)
    assert [(one.question, one.answer) for one in found] == ([(GOOD["question"], GOOD["answer"])] if kept else [])
    if kept:
        assert TEXT[found[0].start : found[0].end].lower().startswith("the gateway")


async def test_a_reply_that_is_no_json_makes_no_pairs(database):
    assert await asking(database, Writer(says="I would rather not."))("writer", READ, 12) == []


async def test_a_passage_is_asked_about_once_for_all_runs(database):
    first, second = Writer(GOOD), Writer(GOOD)
    await asking(database, first)("writer", READ, 12)
    assert await asking(database, second)("writer", READ, 12) != []
    assert (len(first.asked), len(second.asked)) == (1, 0)
    assert first.asked[0].startswith("<passage>\nVPN\nFerry is our VPN.")


async def test_a_model_that_fails_stops_it(database):
    def broken(_: ChatRequest) -> str:
        msg = "its server is down"
        raise UpstreamError(msg)

    with pytest.raises(UpstreamError, match="its server is down"):
        await asking(database, broken)("writer", READ, 12)  # type: ignore[arg-type]
