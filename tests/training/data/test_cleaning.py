"""Rows are mended or left out, each with a line in the log; personal data is found, hidden, masked."""

import json
from collections import Counter
from pathlib import Path

import pytest

from fourways.core.errors import Problem
from fourways.training.data.checking import conflicts_of, labels_of, personal_of, same_and_near
from fourways.training.data.cleaning import Known, Rules, clean
from fourways.training.data.mending import is_lost, mended
from fourways.training.data.personal import masked, personal_in, veiled
from fourways.training.data.rows import Row, Source, asked_and_answered

PRESIDIO = Path("../shared/data/pii/synth_dataset_v2.json")


def row(question: str, answer: str = "It is.", line: int = 1, **fields) -> Row:
    source = Source(kind="file", name="a.jsonl", line=line)
    return Row(source=source, messages=asked_and_answered(question, answer), **fields)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The cafÃ© is open", "The café is open"),
        ("It costs â‚¬5", "It costs €5"),
        ("Zero\u200bwidth, bell\x07 and\ufeff mark", "Zerowidth, bell and mark"),
        ("one  \r\ntwo\r\n", "one\ntwo"),
        ("e\u0301", "é"),
        ("Ângström, façade, naïve, 👩\u200d💻 stay", "Ângström, façade, naïve, 👩\u200d💻 stay"),
    ],
)  # fmt: skip
def test_broken_text_is_mended_and_sound_text_left(before, after):
    assert mended(before) == after
    assert mended(mended(before)) == after


def test_characters_that_were_lost_are_told_from_one_odd_one():
    assert is_lost("Gr\ufffd\ufffde aus K\ufffdln")
    assert not is_lost(f"{'word ' * 40}\ufffd")


PERSONAL = [
    ("write to jane.doe+x@mail.example.org!", "email", "write to [email]!"),
    ("call +49 171 1234567 now", "phone", "call [phone] now"),
    ("call (415) 844-9759", "phone", "call [phone]"),
    ("pay to DE89 3704 0044 0532 0130 00", "iban", "pay to [iban]"),
    ("card 4111 1111 1111 1111", "card", "card [card]"),
    ("ssn 536-22-8726", "ssn", "ssn [ssn]"),
    ("from 81.2.69.142", "ip", "from [ip]"),
    ("born on 3 March 1982", "birth", "[birth]"),
    ("key AKIAIOSFODNN7EXAMPLE", "secret", "key [secret]"),
    ("at 221 Baker Street", "address", "at [address]"),
    ("Hauptstraße 12", "address", "[address]"),
]


@pytest.mark.parametrize(("text", "kind", "after"), PERSONAL, ids=[case[1] for case in PERSONAL])
def test_personal_data_is_found_and_masked(text, kind, after):
    assert [one.kind for one in personal_in(text)] == [kind]
    assert masked(text) == after


