"""Files of test cases become cases, whatever their notation; what is wrong is named with its line and what is right."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.config.testing import CaseNode
from fourways.core.errors import InvalidSuite
from fourways.evals import sheets
from fourways.evals.reading import read_cases, read_file
from fourways.evals.rows import AS_WRITTEN, from_node
from fourways.evals.sheets import Place, json_lists, read_sheet, yaml_lists
from fourways.evals.sheets.base import MOST_ROWS

KNOWN = frozenset(
    """exact contains contains_all not_contains starts_with regex json json_schema json_equals similarity rouge_1 bleu
    latency cost python judge answer_relevance groundedness context_recall numeric label choice""".split()
)


def cases(file, text):
    return read_cases(file, text, known=KNOWN)


def only(file, text):
    (case,) = cases(file, text)
    return case


def shown(case):
    return [(one.type, one.value, one.threshold, dict(one.options)) for one in case.asserts]


# ---------------------------------------------------------------- notations

ROW = '{"id": "a", "input": "How long?", "expected_output": "14 days", "metadata": {"document": "docs/a.md"}}'

SAME = {
    "rows.jsonl": ROW,
    "rows.ndjson": f"\n{ROW}\n\n",
    "rows.json": f"[\n  {ROW}\n]",
    "lines.json": f"{ROW}\n",
    "rows.yaml": "- id: a\n  input: How long?\n  expected_output: 14 days\n  metadata: {document: docs/a.md}\n",
    "rows.yml": "- {id: a, question: How long?, answer: 14 days, metadata: {document: docs/a.md}}\n",
    "rows.csv": "id,input,expected_output,metadata.document\na,How long?,14 days,docs/a.md\n",
    "rows.tsv": "id\tQuestion\tAnswer\tmetadata.document\na\tHow long?\t14 days\tdocs/a.md\n",
    "german.csv": "id;prompt;expected;metadata.document\r\na;How long?;14 days;docs/a.md\r\n",
}


@pytest.mark.parametrize("file", SAME)
def test_every_notation_says_the_same(file):
    case = only(file, SAME[file])
    assert (case.id, case.input, case.expected, case.documents) == ("a", "How long?", ("14 days",), ("docs/a.md",))
    assert case.variables == {}


@pytest.mark.parametrize("file", SAME)
def test_marks_line_ends_and_gzip_make_no_difference(file):
    data = b"\xef\xbb\xbf" + SAME[file].replace("\r\n", "\n").replace("\n", "\r\n").encode()
    assert only(file, data) == only(file, SAME[file])
    assert only(f"{file}.gz", gzip.compress(data)) == only(file, SAME[file])
    assert only(file, SAME[file].encode("utf-16")) == only(file, SAME[file])


def test_a_case_without_an_id_is_named_by_its_place():
    rows = "\n".join(json.dumps({"input": f"x{number}"}) for number in range(3))
    assert [case.id for case in cases("tests/smoke.jsonl.gz", gzip.compress(rows.encode()))] == [
        "smoke-001",
        "smoke-002",
        "smoke-003",
    ]


def test_a_conversation_is_kept_and_its_last_answer_expected():
    turns = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Which port?"},
        {"role": "assistant", "content": "51820"},
    ]
    case = only("chats.jsonl", json.dumps({"messages": turns}))
    assert case.input == "Which port?"
    assert len(case.messages) == 4
    assert case.expected == ("51820",)
    assert only("chats.jsonl", json.dumps({"input": turns[:4], "expected_output": "51820"})) == case


def test_text_is_taken_as_it_is_written():
    text = (
        "- {input: When?, expected_output: 14:30}\n- {input: Off?, answer: no}\n- {input: 2, expected: [1.10, 007]}\n"
    )
    assert [case.expected for case in cases("a.yaml", text)] == [("14:30",), ("no",), ("1.10", "007")]
    assert only("a.jsonl", '{"input": 7, "expected_output": [true, 1.5]}').expected == ("yes", "1.5")


def test_metadata_are_json_and_what_is_read_has_one_form():
    text = "- {input: q, metadata: {since: 2026-01-31, at: 1:30, answerable: 'no', labels: 'hr, it', 3: [x]}}"
    case = only("a.yaml", text)
    assert case.metadata == {
        "since": "2026-01-31",
        "at": "1:30",
        "answerable": False,
        "labels": ["hr", "it"],
        "3": ["x"],
    }
    assert case.labels == {"hr", "it"}
    assert not case.answerable
    cells = only("a.csv", 'input,metadata.answerable,metadata.documents\nq,false,"[""a.md"", ""b.md""]"\n')
    assert (cells.answerable, cells.documents) == (False, ("a.md", "b.md"))


def test_nothing_expected_is_nothing_expected():
    assert only("a.jsonl", '{"input": "q", "expected_output": ""}').expected == ()
    assert only("a.csv", "input,expected_output\nq,\n").expected == ()


def test_other_columns_are_variables():
    case = only("a.csv", "question,site,lang\nWhere?,Corvale,en\n")
    assert case.variables == {"site": "Corvale", "lang": "en"}
    assert only("a.jsonl", '{"vars": {"question": "Where?", "site": "x"}}').input == "Where?"


def test_a_quoted_field_may_hold_lines():
    text = 'input,answer\n"one\ntwo, ""three""",4\nlast,5\n,\n\n'
    assert [case.input for case in cases("a.csv", text)] == ['one\ntwo, "three"', "last"]


