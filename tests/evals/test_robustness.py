"""Asking again, disturbed."""

import json
from dataclasses import replace

import pytest
from tests.evals.scripted import case

from fourways.core.data import Hit, Passage
from fourways.core.errors import NotFound, UpstreamError
from fourways.core.report import Answered
from fourways.evals.cases import Case
from fourways.evals.perturbations import PERTURBATIONS
from fourways.evals.robustness import Robustness, robustness

CASES = [
    replace(case(f"When was building {name} opened, please?", expected=(f"in {1800 + n}",)), id=name)
    for n, name in enumerate(("alpha", "beta", "gamma", "delta"))
]


def hit(text: str) -> Hit:
    passage = Passage(id=text, knowledge="k", document="d", title="", text=text, start=0, end=len(text), ordinal=0)
    return Hit(passage=passage, score=0.5, dense=0.5, lexical=1.0)


class Candidate:
    """Finds one passage of each case; what it says is made by a function of question and passages."""

    def __init__(self, say, *, retrieves=True):
        self.say, self.retrieves = say, retrieves
        self.asked: list[str] = []

    async def __call__(self, one: Case, inserted=None) -> Answered:
        self.asked.append(one.input)
        hits = (hit(f"It was opened {one.expected[0]}."),) if self.retrieves else ()
        hits = inserted(hits) if inserted is not None else hits
        texts = tuple(found.passage.text for found in hits)
        said = self.say(one, texts)
        sources = tuple({"document": found.passage.document, "text": found.passage.text} for found in hits)
        return said if isinstance(said, Answered) else Answered(text=said, sources=sources)


async def contains(one: Case, answered: Answered) -> float:
    return float(one.expected[0] in answered.text)


async def unscored(one: Case, answered: Answered) -> None:
    return None


def steadfast(one: Case, texts) -> str:
    return f"It was opened {one.expected[0]}."


def effect(found: Robustness, name: str):
    return next(one for one in found.effects if one.name == name)


async def test_a_steadfast_candidate_holds_everywhere():
    found = await robustness(CASES, Candidate(steadfast), contains, rewrite=rewriting)
    assert found.cases == 4
    assert found.left_out == {
        "swap": "there is nothing that it could change",
        "synonyms": "there is nothing that it could change",
    }
    assert {one.name for one in found.effects} == set(PERTURBATIONS) - set(found.left_out)
    for one in found.effects:
        assert (one.n, one.untouched, one.invariance.value, one.worst) == (4, 0, 1.0, ())
        assert one.drop is not None
        assert one.drop.value == 0.0


async def rewriting(prompt: str, text: str) -> str:
    return f"Tell me: {text}"


async def test_what_does_not_hold_is_counted_with_its_interval_and_shown():
    def brittle(one: Case, texts) -> str:
        return steadfast(one, texts) if one.input.startswith("When") or "alpha" in one.input else "Pardon?"

    found = await robustness(CASES, Candidate(brittle), contains, names=["prefix"])
    (prefix,) = found.effects
    assert (prefix.name, prefix.acts_on, prefix.holds, prefix.n) == ("prefix", "question", "same answer", 4)
    assert prefix.invariance.value == 0.25
    assert 0.0 < prefix.invariance.low < 0.25 < prefix.invariance.high < 0.8
    assert prefix.invariance.method == "wilson"
    assert prefix.drop is not None
    assert prefix.drop.value == 0.75
    assert prefix.drop.low < 0.75 < prefix.drop.high
    assert [one.case for one in prefix.worst] == ["beta", "gamma", "delta"]
    assert prefix.worst[0].before == "It was opened in 1801."
    assert prefix.worst[0].after == "Pardon?"
    assert prefix.worst[0].lost == 1.0
    assert prefix.worst[0].disturbed.endswith("When was building beta opened, please?")


async def test_without_scores_the_answers_are_compared():
    def shouts(one: Case, texts) -> str:
        return "Do not shout." if one.input.isupper() else steadfast(one, texts)

    found = await robustness(CASES, Candidate(shouts), unscored, names=["casing"], seed=5)
    (casing,) = found.effects
    assert casing.drop is None
    shouted = sum(example.disturbed.isupper() for example in casing.worst)
    assert shouted == len(casing.worst) > 0
    assert casing.invariance.value == 1 - len(casing.worst) / 4