@pytest.mark.parametrize(
    "text",
    ["on 2026-01-08 at 07:30", "DE89 3704 0044 0532 0130 01", "4111 1111 1111 1112", "11,870 tickets",
     "version 1.2.3.400", "127.0.0.1", "3840 × 2160", "4000 to 4999", "LN-20418", "calendar weeks 31 and 32"],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(text):
    assert personal_in(text) == []


def test_an_example_is_shown_by_its_ends_alone():
    assert veiled("jane@mail.org") == "j••••••••g"
    assert "j" not in veiled("jane")


@pytest.mark.data
@pytest.mark.skipif(not PRESIDIO.exists(), reason="../shared/data/pii is not there")
def test_real_numbers_and_addresses_are_found():
    """Names, places and odd telephone numbers are not: patterns know no people."""
    kinds = {"EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "US_SSN": "ssn", "IP_ADDRESS": "ip"}
    there: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for sentence in json.loads(PRESIDIO.read_text()):
        places = personal_in(sentence["full_text"])
        for span in sentence["spans"]:
            if span["entity_type"] in kinds:
                kind = kinds[span["entity_type"]]
                there[kind] += 1
                over = [
                    each for each in places if each.start < span["end_position"] and span["start_position"] < each.end
                ]
                found[kind] += any(each.kind == kind for each in over)
    assert all(found[kind] >= 0.9 * count for kind, count in there.items()), (found, there)


# ---------------------------------------------------------------- rules

ROWS = [
    row("Which port does the VPN of the plant in Estermouth use?", line=1),
    row("Which port does the VPN of the plant in Estermouth use?", line=2),
    row("So which port does the VPN of the plant in Estermouth use?", line=3),
    row("", "", line=4),
    row("Who is jane@mail.org, and where is the cafÃ©?", line=5),
    row("Wo steht das?", line=6),
    row("A question that is much longer than all of the others are, and so is cut", line=7),
    row("What does the test ask?", line=8),
]


def test_each_rule_drops_or_mends_and_says_so():
    known = Known(
        lengths={number: len(one.question) for number, one in enumerate(ROWS)},
        languages={5: "de", 0: "en"},
        contaminated={7: "asks the same as test case c-1 (desk)"},
    )
    problems = [Problem(file="a.jsonl", line=9, key="", message="is no JSON")]
    cleaned = clean(ROWS, Rules(longest=60, languages=("en",)), known=known, problems=problems)
    done = [(entry.rule, entry.row, entry.plain["done"]) for entry in cleaned.log]
    assert done == [
        ("unreadable", "a.jsonl:9", "dropped"),
        ("encoding", "a.jsonl:5", "mended"),
        ("empty", "a.jsonl:4", "dropped"),
        ("contaminated", "a.jsonl:8", "dropped"),
        ("language", "a.jsonl:6", "dropped"),
        ("too long", "a.jsonl:7", "dropped"),
        ("duplicate", "a.jsonl:2", "dropped"),
        ("near-duplicate", "a.jsonl:3", "dropped"),
        ("personal", "a.jsonl:5", "mended"),
    ]
    assert [one.question for one in cleaned.rows] == [
        "Which port does the VPN of the plant in Estermouth use?", "Who is [email], and where is the café?",
    ]  # fmt: skip
    assert "the same as a.jsonl:1" in [entry.why for entry in cleaned.log]


def test_what_is_masked_stands_in_the_log_masked_only():
    for rule in ("mask", "drop"):
        cleaned = clean([row("Who is jane@mail.org?")], Rules(personal=rule))
        assert "jane" not in json.dumps([entry.plain for entry in cleaned.log])
    assert clean([row("Who is jane@mail.org?")], Rules(personal="keep")).rows[0].question == "Who is jane@mail.org?"


def test_a_group_is_capped_and_one_without_names_by_its_file():
    rows = [row(f"Number {number * 7919}?", line=number, group="a" if number % 2 else "") for number in range(10)]
    cleaned = clean(rows, Rules(cap=3))
    assert Counter(one.group for one in cleaned.rows) == {"a": 3, "": 3}
    assert cleaned.counts == {("cap", "dropped"): 4}


# ---------------------------------------------------------------- what is told


def test_labels_are_told_from_answers():
    labelled = [row(f"Text {number}", "cards" if number % 4 else "loans") for number in range(40)]
    balance = labels_of(labelled)
    assert balance is not None
    assert (dict(balance.counts), balance.ratio) == ({"cards": 30, "loans": 10}, 3.0)
    assert labels_of([row(f"Text {number}", f"It is {number}.") for number in range(40)]) is None


def test_doubles_and_contradictions_are_told():
    rows = [row("Which port?", "51820"), row("which port", "80"), row("Which port?", "51820")]
    same, _ = same_and_near(rows, near=0.8)
    assert (same.count, conflicts_of(rows)) == (1, [("Which port?", 2)])


def test_personal_data_is_counted_and_shown_veiled():
    counts, shown = personal_of([row("Who is jane@mail.org or joe@mail.org?")])
    assert counts == {"email": 2}
    assert shown["email"][0].startswith("j••••••••g in a.jsonl:1")