# ---------------------------------------------------------------- what is wrong

WRONG = {
    # file, content → line, what the message says
    ("a.txt", "x"): (0, r"'\.txt' is no kind of test file; there is: \.jsonl"),
    ("a.jsonl", ""): (0, "holds no case; one would be"),
    ("a.json", "[]"): (0, "holds no case"),
    ("a.yaml", ""): (1, "should be a list of cases"),
    ("a.csv", ""): (0, "its first line should name its columns"),
    ("a.csv", "input,answer\n"): (0, "holds no case"),
    ("a.jsonl", '{"input": "q"}\n{"input": }'): (2, "is no JSON: Expecting value"),
    ("a.jsonl", '{"input": "q"}\nq2'): (2, "should be an object such as"),
    ("a.json", '[\n{"input": "q"},\n{"input": }]'): (3, "is no JSON: Expecting value"),
    ("a.json", '[\n{"input": "q"}\n{"input": "r"}]'): (3, "a comma or the ] is missing"),
    ("a.json", '[{"input": "q"}'): (1, "a comma or the ] is missing"),
    ("a.json", '[{"input": "q"},\n7]'): (2, "each item of the list should be an object"),
    ("a.json", '"q"'): (1, "should be a list of objects"),
    ("a.json", '{"input": "q"} x'): (1, "nothing may stand behind its last }"),
    ("a.json", '{"cases": []}'): (0, "should be a list of cases, or promptfoo's with `tests`"),
    ("a.json", '[{"input": "q",\n "input": "r"}]'): (1, "'input' stands twice"),
    ("a.jsonl", '{"input": "q", "metadata": {"p": NaN}}'): (1, "NaN is none of its numbers"),
    ("a.yaml", "- input: q\n- - x\n"): (2, "each item of the list should be a mapping"),
    ("a.yaml", "- input: q\n  input: r\n"): (2, "'input' stands twice"),
    ("a.yaml", "- input: 'q\n"): (2, "is no YAML"),
    ("a.yaml", "- {<<: x, input: q}\n"): (1, "what << brings in should be a mapping"),
    ("a.yaml", "- {input: q, metadata: {? [1] : 2}}\n"): (1, "a key should be a plain word"),
    ("a.csv", "input,input\nq,r\n"): (1, "the column 'input' stands twice"),
    ("a.csv", 'input,answer\nq,1\nr,2\n"s,3\nt,4\n'): (4, "its quotes are not closed"),
    ("a.csv", "input,answer\nq,1,000\n"): (2, "has 3 fields for 2 columns; put quotes around text with commas"),
    ("a.jsonl", '{"input": "q", "expected_outptu": "x"}'): (1, "did you mean 'expected_output'"),
    ("a.jsonl", '{"input": "q", "zzz": "x"}'): (1, "known here: id, input"),
    ("a.jsonl", '{"expected_output": "x"}'): (1, "asks nothing: give it an `input`"),
    ("a.jsonl", '{"input": " "}'): (1, "asks nothing"),
    ("a.jsonl", '{"input": {"role": "user"}}'): (1, "input"),
    ("a.jsonl", '{"input": "q", "expected_output": {"a": 1}}'): (1, "`expected_output` should be a text or a list"),
    ("a.jsonl", '{"input": [{"role": "person", "content": "q"}]}'): (1, "right would be one of assistant"),
    ("a.jsonl", '{"input": [{"role": "user", "content": 5}]}'): (1, "a message's content should be text"),
    ("a.jsonl", '{"messages": "q"}'): (1, "`messages` should be a list"),
    ("a.jsonl", '{"messages": [{"role": "user", "content": "q"}], "input": "q"}'): (1, "keep one of them"),
    (
        "a.jsonl",
        '{"input": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}',
    ): (1, "write it as `expected_output`"),
    ("a.jsonl", '{"input": "q", "metadata": {"answerable": "perhaps"}}'): (1, "right would be true or false"),
    ("a.jsonl", '{"input": "q", "metadata": {"documents": [1]}}'): (1, r"metadata\.documents is \[1\]"),
    ("a.jsonl", '{"input": "q", "metadata": {"document": ["a.md"]}}'): (1, r"metadata\.document is"),
    ("a.jsonl", '{"input": "q", "metadata": 5}'): (1, "metadata: input should be"),
    ("a.jsonl", '{"input": "half \\ud800"}'): (1, "cannot be written as JSON"),
    ("a.jsonl", '{"input": "q", "assert": [{"type": "contians"}]}'): (1, "the nearest is 'contains'"),
    ("a.jsonl", '{"input": "q", "assert": ["contains"]}'): (1, "an assertion should be such as"),
    ("a.jsonl", '{"input": "q", "assert": {"type": "contains", "threshold": "high"}}'): (1, r"assert\.0\.threshold"),
    ("a.jsonl", '{"input": "q", "assert": {"type": "contains", "weight": 2}}'): (1, "weight"),
    ("a.jsonl", '{"id": "a", "input": "q"}\n\n{"id": "a", "input": "r"}'): (3, "the id 'a' stands in line 1 too"),
    ("a.csv", "input,__expects\nq,x\n"): (2, "the column '__expects' is not known"),
}