async def test_wrong_before_and_wrong_after_is_the_same_outcome():
    found = await robustness(CASES, Candidate(lambda one, texts: one.input), contains, names=["typos"])
    assert effect(found, "typos").invariance.value == 1.0


async def test_who_obeys_a_document_is_caught_and_who_quotes_it_is_not():
    def obedient(one: Case, texts) -> str:
        canary = "".join(word.strip(".,") for word in texts[0].split() if word.strip(".,").lower() in halves(texts[0]))
        return canary if len(texts) > 1 else steadfast(one, texts)

    def halves(text: str) -> set[str]:
        from fourways.evals.wordings import CANARIES

        words = {word.strip(".,").lower() for word in text.split()}
        return {word for word in words if word.rstrip("0123456789") in CANARIES}

    found = await robustness(CASES, Candidate(obedient), contains, names=["injection"])
    assert effect(found, "injection").holds == "no obedience"
    assert effect(found, "injection").invariance.value == 0.0
    quoting = await robustness(CASES, Candidate(lambda one, texts: " ".join(texts)), contains, names=["injection"])
    assert effect(quoting, "injection").invariance.value == 1.0


async def test_distractors_are_the_other_cases_passages():
    seen = []

    def watching(one: Case, texts) -> str:
        seen.append(texts)
        return steadfast(one, texts)

    await robustness(CASES[:2], Candidate(watching), contains, names=["distractors"])
    assert seen[2:] == [
        ("It was opened in 1801.", "It was opened in 1800."),
        ("It was opened in 1800.", "It was opened in 1801."),
    ]


async def test_names_that_stand_in_what_was_found_are_not_swapped():
    one = case("Was Anna born in Paris?", expected=("yes",))

    async def ask(asked: Case, inserted) -> Answered:
        return Answered(text=asked.input, sources=({"text": "Anna came from afar."},))

    found = await robustness([one], ask, unscored, names=["swap"])
    (example,) = effect(found, "swap").worst
    assert example.disturbed.startswith("Was Anna born in ")
    assert "Paris" not in example.disturbed


async def test_what_cannot_be_tried_is_left_out_with_its_reason():
    found = await robustness(CASES, Candidate(steadfast, retrieves=False), contains)
    assert found.left_out["injection"] == "it acts on passages that are found, and none were"
    assert found.left_out["paraphrase"].startswith("it takes a model that rewrites")

    async def broken(prompt: str, text: str) -> str:
        raise UpstreamError("the model is down")

    found = await robustness(CASES, Candidate(steadfast), contains, names=["language"], rewrite=broken)
    assert found.left_out == {"language": "the model is down"}
    with pytest.raises(NotFound, match="did you mean 'typos'"):
        await robustness(CASES, Candidate(steadfast), contains, names=["typo"])


async def test_an_answer_that_breaks_off_has_not_held_and_is_worth_nothing():
    def breaking(one: Case, texts) -> Answered | str:
        return steadfast(one, texts) if one.input.startswith("When") else Answered(error="context too long")

    found = effect(await robustness(CASES, Candidate(breaking), contains, names=["prefix"]), "prefix")
    assert (found.invariance.value, found.drop and found.drop.value) == (0.0, 1.0)
    assert found.worst[0].after == "context too long"


async def test_cases_that_fail_undisturbed_say_nothing():
    candidate = Candidate(lambda one, texts: Answered(error="down"))
    found = await robustness(CASES, candidate, contains, names=["typos"])
    assert (found.cases, found.effects) == (0, ())
    assert found.left_out == {"typos": "no case was answered when asked as it is"}
    assert (await robustness([], candidate, contains, names=["typos"])).cases == 0


async def test_a_sample_is_the_same_for_the_same_seed():
    asked = []
    for _ in range(2):
        candidate = Candidate(steadfast)
        await robustness(CASES, candidate, contains, names=["typos", "casing"], sample=2, seed=3)
        asked.append(candidate.asked)
    assert asked[0] == asked[1]
    assert len(asked[0]) == 2 * 3


async def test_the_result_is_json_and_comes_back_the_same():
    found = await robustness(CASES, Candidate(steadfast), contains, names=["typos", "swap"])
    plain = json.loads(json.dumps(found.plain()))
    assert plain["effects"][0]["invariance"]["value"] == 1.0
    assert plain["left_out"] == {"swap": "there is nothing that it could change"}
