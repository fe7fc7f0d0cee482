"""Suites from the project file: files, globs, inline cases; parted by seed or group; the two sides kept apart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways import samples
from fourways.config.load import load_project
from fourways.config.testing import Split, TestsNode
from fourways.core.errors import InvalidSuite
from fourways.evals.cases import Case
from fourways.evals.suites import load_file, load_suite, side_of

KNOWN = frozenset("contains token_f1 judge abstention hit citation_correctness groundedness".split())
NOUNS = "lens lamp desk door wall roof key badge phone printer monitor cable router laptop locker".split()


def rows(*texts, **fields):
    return "\n".join(json.dumps({"input": text, "expected_output": "x", **fields}) for text in texts)


@pytest.fixture
def project(tmp_path):
    def make(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return make


def load(folder, side="testing", **node):
    return load_suite(TestsNode.model_validate(node), folder, name="app", side=side, known=KNOWN)


def ids(suite):
    return [case.id for case in suite.cases]


def test_files_globs_and_inline_cases_are_one_suite(project):
    folder = project(tests__a_jsonl=rows("one"), tests__b_jsonl=rows("two"), more_yaml="- {input: three}")
    suite = load(folder, files=["tests/*.jsonl", "tests/a.jsonl", "more.yaml"], cases=[{"input": "four"}])
    assert suite.name == "app"
    assert ids(suite) == ["a-001", "b-001", "more-001", "case-001"]


def test_an_id_that_two_files_use_is_put_behind_the_files_name(project):
    folder = project(a_jsonl=rows("one", id="q"), b_jsonl=rows("two", id="q"), c_jsonl=rows("three", id="r"))
    assert ids(load(folder, files=["a.jsonl", "b.jsonl", "c.jsonl"])) == ["a/q", "b/q", "r"]
    folder = project(x__t_jsonl=rows("one", id="q"), y__t_jsonl=rows("two", id="q"))
    assert ids(load(folder, files=["x/t.jsonl", "y/t.jsonl"])) == ["x/t.jsonl/q", "y/t.jsonl/q"]
    assert ids(load(folder, files=["x/t.jsonl"], cases=[{"id": "q", "input": "z"}])) == ["t/q", "cases/q"]


def test_what_the_suite_asserts_comes_on_top(project):
    folder = project(a_jsonl=rows("one", **{"assert": [{"type": "contains", "value": "x"}]}))
    suite = load(
        folder, files=["a.jsonl"], cases=[{"input": "two"}], **{"assert": [{"type": "judge", "value": "polite"}]}
    )
    assert [[one.type for one in case.asserts] for case in suite.cases] == [["contains", "judge"], ["judge"]]


def test_where_nothing_is_asserted_what_fits_is_scored(project):
    folder = project(a_jsonl=rows("one"))
    assert [one.type for one in load(folder, files=["a.jsonl"]).cases[0].asserts] == ["contains", "token_f1"]
    assert [one.type for one in load_file(folder / "a.jsonl", known=KNOWN).cases[0].asserts] == ["contains", "token_f1"]


def test_every_case_falls_on_one_side(project):
    folder = project(a_jsonl=rows(*(f"What does the {noun} cost?" for noun in NOUNS)))
    node = {"files": ["a.jsonl"], "split": {"testing": 0.5, "seed": 3}}
    testing, tuning = load(folder, **node), load(folder, side="tuning", **node)
    assert sorted(ids(testing) + ids(tuning)) == [f"a-{n:03d}" for n in range(1, len(NOUNS) + 1)]
    assert testing.cases
    assert tuning.cases
    assert tuning.name == "app-tuning"
    other = load(folder, **{**node, "split": {"testing": 0.5, "seed": 4}})
    assert ids(other) != ids(testing)


def test_inline_cases_are_for_testing(project):
    folder = project(a_jsonl=rows("one", "two"))
    suite = load(folder, files=["a.jsonl"], cases=[{"input": "three"}], split={"testing": 0.0})
    assert ids(suite) == ["case-001"]


def test_a_group_stays_together(project):
    lines = [rows(f"What does the {noun} cost in {n}?", metadata={"customer": n % 4}) for n, noun in enumerate(NOUNS)]
    folder = project(a_jsonl="\n".join(lines))
    node = {"files": ["a.jsonl"], "split": {"by": "customer", "seed": 1}}
    testing, tuning = load(folder, **node), load(folder, side="tuning", **node)
    customers = [{case.metadata["customer"] for case in suite.cases} for suite in (testing, tuning)]
    assert customers[0].isdisjoint(customers[1])
    with pytest.raises(InvalidSuite, match=r"case 'b-001' has no metadata\.customer"):
        load(project(b_jsonl=rows("x")), files=["b.jsonl"], split={"by": "customer"})


def test_what_is_nearly_a_test_case_is_not_for_tuning(project):
    greetings = [f"{hello}what does the {noun} cost?" for noun in NOUNS for hello in ("", "Hi, ", "Please, ")]
    folder = project(a_jsonl=rows(*greetings))
    node = {"files": ["a.jsonl"], "split": {"testing": 0.5}}
    testing, tuning = load(folder, **node), load(folder, side="tuning", **node)
    asked = {case.input.split()[-2] for case in testing.cases}
    assert asked.isdisjoint({case.input.split()[-2] for case in tuning.cases})
    assert len(testing.cases) + len(tuning.cases) < len(greetings)


@pytest.mark.parametrize("side", ["testing", "tuning"])
def test_a_file_for_tuning_with_a_test_case_in_it_is_refused(project, side):
    folder = project(a_jsonl=rows("Which port does the VPN use?"), b_jsonl=rows("hi, which port does the vpn use"))
    with pytest.raises(InvalidSuite, match=r"b-001 is nearly \(0\.\d\d\) a-001, with the same answer"):
        load(folder, side=side, files=["a.jsonl"], tuning=["b.jsonl"])


def test_tuning_is_its_own_files_and_its_part_of_the_others(project):
    folder = project(a_jsonl=rows("What does it cost?", id="q"), b_jsonl=rows("Who pays the bill?", id="q"))
    node = {"files": ["a.jsonl"], "tuning": ["b.jsonl"], "split": {"testing": 0.0}}
    assert ids(load(folder, side="tuning", cases=[{"input": "z"}], **node)) == ["split/q", "b/q"]


def test_an_empty_side_is_named(project):
    folder = project(a_jsonl=rows("one"))
    with pytest.raises(InvalidSuite, match=r"there are no cases for tuning: name files in `tests\.tuning`"):
        load(folder, side="tuning", files=["a.jsonl"])
    with pytest.raises(InvalidSuite, match="there are no test cases"):
        load(folder)
    with pytest.raises(InvalidSuite, match=r"no file matches x/\*\.jsonl"):
        load(folder, files=["x/*.jsonl"])
    with pytest.raises(InvalidSuite, match=r"gone\.jsonl: cannot be read"):
        load(folder, files=["gone.jsonl"])


def test_what_is_wrong_in_the_project_file_is_named_by_its_place(project):
    folder = project(a_jsonl=rows("one"))
    with pytest.raises(InvalidSuite, match=r"tests\.cases\[1\]: asks nothing"):
        load(folder, cases=[{"input": "x"}, {"expected_output": "y"}])
    with pytest.raises(InvalidSuite, match=r"tests\.assert: there is no scorer 'contians'; the nearest is 'contains'"):
        load(folder, files=["a.jsonl"], **{"assert": [{"type": "contians"}]})


TEXTS = st.text("abc DEF?!", min_size=1, max_size=30).filter(str.strip)


@given(TEXTS, st.integers(0, 99), st.floats(0, 1), st.floats(0, 1))
def test_a_case_stays_on_its_side_and_only_moves_to_testing_as_that_grows(text, seed, one, other):
    low, high = sorted((one, other))
    case = Case(id="a", messages=({"role": "user", "content": text},))
    shouted = Case(id="b", messages=({"role": "user", "content": f" {text.upper()} !"},))
    few, many = Split(seed=seed, testing=low), Split(seed=seed, testing=high)
    assert side_of(case, few) == side_of(shouted, few)
    assert side_of(case, many) == "testing" or side_of(case, few) == "tuning"
    assert side_of(case, Split(seed=seed, testing=1.0)) == "testing"
    assert side_of(case, Split(seed=seed, testing=0.0)) == "tuning"


def test_the_share_is_kept():
    cases = [Case(id=str(n), messages=({"role": "user", "content": f"question {n}"},)) for n in range(4000)]
    share = sum(side_of(case, Split(testing=0.3)) == "testing" for case in cases) / len(cases)
    assert share == pytest.approx(0.3, abs=0.03)


def test_the_samples_suites_load():
    folder = samples.folder("helpdesk")
    node = load_project(folder, {}).apps["helpdesk"].tests
    testing = load_suite(node, folder, name="helpdesk", known=KNOWN)
    assert len(testing.cases) == 80
    assert len(load_suite(node, folder, name="helpdesk", side="tuning", known=KNOWN).cases) == 120
    unanswerable = next(case for case in testing.cases if not case.answerable)
    assert [one.type for one in unanswerable.asserts] == ["abstention"]