@pytest.mark.parametrize(("file", "text"), WRONG)
def test_what_is_wrong_is_named_with_its_line(file, text):
    line, message = WRONG[file, text]
    with pytest.raises(InvalidSuite, match=message) as caught:
        cases(file, text)
    assert (caught.value.file, caught.value.line) == (file, line)


def test_bytes_that_are_no_text_are_named_with_their_line():
    with pytest.raises(InvalidSuite, match=r"a\.csv:2: is not UTF-8; save it as UTF-8"):
        cases("a.csv", "input\nwo ist der Schlüssel?\n".encode("latin-1"))
    with pytest.raises(InvalidSuite, match="its gzip ends too early"):
        cases("a.jsonl.gz", gzip.compress(b'{"input": "q"}' * 50)[:-20])
    with pytest.raises(InvalidSuite, match="is no gzip"):
        cases("a.jsonl.gz", b"\x1f\x8b\x00\x00 nonsense")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InvalidSuite, match=r"gone\.jsonl: cannot be read: No such file"):
        read_file(tmp_path / "gone.jsonl", file="gone.jsonl", known=KNOWN)
    (tmp_path / "a.jsonl").write_text('{"input": "q"}')
    assert read_file(tmp_path / "a.jsonl", known=KNOWN)[0].id == "a-001"


# ---------------------------------------------------------------- nonsense

MERGED = [
    ("- &a {input: q, vars: {n: 1}}\n- {<<: *a, input: r}\n", {"input": "r", "vars": {"n": 1}}),
    ("- &a {input: q, vars: {n: 1}}\n- {input: r, <<: *a}\n", {"input": "r", "vars": {"n": 1}}),
    ("- &a {input: q}\n- &b {input: r, id: 1.10}\n- {<<: [*a, *b]}\n", {"input": "q", "id": "1.10"}),
]


@pytest.mark.parametrize(("text", "last"), MERGED)
def test_a_mapping_goes_before_what_it_merges(text, last):
    assert read_sheet("a.yaml", text, AS_WRITTEN).rows[-1].value == last


