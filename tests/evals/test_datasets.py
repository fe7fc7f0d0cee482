"""Public data sets as suites: known by their shape, asked in their authors' form, and one who knows passes them all."""

import json
from collections import Counter
from pathlib import Path

import pytest

from fourways.core.errors import InvalidSuite
from fourways.core.report import Answered
from fourways.evals.abstaining import says_nothing
from fourways.evals.cases import Case
from fourways.evals.datasets import ABSTAINS, FORMATS, Options, gold
from fourways.evals.reading import read_cases, read_file
from fourways.evals.scorers.base import Tools
from fourways.evals.scorers.choosing import ROWS as CHOOSING
from fourways.evals.scorers.numeric import ROWS as NUMERIC
from fourways.evals.scorers.text import ROWS as TEXT
from fourways.evals.suites import load_file

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SCORERS = {row.name: row for row in (*CHOOSING, *NUMERIC, *TEXT)}
KNOWN: frozenset[str] = frozenset()

GSM8K = {"question": "Two hens lay 600 eggs each. How many?", "answer": "2*600=<<2*600=1200>>1200\n#### 1,200"}
HUMANEVAL = {
    "task_id": "HumanEval/7",
    "prompt": 'def half(n):\n    """Half of it."""\n\n',
    "canonical_solution": "    return n / 2\n",
    "test": "def check(candidate):\n    assert candidate(4) == 2\n",
    "entry_point": "half",
}
CHOICE = {"question": "What happens?", "mc1_targets": {"Nothing.": 1, "You die.": 0, "You fly.": 0}, "mc2_targets": {}}
FREE = (
    "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
    "Adversarial,Myths,What happens?,Nothing,Nothing; Not much,You die; You fly,https://a.example\n"
)
SQUAD = {
    "data": [
        {
            "title": "Lenses [old]",
            "paragraphs": [
                {
                    "context": "Tarnbeck grinds lenses.",
                    "qas": [
                        {
                            "id": "q1",
                            "question": "Who grinds?",
                            "answers": [{"text": "Tarnbeck"}, {"text": "Tarnbeck"}],
                        },
                        {"id": "q2", "question": "Who sells?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ]
}
BANKING = "text,category\nWhere is my card?,card_arrival\nIs it lost?,lost_card\n"
CLINC = {"train": [["a", "x"]], "test": [["hello", "greeting"]], "oos_test": [["zebras", "oos"]]}


def cases(file: str, text: str, **options: object) -> tuple[Case, ...]:
    return read_cases(file, text, known=KNOWN, options=Options(**options))  # type: ignore[arg-type]


def kinds(found: tuple[Case, ...]) -> set[str]:
    return {one.type for case in found for one in case.asserts}


async def passed(case: Case, answer: str) -> list[bool | None]:
    """Score an answer by what the case asserts, where that needs nothing but the two."""
    scores = [await SCORERS[one.type].score(case, [Answered(text=answer)], one, Tools()) for one in case.asserts]
    return [score.passed for score in scores]


# ---------------------------------------------------------------- each in small


async def test_a_sum_is_right_to_the_last_digit():
    (case,) = cases("gsm8k.jsonl", json.dumps(GSM8K))
    assert case.id == "gsm8k-0001"
    assert case.input.startswith("Two hens lay 600 eggs each. How many?\n\nReason step by step.")
    assert gold(case) == "1200"
    assert await passed(case, "600 and 600 are\n1,200") == [True]
    assert await passed(case, "1200.0001") == [False]


def test_a_function_is_asked_for_with_its_tests():
    (case,) = cases("HumanEval.jsonl", json.dumps(HUMANEVAL))
    (asked,) = case.asserts
    assert case.id == "HumanEval/7"
    assert asked.type == "code"
    assert asked.value["entry_point"] == "half"
    assert "assert candidate(4) == 2" in asked.value["test"]
    assert gold(case) == '```python\ndef half(n):\n    """Half of it."""\n    return n / 2\n```'


async def test_choices_are_shuffled_and_one_letter_is_right():
    (case,) = cases("mc_task.json", json.dumps([CHOICE]))
    right = gold(case)
    assert right in {"A", "B", "C"}
    assert f"{right}. Nothing." in case.input
    assert await passed(case, f"{right}.") == [True]
    assert await passed(case, f"I think {right}") == [False]
    orders = {tuple(cases("a.json", json.dumps([CHOICE]), seed=seed)[0].metadata["choices"]) for seed in range(40)}
    assert len(orders) == 6
    assert cases("a.json", json.dumps([CHOICE])) == cases("a.json", json.dumps([CHOICE]))


def test_a_free_answer_is_judged_against_what_is_false():
    (case,) = cases("TruthfulQA.csv", FREE)
    assert case.expected == ("Nothing", "Not much")
    assert case.metadata["incorrect"] == ["You die", "You fly"]
    assert [(one.type, one.threshold) for one in case.asserts] == [("judge", None), ("token_f1", 0.0)]
    assert "- You die" in case.asserts[0].value


def test_a_passage_is_context_and_its_file_is_named_as_the_corpus_has_it():
    who, sells = cases("squad.json", json.dumps(SQUAD))
    assert (who.id, who.expected, who.context) == ("q1", ("Tarnbeck",), ("Tarnbeck grinds lenses.",))
    assert (who.documents, sells.answerable, gold(sells)) == ((), False, ABSTAINS)
    who, _ = cases("squad.json", json.dumps(SQUAD), document="passage-{number:03}.txt")
    assert who.documents == ("passage-000.txt",)
    who, _ = cases("squad.json", json.dumps(SQUAD), document="{title}#{paragraph}")
    assert who.documents == ("Lenses ?old?#0",)


async def test_a_label_is_one_of_those_in_the_file():
    card, lost = cases("test.csv", BANKING)
    assert card.asserts[0].options == {"labels": ["card_arrival", "lost_card"]}
    assert "card_arrival, lost_card\n\nMessage: Where is my card?" in card.input
    assert gold(lost) == "lost_card"
    assert await passed(card, "card arrival") == [True]
    assert await passed(card, "lost_card") == [False]


def test_a_split_is_read_with_what_is_out_of_scope():
    hello, zebras = cases("data_full.json", json.dumps(CLINC))
    assert (hello.expected, zebras.expected) == (("greeting",), ("oos",))
    assert hello.asserts[0].options == {"labels": ["greeting", "oos", "x"]}
    assert [case.expected for case in cases("data_full.json", json.dumps(CLINC), split="train")] == [("x",)]


def test_the_question_stands_without_its_instruction_too():
    files = {"g.jsonl": json.dumps(GSM8K), "m.json": json.dumps([CHOICE]), "b.csv": BANKING}
    for file, text in files.items():
        assert all(case.metadata["question"] in case.input for case in cases(file, text))


def test_other_files_are_left_alone():
    plain = '{"question": "Which port?", "answer": "51820"}'
    assert cases("a.jsonl", plain)[0].input == "Which port?"
    assert cases("a.csv", "text,question,category\nx,Which port?,y\n")[0].variables == {"text": "x", "category": "y"}


BROKEN = [
    ("a.jsonl", f'{json.dumps(GSM8K)}\n{{"question": "q", "answer": "no number"}}', 2, "its answer ends on no number"),
    ("a.jsonl", f'{json.dumps(HUMANEVAL)}\n{{"prompt": "p"}}', 2, "'test' is missing"),
    ("a.json", json.dumps([{**CHOICE, "mc1_targets": {"a": 1, "b": 1}}]), 1, "exactly one must be right"),
    ("a.json", json.dumps({"data": [{"paragraphs": [{"context": "c"}]}]}), 0, "'qas' is missing"),
    ("a.csv", "text,label\nx,y\nz,\n", 3, "has no label"),
    ("a.jsonl", json.dumps({**GSM8K, "question": "half \ud800"}), 1, "cannot be written as JSON"),
    ("a.json", json.dumps({"test": [["a"]]}), 0, "is not of one shape throughout"),
]


@pytest.mark.parametrize(("file", "text", "line", "message"), BROKEN)
def test_a_row_of_another_shape_is_named(file, text, line, message):
    with pytest.raises(InvalidSuite, match=message) as caught:
        cases(file, text)
    assert caught.value.line == line


def test_who_abstains_says_nothing():
    assert says_nothing(ABSTAINS)


# ---------------------------------------------------------------- the real ones

REAL = {
    # file → cases, what is asserted; None where a model or a sandbox scores
    "gsm8k/test.jsonl": (1319, {"numeric"}, True),
    "humaneval/HumanEval.jsonl.gz": (164, {"code"}, False),
    "truthfulqa/mc_task.json": (817, {"choice"}, True),
    "truthfulqa/TruthfulQA.csv": (817, {"judge", "token_f1"}, False),
    "xquad/xquad.en.json": (1190, set(), True),
    "xquad/xquad.de.json": (1190, set(), True),
    "banking77/test.csv": (3080, {"label"}, True),
    "clinc150/data_full.json": (4500, {"label"}, True),
}


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent: the real data sets are not read")
@pytest.mark.parametrize("file", REAL)
async def test_real_data_sets_are_read_whole_and_one_who_knows_passes(file):
    count, asserted, pure = REAL[file]
    found = read_file(DATA / file, known=KNOWN)
    assert len(found) == count
    assert kinds(found) == asserted
    for case in found[:200] if pure else ():
        answer = gold(case)
        assert answer is not None
        assert all(await passed(case, answer)), case.id


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent: the real data sets are not read")
def test_choices_fall_on_all_letters_and_labels_are_all_there():
    letters = Counter(gold(case) for case in read_file(DATA / "truthfulqa" / "mc_task.json", known=KNOWN))
    assert letters["A"] < 250
    assert letters["A"] + letters["B"] + letters["C"] + letters["D"] < 817
    (labels,) = {tuple(c.asserts[0].options["labels"]) for c in read_file(DATA / "banking77" / "test.csv", known=KNOWN)}
    assert len(labels) == 77


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent: the real data sets are not read")
def test_a_data_set_is_a_suite_by_itself():
    suite = load_file(
        DATA / "xquad" / "xquad.en.json", known=KNOWN, options=Options(document="passage-{number:03}.txt")
    )
    assert suite.name == "xquad"
    assert kinds(suite.cases) == {"contains", "token_f1", "hit", "citation_correctness", "groundedness"}
    assert len({case.documents for case in suite.cases}) == 240


def test_every_format_has_a_name_of_its_own_and_a_line():
    assert len({form.name for form in FORMATS}) == len(FORMATS)
    assert all(form.line for form in FORMATS)
