"""Every form of rows that people keep is read; a wrong row is named with its line and what would be right."""

import gzip
import json

import pytest

from fourways.core.errors import InvalidDataset
from fourways.training.data.reading import read_rows, rows_of
from fourways.training.data.rows import Row, with_system, written
from fourways.training.rows import Chat, Preference, Thumb
from fourways.training.rows import read_rows as program_rows

QUESTION = {"role": "user", "content": "Which port?"}
ANSWER = {"role": "assistant", "content": "51820"}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "51820"}


def lines(*rows: object) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def only(data: bytes, file: str = "rows.jsonl", **how) -> Row:
    (row,) = rows_of([read_rows(file, data, **how)])
    return row


@pytest.mark.parametrize(
    ("form", "row", "content"),
    [
        ("chat", {"messages": [QUESTION, ANSWER]}, {"messages": [QUESTION, ANSWER]}),
        ("chat", {"messages": [QUESTION, ANSWER, QUESTION]}, {"messages": [QUESTION, ANSWER]}),
        ("chat", {"messages": [QUESTION, CALL, RESULT, ANSWER], "tools": [{"type": "function"}]},
         {"messages": [QUESTION, CALL, RESULT, ANSWER], "tools": [{"type": "function"}]}),
        ("sharegpt", {"conversations": [{"from": "human", "value": "Which port?"}, {"from": "gpt", "value": "51820"}]},
         {"messages": [QUESTION, ANSWER]}),
        ("alpaca", {"instruction": "Which port?", "input": "", "output": "51820"}, {"messages": [QUESTION, ANSWER]}),
        ("alpaca", {"instruction": "Which", "input": "port?", "output": "51820"},
         {"messages": [{"role": "user", "content": "Which\n\nport?"}, ANSWER]}),
        ("pairs", {"prompt": "Which port?", "completion": "51820"}, {"messages": [QUESTION, ANSWER]}),
        ("pairs", {"id": "a", "input": "Which port?", "expected_output": ["51820"]}, {"messages": [QUESTION, ANSWER]}),
        ("pairs", {"question": "Which port?", "context": "It is 51820.", "answers": {"text": ["51820"]}},
         {"messages": [{"role": "user", "content": "It is 51820.\n\nQuestion: Which port?"}, ANSWER]}),
        ("preference", {"prompt": "Which port?", "chosen": "51820", "rejected": "80"},
         {"messages": [QUESTION], "chosen": "51820", "rejected": "80"}),
        ("preference", {"prompt": [QUESTION], "chosen": [ANSWER], "rejected": [{"role": "assistant", "content": "80"}]},
         {"messages": [QUESTION], "chosen": "51820", "rejected": "80"}),
        ("preference", {"chosen": [QUESTION, ANSWER], "rejected": [QUESTION, {"role": "assistant", "content": "80"}]},
         {"messages": [QUESTION], "chosen": "51820", "rejected": "80"}),
        ("openai_preference",
         {"input": {"messages": [QUESTION]}, "preferred_output": [ANSWER],
          "non_preferred_output": [{"role": "assistant", "content": "80"}]},
         {"messages": [QUESTION], "chosen": "51820", "rejected": "80"}),
        ("kto", {"prompt": "Which port?", "completion": "51820", "label": True},
         {"messages": [QUESTION], "completion": "51820", "label": True}),
        ("kto", {"question": "Which port?", "answer": "80", "thumb": "down"},
         {"messages": [QUESTION], "completion": "80", "label": False}),
        ("text", {"text": "Ferry is the way in."}, {"text": "Ferry is the way in."}),
    ],
)  # fmt: skip
def test_a_row_is_known_by_its_keys(form, row, content):
    read = read_rows("rows.jsonl", lines(row, row))
    assert (read.format, read.rows[0].content, read.problems) == (form, content, ())


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("a.csv", b"question,answer\nWhich port?,51820\n"),
        ("a.csv", "\ufeffquestion;answer\r\nWhich port?;51820\r\n".encode()),
        ("a.tsv", b"prompt\tcompletion\nWhich port?\t51820\n"),
        ("a", b"question,answer\nWhich port?,51820\n"),
        ("a.json", json.dumps([{"question": "Which port?", "answer": "51820"}]).encode()),
        ("a.json", json.dumps({"data": [{"question": "Which port?", "answer": "51820"}]}, indent=2).encode()),
        ("a.json", json.dumps({"question": "Which port?", "answer": "51820"}, indent=2).encode()),
        ("a.jsonl.gz", gzip.compress(b'{"question": "Which port?", "answer": "51820"}\n')),
        ("a.jsonl", '{"question": "Which port?", "answer": "51820"}'.encode("utf-16")),
    ],
    ids=["csv", "excel", "tsv", "no ending", "list", "in an object", "one object", "gzip", "utf-16"],
)  # fmt: skip
def test_a_file_is_known_by_its_content(file, data):
    assert only(data, file).content == {"messages": [QUESTION, ANSWER]}


def test_parquet_is_read(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"question": ["Which port?"], "answer": ["51820"]}), tmp_path / "a.parquet")
    assert only((tmp_path / "a.parquet").read_bytes(), "a.parquet").answer == "51820"


def test_columns_can_be_named():
    data = b"body,queue,client\nmy card is lost,cards,acme\n"
    row = only(data, "a.csv", columns={"question": "body", "answer": "queue", "group": "client"})
    assert (row.question, row.answer, row.group) == ("my card is lost", "cards", "acme")
    with pytest.raises(InvalidDataset, match=r"a.csv:2: has no column 'text'; there is: body, queue, client"):
        rows_of([read_rows("a.csv", data, columns={"question": "text", "answer": "queue"})])