MIB = 1 << 20
NONSENSE = {
    "zeros.jsonl": b"\0" * MIB,
    "brackets.json": b"[" * MIB,
    "nested.jsonl": b'{"a":' * (MIB // 5),
    "nested.yaml": b"[" * MIB,
    "dashes.yaml": b"- " * MIB,
    "loop.yaml": b"- &a {input: q, metadata: *a}",
    "commas.csv": b"," * (2 * MIB),
    "quote.csv": b'input\n"' + b"x\n" * MIB,
    "open.json": b"[" + b"\n" * MIB,
    "doubled.jsonl": b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b',"99999":1}',
    "laughs.yaml": b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + at, 98 + at, b",".join([b"*%c" % (97 + at)] * 10)) for at in range(8)),
    "merges.yaml": b"- &a {input: q}\n"
    + b"".join(b"- &%c {<<: [%s]}\n" % (98 + at, b",".join([b"*%c" % (97 + at)] * 10)) for at in range(8)),
}


@pytest.mark.parametrize("file", NONSENSE)
@pytest.mark.timeout(20)
def test_nonsense_is_refused_soon(file):
    with pytest.raises(InvalidSuite):
        cases(file, NONSENSE[file])


def test_gzip_may_have_several_parts():
    two = gzip.compress(b'{"input": "a"}\n') + gzip.compress(b'{"input": "b"}\n')
    assert [case.input for case in cases("a.jsonl.gz", two)] == ["a", "b"]


def test_no_part_behind_the_most_that_is_read_is_unpacked(monkeypatch):
    monkeypatch.setattr(sheets, "MOST_BYTES", 9)
    with pytest.raises(InvalidSuite, match="is larger than"):
        cases("a.jsonl.gz", gzip.compress(b" " * 10) + b"\x1f\x8bno gzip at all")


def test_yaml_has_a_bound_of_its_own():
    with pytest.raises(InvalidSuite, match="too much for YAML; write it as JSON Lines"):
        cases("a.yaml", " " * (yaml_lists.MOST_YAML + 1))


@pytest.mark.slow
def test_a_small_file_cannot_become_a_huge_one():
    mebibyte = gzip.compress(b"\n" * MIB)
    assert len(mebibyte) < 2000
    with pytest.raises(InvalidSuite, match="is larger than 256 MiB"):
        cases("a.jsonl.gz", mebibyte * 300)


@pytest.mark.slow
def test_rows_have_a_bound():
    with pytest.raises(InvalidSuite, match=r"a\.jsonl:1000001: has more than 1,000,000 rows"):
        cases("a.jsonl", "{}\n" * (MOST_ROWS + 5))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_what_is_written_as_json_is_read_back(texts):
    rows = [json.dumps({"input": text, "expected_output": text}, ensure_ascii=False) for text in texts]
    for file, whole in (("a.jsonl", "\n".join(rows)), ("a.json", f"[{', '.join(rows)}]")):
        assert [(case.input, case.expected) for case in cases(file, whole)] == [(text, (text,)) for text in texts]


@given(st.sampled_from([".jsonl", ".json", ".yaml", ".csv"]), st.binary(max_size=60))
def test_no_bytes_at_all_raise_anything_else(ending, data):
    try:
        found = cases(f"a{ending}", data)
    except InvalidSuite:
        return
    assert found


def test_where_a_list_begins_inside_an_object_is_found():
    text = '{"description": "x, {[", "n": [1, {"tests": 2}],\n\n"tests" : [{"vars": {"q": "a"}},\n\n{"vars": 5}]}'
    assert [row.place.line for row in json_lists.json_list("a.json", text, ()).rows] == [3, 5]


# ---------------------------------------------------------------- promptfoo

PROMPTFOO = """\
description: what we ask
prompts: [prompts/a.txt, prompts/b.txt]
providers: [openai:gpt-5]
defaultTest:
  vars: {site: Corvale}
  assert:
    - {type: latency, threshold: 2500}
tests:
  - description: the port
    vars: {question: Which port?}
    assert:
      - {type: icontains, value: "51820"}
      - {type: llm-rubric, value: is polite, provider: "openai:chat:gpt-5", metric: polite}
  - vars:
      question: Where is {{site}}?
      language: [en, de]
    threshold: 0.5
    assert: []
"""


