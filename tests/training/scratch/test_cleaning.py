"""A corpus loses what is no running text, what stands there twice, and whose it is; and says of each why."""

import json

import pytest

from fourways.core.errors import InvalidRequest
from fourways.training.scratch.asked import Cleaning
from fourways.training.scratch.cleaning import clean
from fourways.training.scratch.near import likeness, signature_of
from fourways.training.scratch.personal import mask
from fourways.training.scratch.quality import broken, language_of

GOOD = """The printer on the second floor is for all of the staff. If it does not answer, switch it off and on again,
and wait for a minute. Paper is kept in the cupboard beside it, and the key to that is with the reception, who will
ask for your badge. Colour pages are counted, and each department gets a list of them at the end of the month."""
GERMAN = """Der Drucker im zweiten Stock ist für alle. Wenn er nicht antwortet, wird er aus und wieder an geschaltet,
und nach einer Minute geht es weiter. Das Papier liegt im Schrank daneben, und der Schlüssel ist bei dem Empfang."""


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (GOOD, ""),
        (GERMAN, ""),
        ("Too short.", "words"),
        ("a b c d e f g h " * 10, "mean word length"),
        ("Donaudampfschifffahrt " * 30, "mean word length"),
        ("#tag #other text here " * 20, "symbols by words"),
        ("\n".join(f"- the item number {name} of these" for name in "abcdefghijk"), "lines that are bullets"),
        (
            "\n".join(
                f"Read more about those {name} things that stand in the long list over there…" for name in "abcdefgh"
            ),
            "lines cut off by an ellipsis",
        ),
        ("12.5 44.1 7.77 the and of 99.0 " * 6, "words with a letter"),
        ("\n".join([GOOD.splitlines()[0]] * 6), "repeated lines"),
        (f"{GOOD} Lorem ipsum dolor.", "boilerplate"),
        (" ".join(["really very"] * 30), "most frequent 2-gram"),
        (GOOD.replace("\n", " ") + " " + " ".join(GOOD.split()), "repeated 10-grams"),
    ],
)
def test_a_rule_drops(text, rule):
    assert broken(text, Cleaning())[0] == rule


@pytest.mark.parametrize(("text", "language"), [(GOOD, "en"), (GERMAN, "de"), ("zx " * 40, ""), ("the of", "")])
def test_a_language_is_told_by_its_common_words(text, language):
    assert language_of(text.split()) == language


def test_only_the_languages_wanted_are_kept():
    assert broken(GERMAN, Cleaning(languages=("en",)))[0] == "language"
    assert broken(GERMAN, Cleaning(languages=("en", "de")))[0] == ""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ada.byron@firm.example now", "Write to <email> now"),
        ("Write to it.support@firm.example now", "Write to it.support@firm.example now"),  # nobody's own
        ("Call +49 30 901820-12 today", "Call <phone> today"),
        ("Extension 4400, port 51820, 2026-11-27", "Extension 4400, port 51820, 2026-11-27"),
        ("Pay to DE89 3704 0044 0532 0130 00 soon", "Pay to <iban> soon"),
        ("Pay to DE88 3704 0044 0532 0130 00 soon", "Pay to DE88 3704 0044 0532 0130 00 soon"),  # its digits are wrong
        ("Card 4111 1111 1111 1111 expired", "Card <card> expired"),
        ("Order 4111 1111 1111 1112 arrived", "Order 4111 1111 1111 1112 arrived"),
    ],
)
def test_personal_data_is_masked_by_form_and_digits(text, masked):
    assert mask(text)[0] == masked


def test_likeness_is_the_share_of_common_grams():
    words = [f"word{number}" for number in range(400)]
    half = [*words[:200], *(f"other{number}" for number in range(200))]
    same = likeness(signature_of(" ".join(words)), signature_of(" ".join(words)))
    alike = likeness(signature_of(" ".join(words)), signature_of(" ".join(half)))
    assert same == 1.0
    assert alike == pytest.approx(196 / (396 + 200), abs=0.15)


def lines(path, *texts):
    path.write_text("".join(json.dumps({"text": text, "source": f"s{at}"}) + "\n" for at, text in enumerate(texts)))
    return path


def test_what_is_dropped_is_counted_and_logged_with_its_reason(tmp_path):
    near = GOOD.replace("a minute", "one minute")
    corpus = lines(tmp_path / "c", GOOD, GOOD, near, "Too short.", GERMAN + " Frage anna.blum@firma.example.")
    made = clean(corpus, tmp_path / "kept", tmp_path / "log", Cleaning(near=0.7))
    assert (made.read, made.kept) == (5, 2)
    assert made.dropped == {"the same": 1, "nearly the same": 1, "words": 1}
    assert made.masked == {"email": 1}
    log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(line["line"], line["what"], line["rule"]) for line in log] == [
        (2, "dropped", "the same"),
        (3, "dropped", "nearly the same"),
        (4, "dropped", "words"),
        (5, "masked", "personal data"),
    ]
    assert "<email>" in (tmp_path / "kept").read_text()


def test_personal_data_can_be_kept_and_can_drop(tmp_path):
    corpus = lines(tmp_path / "c", GOOD, GERMAN + " Frage anna.blum@firma.example.")
    assert clean(corpus, tmp_path / "k", tmp_path / "l", Cleaning(personal="keep")).masked == {}
    assert clean(corpus, tmp_path / "k", tmp_path / "l", Cleaning(personal="drop")).dropped == {"personal data": 1}


@pytest.mark.parametrize(("line", "says"), [("{", "1:"), ('{"words": 1}', "text"), ("", "it is empty")])
def test_what_is_no_corpus_is_refused_by_its_line(tmp_path, line, says):
    (tmp_path / "c").write_text(line)
    with pytest.raises(InvalidRequest, match=says):
        clean(tmp_path / "c", tmp_path / "k", tmp_path / "l", Cleaning())


def test_no_corpus_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="no corpus"):
        clean(tmp_path / "none", tmp_path / "k", tmp_path / "l", Cleaning())