def test_a_page_is_text_and_a_page_that_begins_with_a_bracket_too():
    assert only(b"# VPN\n\nFerry is the way in.", "docs/vpn.md").text == "# VPN\n\nFerry is the way in."
    assert only(b"[Ferry](vpn.md) is the way in.", "docs/vpn.md").kind == "text"


def test_all_wrong_rows_are_named_at_once_and_the_right_ones_kept():
    data = b"\n".join([
        lines({"messages": [QUESTION, ANSWER]}),
        b'{"messages": [{"role": "user"',
        lines({"messages": [QUESTION, {"role": "gpt", "content": "51820"}]}),
        lines({"messages": [QUESTION]}),
        lines({"question": "Which port?", "answer": "51820"}),
        lines({"messages": [QUESTION, {"role": "assistant", "content": " "}]}),
        b'"text"',
    ])  # fmt: skip
    read = read_rows("rows.jsonl", data)
    assert len(read.rows) == 1
    said = "\n".join(map(str, read.problems))
    assert "rows.jsonl:2: is no JSON" in said
    assert "rows.jsonl:3: turn 2 of `messages` has the role 'gpt'; 'gpt' is ShareGPT's word for assistant" in said
    assert 'rows.jsonl:4: no turn is the assistant\'s, with text; an answer would be {"role": "assistant"' in said
    assert "rows.jsonl:5: is pairs, the rest of the file chat; right would be" in said
    assert "rows.jsonl:6: turn 2 of `messages` (assistant) is empty" in said
    assert "rows.jsonl:7: should be an object such as {…}, not '\"text\"'" in said
    with pytest.raises(InvalidDataset, match="6 of 7 rows cannot be learned from"):
        rows_of([read])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"prompt": "a", "completion": "b", "label": "perhaps"}, "label is 'perhaps'; right would be true or false"),
        ({"prompt": "a", "chosen": "b", "rejected": "b "}, "`chosen` and `rejected` are the same"),
        ({"chosen": "b", "rejected": "c"}, "has no `prompt`"),
        ({"prompt": "a", "chosen": [ANSWER, QUESTION], "rejected": "c"}, "`chosen` holds 2 turns"),
        ({"conversations": [{"from": "pope", "value": "a"}]}, "turn 1 is from 'pope'; there is: human"),
        ({"instruction": "a", "output": ""}, "`output` is ''; it should be text"),
        ({"question": "a", "answer": " "}, "an answer should be text"),
        ({"messages": "hello"}, '`messages` should be a list such as [{"role": "user"'),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ANSWER]}, "turn 1 of `messages`"),
    ],
)  # fmt: skip
def test_a_wrong_row_says_what_would_be_right(row, says):
    read = read_rows("rows.jsonl", lines(row))
    assert says in str(read.problems[0])


def test_a_file_of_no_known_form_is_answered_with_those_there_are():
    with pytest.raises(InvalidDataset, match=r"(?s)a row with colour, size is of no known form.*kto:.*alpaca:"):
        read_rows("a.csv", b"colour,size\nred,1\n")
    with pytest.raises(InvalidDataset, match="did you mean 'alpaca'"):
        read_rows("a.jsonl", lines({"a": 1}), format_="alpacca")
    with pytest.raises(InvalidDataset, match="holds no row"):
        read_rows("a.jsonl", b"\n")
    with pytest.raises(InvalidDataset, match=r"a.csv:2: is not UTF-8"):
        read_rows("a.csv", b"question,answer\n\xff\xfe,b\n")


def test_what_is_written_is_read_again_with_its_source_and_group():
    row = only(
        lines({"messages": [QUESTION, ANSWER], "source": {"kind": "document", "name": "vpn.md", "knowledge": "k"}})
    )
    assert (row.source.kind, str(row.source)) == ("document", "vpn.md")
    again = only(written([with_system(row, "Be short.")]))
    assert again.messages[0] == {"role": "system", "content": "Be short."}
    assert (again.source, with_system(again, "Be long.")) == (row.source, again)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        (Chat, {"messages": [{"role": "developer", "content": "Hi."}, QUESTION, CALL, RESULT, ANSWER, QUESTION, CALL]}),
        (Chat, {"instruction": "Which port?", "output": "51820"}),
        (Preference, {"prompt": "Which port?", "chosen": "51820", "rejected": "80"}),
        (Thumb, {"prompt": "Which port?", "completion": "80", "label": "down"}),
    ],
)  # fmt: skip
def test_training_programs_read_what_is_written(tmp_path, kind, row):
    (tmp_path / "train.jsonl").write_bytes(written([only(lines(row))]))
    (read,) = program_rows(tmp_path / "train.jsonl", kind)
    assert read.messages[-1].content in {"Which port?", "51820"}


def test_a_judged_answer_among_pairs_is_never_learned_as_a_right_one():
    pair, bad = (
        {"prompt": "Which port?", "completion": "51820"},
        {"prompt": "Who?", "completion": "Ines.", "label": False},
    )
    read = read_rows("rows.jsonl", lines(pair, pair, bad))
    assert str(read.problems[0]).startswith("rows.jsonl:3: is kto, the rest of the file pairs")


def test_a_row_without_a_source_is_named_by_its_file_and_line():
    row = read_rows("rows.jsonl", lines({"question": "a", "answer": "b"}, {"question": "c", "answer": "d"})).rows[1]
    assert str(row.source) == "rows.jsonl:2"