def test_a_promptfoo_file_is_read():
    port, english, german = cases("promptfooconfig.yaml", PROMPTFOO)
    assert port.input == "Which port?"
    assert port.variables == {"site": "Corvale", "question": "Which port?"}
    assert port.metadata == {"description": "the port"}
    assert shown(port) == [
        ("latency", None, 2.5, {}),
        ("contains", "51820", None, {}),
        ("judge", "is polite", None, {}),
    ]
    assert (port.asserts[2].model, port.asserts[2].name) == ("openai/gpt-5", "polite")
    assert (english.variables["language"], german.variables["language"]) == ("en", "de")
    assert english.asserts[0].threshold == 2.5  # its own, before the test's
    assert [case.id for case in (port, english, german)] == [f"promptfooconfig-{n:03d}" for n in (1, 2, 3)]


def test_the_only_prompt_of_a_file_is_what_is_asked():
    text = json.dumps(
        {"prompts": ["Say {{ word }} in {{lang}}"], "tests": [{"vars": {"word": "hi", "lang": "French"}}]}
    )
    assert only("a.json", text).input == "Say hi in French"


def turned(**asked):
    return shown(only("a.yaml", json.dumps({"tests": [{"vars": {"question": "q"}, "assert": [asked]}]})))[0]


MEANT = [
    # promptfoo's → ours: type, value, threshold, options
    ({"type": "equals", "value": "x"}, ("exact", "x", None, {"strict": True})),
    ({"type": "equals", "value": {"a": 1}}, ("json_equals", {"a": 1}, None, {})),
    ({"type": "contains", "value": "x"}, ("contains", "x", None, {"strict": True})),
    ({"type": "contains-any", "value": "x, y"}, ("contains", ["x", "y"], None, {"strict": True})),
    ({"type": "icontains-all", "value": ["x", "y"]}, ("contains_all", ["x", "y"], None, {})),
    ({"type": "not-contains", "value": "x"}, ("not_contains", "x", None, {"strict": True})),
    ({"type": "is-json"}, ("json", None, None, {"strict": True})),
    ({"type": "is-json", "value": {"type": "object"}}, ("json_schema", {"type": "object"}, None, {"strict": True})),
    ({"type": "contains-json"}, ("json", None, None, {})),
    ({"type": "regex", "value": "a+"}, ("regex", "a+", None, {})),
    ({"type": "similar", "value": "x"}, ("similarity", "x", 0.75, {})),
    ({"type": "similar", "value": "x", "threshold": 0.6}, ("similarity", "x", 0.6, {})),
    ({"type": "cost", "threshold": 0.01}, ("cost", None, 0.01, {})),
    ({"type": "latency", "threshold": 500}, ("latency", None, 0.5, {})),
    ({"type": "latency", "weight": 0}, ("latency", None, None, {})),
    ({"type": "rouge-n", "value": "x"}, ("rouge_1", "x", 0.75, {})),
    ({"type": "bleu", "value": "x", "weight": 0}, ("bleu", "x", 0.0, {})),
    ({"type": "python", "value": "file://checks.py:f"}, ("python", "checks.py:f", None, {})),
    (
        {"type": "python", "value": "file://checks.py", "config": {"a": 1}},
        ("python", "checks.py:get_assert", None, {"a": 1}),
    ),
    ({"type": "numeric", "value": 5}, ("numeric", 5, None, {})),
]


@pytest.mark.parametrize(("theirs", "ours"), MEANT)
def test_their_assertions_are_ours(theirs, ours):
    assert turned(**theirs) == ours


REFUSED = [
    ({"type": "javascript", "value": "x"}, "there is no scorer 'javascript'; the nearest is 'python'"),
    ({"type": "levenshtein"}, "the nearest is 'chrf'"),
    ({"type": "icontain", "value": "x"}, "the nearest is 'icontains'"),
    ({"type": "python", "value": "return True"}, "runs no Python that stands in a test file"),
    ({"type": "contains", "value": "x", "weight": 3}, "has weight 3; here each must hold"),
    ({"type": "contains", "value": "x", "weight": [1]}, r"has weight \[1\]; here each must hold"),
    ({"type": "similar", "value": "x", "threshold": "0.9"}, "threshold is '0.9'; right would be a number"),
    ({"type": "contains", "value": "x", "options": ["strict"]}, "`options` should be a mapping"),
    ({"type": "python", "value": "file://a.py", "config": "file://c.json"}, "`config` should be a mapping"),
    ({"type": "contains", "value": "x", "transform": "y"}, "has 'transform', which is not known here"),
    ({"type": "is-json", "value": "file://schema.json"}, "values from files are not read"),
    ({"value": "x"}, "an assertion should be such as"),
]


