"""`fourways data` as it is typed: what is in rows, what is done to them, what stops the job."""

import json

import pytest
import typer
from typer.testing import CliRunner

from fourways.cli import data, terminal
from fourways.core.errors import InvalidDataset, InvalidRequest, NotFound

PROJECT = """\
project: one
knowledge: {k: {sources: [{paths: [docs]}]}}
datasets:
  ours: {files: [rows.jsonl], valid: 0.25}
  made: {knowledge: k}
apps: {desk: {ways: {prompt: {model: echo}}, tests: {cases: [{input: "Which port does the VPN use?"}]}}}
"""
ROWS = [{"question": f"What does item {number} cost?", "answer": f"€{number}"} for number in range(8)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a line of `data` in a project of its own; return the exit code and what was printed."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "fourways.yaml").write_text(PROJECT)
    write(tmp_path, *ROWS)
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.callback()(lambda: None)
    data.register(app)

    def ran(line, typed=None):
        monkeypatch.setattr(terminal.OUT, "width", 100)
        done = CliRunner().invoke(app, ["data", *line.split()], input=typed, terminal_width=100)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return ran


def write(folder, *rows, name="rows.jsonl"):
    (folder / name).write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))


def rows_in(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_sound_rows_pass_the_check(run):
    code, said = run("check ours")
    assert code == 0
    assert "8 sft" in said
    assert "Nothing stops it" in said


def test_what_stops_it_is_told_and_is_the_exit_code(run, tmp_path):
    write(tmp_path, *ROWS, '{"question": 1', {"question": "which port does the vpn use", "answer": "51820"})
    code, said = run("check rows.jsonl")
    assert code == 1
    assert "rows.jsonl:9: is no JSON" in said
    assert "rows that hold test cases: 1" in said
    code, said = run("check rows.jsonl --json")
    assert (code, len(json.loads(said)["checkup"]["stops"])) == (1, 2)


def test_a_file_is_checked_without_a_project_too(run, tmp_path):
    (tmp_path / "fourways.yaml").unlink()
    code, said = run("check rows.jsonl")
    assert code == 0
    assert "no test suite" in said


def test_columns_are_named(run, tmp_path):
    (tmp_path / "mails.csv").write_text("body,queue\nmy card is lost,cards\n")
    code, said = run("check mails.csv --column question=body --column answer=queue --json")
    assert (code, json.loads(said)["found"]) == (0, [["mails.csv", "pairs", 1]])
    with pytest.raises(InvalidRequest, match="right would be question=NAME"):
        run("check mails.csv --column body")


def test_cleaning_writes_what_is_left_and_a_log_of_the_rest(run, tmp_path):
    write(tmp_path, *ROWS, ROWS[0], {"question": "Is it jane@mail.org?", "answer": "Yes"}, "no json")
    code, said = run("clean rows.jsonl --dry-run")
    assert (code, list(tmp_path.glob("*.clean*"))) == (0, [])
    assert "9 of 11 rows are left. Nothing was written." in said
    run("clean rows.jsonl -o out.jsonl --near 0")
    log = [(one["rule"], one["done"]) for one in rows_in(tmp_path / "out.log.jsonl")]
    assert log == [("unreadable", "dropped"), ("duplicate", "dropped"), ("personal", "mended")]
    assert "[email]" in (tmp_path / "out.jsonl").read_text()
    with pytest.raises(InvalidRequest, match="mask, drop or keep"):
        run("clean rows.jsonl --personal hide")


def test_splitting_writes_two_sides_that_a_program_can_read(run, tmp_path):
    code, said = run("split ours --valid 0.25 -o parts --json")
    told = json.loads(said)
    assert (code, told["train"], told["valid"]) == (0, 6, 2)
    assert len(rows_in(tmp_path / "parts" / "train.jsonl")) == 6
    assert set(rows_in(tmp_path / "parts" / "valid.jsonl")[0]) == {"messages", "source"}
    write(tmp_path, *ROWS, "no json")
    with pytest.raises(InvalidDataset, match="1 of 9 rows"):
        run("split rows.jsonl")


def test_a_dataset_is_made_and_listed_by_what_it_rests_on(run):
    code, said = run("make ours --json")
    told = json.loads(said)
    assert (code, told["train_rows"], told["valid_rows"], told["sources"]) == (0, 6, 2, 1)
    assert [one["digest"] for one in json.loads(run("list --json")[1])] == [told["digest"]]
    assert run("list --document docs/vpn.md") == (0, "")


def test_people_add_rows_which_are_looked_at_first(run, tmp_path):
    assert run("add new/mine.jsonl -q Who? -a Dov.") == (0, "✓ 1 added to new/mine.jsonl\n")
    assert run("add new/mine.jsonl -q Who? -a Dov.")[1].startswith("Nothing was added")
    run("add better.jsonl -q Who? -a Dov. --instead-of Ines.")
    run("add judged.jsonl -q Who? -a Ines. --thumb down")
    assert rows_in(tmp_path / "new" / "mine.jsonl") == [{"question": "Who?", "answer": "Dov."}]
    assert rows_in(tmp_path / "better.jsonl") == [{"prompt": "Who?", "chosen": "Dov.", "rejected": "Ines."}]
    assert rows_in(tmp_path / "judged.jsonl") == [{"prompt": "Who?", "completion": "Ines.", "label": False}]
    with pytest.raises(InvalidDataset, match="is kto, the rest of the file pairs"):
        run("add new/mine.jsonl -q When? -a Nine. --thumb up")
    assert len(rows_in(tmp_path / "new" / "mine.jsonl")) == 1


def test_people_are_asked_for_rows_until_they_type_nothing(run, tmp_path):
    code, said = run("add mine.jsonl", typed="Who?\nDov.\nWhen?\nAt nine.\n\n")
    assert (code, said.splitlines()[-1]) == (0, "✓ 2 added to mine.jsonl")
    assert [row["answer"] for row in rows_in(tmp_path / "mine.jsonl")] == ["Dov.", "At nine."]


@pytest.mark.parametrize(
    ("line", "error", "match"),
    [
        ("check our", NotFound, "did you mean 'ours'"),
        ("check rows.jsonl --base nowhere", InvalidRequest, "there is no base nowhere"),
        ("check rows.jsonl --length 9", InvalidRequest, "name it with --base"),
        ("check rows.jsonl --format alpacca", InvalidDataset, "did you mean 'alpaca'"),
        ("add rows.jsonl -q Who?", InvalidRequest, "give both"),
        ("add rows.jsonl -q Who? -a Dov. --thumb left", InvalidRequest, "--thumb is up or down"),
        ("make", InvalidRequest, "say what is made"),
        ("make made", InvalidDataset, "was the knowledge ingested"),
        ("make --knowledge h", InvalidRequest, "there is no knowledge 'h'"),
        ("make --feedback desk --kind spo", InvalidRequest, "kind: input should be 'sft', 'dpo' or 'kto'"),
        ("make --feedback desk", InvalidDataset, "nobody judged an answer"),
    ],
)  # fmt: skip
def test_wrong_use_says_what_would_be_right(run, line, error, match):
    with pytest.raises(error, match=match):
        run(line)