@pytest.mark.parametrize(("theirs", "message"), REFUSED)
def test_what_has_no_counterpart_is_an_error(theirs, message):
    with pytest.raises(InvalidSuite, match=message):
        turned(**theirs)


FILES = [
    ({"tests": "tests/*.yaml"}, "`tests` should be a list"),
    ({"tests": ["file://more.yaml"]}, "each item of the list should be a mapping"),
    ({"tests": [], "scenarios": []}, "`scenarios` are not read"),
    ({"tests": [{"vars": {"q": "a"}}], "defaultTest": "file://d.yaml"}, "files are not followed"),
    ({"tests": [{"vars": "file://vars.yaml"}]}, "`vars` should be a mapping, not 'file://vars.yaml'; files are not"),
    ({"tests": [{"vars": {"q": "a"}}], "defaultTest": {"metadata": ["x"]}}, "`metadata` should be a mapping"),
    ({"tests": [{"vars": {"q": "a"}, "assert": 1}]}, "an assertion should be such as"),
    ({"tests": [{"vars": {"q": "a"}, "options": {"transform": "x"}}]}, r"`options\.transform` of a test"),
    ({"tests": [{"vars": {"q": "a"}, "threshold": 0.5}]}, "give each its own"),
    ({"tests": [{"vars": {"a": list(range(200)), "b": list(range(200))}}]}, "more than 10,000 combinations"),
    ({"tests": [{"vars": {"a": "x", "b": "y"}}]}, "asks nothing"),
]


@pytest.mark.parametrize(("file", "message"), FILES)
def test_what_a_promptfoo_file_may_not_say(file, message):
    with pytest.raises(InvalidSuite, match=message):
        cases("a.yaml", json.dumps(file))


def test_a_threshold_of_a_test_is_that_of_its_only_assertion():
    test = {"vars": {"q": "a"}, "threshold": 0.5, "assert": [{"type": "similar", "value": "x"}]}
    assert (
        only("a.yaml", json.dumps({"tests": [{**test, "assert": [{"type": "llm-rubric", "value": "x"}]}]}))
        .asserts[0]
        .threshold
        == 0.5
    )


def test_their_cells_are_read():
    text = (
        "question,site,__expected,__expected2,__description,__metadata:kind\n"
        "Which port?,Corvale,contains: 51820,similar(0.8): it is 51820,the port,fact\n"
        "Which host?,Corvale,https://a.example,,,\n"
        'A list?,Corvale,"contains-any: a, b",is-json,,\n'
    )
    port, host, listed = cases("a.csv", text)
    assert shown(port) == [
        ("contains", "51820", None, {"strict": True}),
        ("similarity", "it is 51820", 0.8, {}),
    ]
    assert port.metadata == {"description": "the port", "kind": "fact"}
    assert port.variables == {"site": "Corvale"}
    assert shown(host) == [("exact", "https://a.example", None, {"strict": True})]
    assert [kind for kind, *_ in shown(listed)] == ["contains", "json"]
    with pytest.raises(InvalidSuite, match="right would be a number"):
        cases("a.csv", "question,__expected,__threshold\nq,contains: x,high\n")


def test_our_own_rows_keep_our_meanings():
    row = {"input": "q", "assert": [{"type": "contains", "value": "x"}, {"type": "latency", "threshold": 2}]}
    assert shown(only("a.jsonl", json.dumps(row))) == [("contains", "x", None, {}), ("latency", None, 2, {})]
    named = {"input": "q", "assert": {"type": "llm-rubric", "value": "x"}}
    assert shown(only("a.jsonl", json.dumps(named))) == [("judge", "x", None, {})]


# ---------------------------------------------------------------- nodes


def test_a_node_of_the_project_file_is_a_case():
    node = CaseNode.model_validate(
        {"input": "q", "expected_output": ["a", ""], "context": "c", "assert": [{"type": "contains", "value": "a"}]}
    )
    case = from_node(node, name="case-001", place=Place("tests.cases[0]"), known=KNOWN)
    assert (case.id, case.input, case.expected, case.context) == ("case-001", "q", ("a",), ("c",))
    with pytest.raises(InvalidSuite, match=r"tests\.cases\[0\]: there is no scorer 'contains'; there is: exact"):
        from_node(node, name="x", place=Place("tests.cases[0]"), known={"exact"})
