"""Every verb of the command line as a process: what it does, its JSON, its exit code, its errors of one line."""

import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from tests.e2e import acme
from tests.e2e.processes import FOURWAYS, ProjectFolder, Server, environment, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli")]

VERBS = (
    "init", "demo", "doctor", "ingest", "search", "erase", "up", "chat", "trace",
    "key create", "key list", "key revoke", "config schema", "config check",
)  # fmt: skip


@pytest.fixture(scope="module")
def warm(server: Server) -> ProjectFolder:
    """The small project, ingested, with a server beside the commands: they share its engine, which saves seconds."""
    return server.project


# ---------------------------------------------------------------- help


@pytest.mark.parametrize("verb", VERBS)
def test_each_verbs_help_shows_an_example(tmp_path, verb):
    ended = ProjectFolder(folder=tmp_path).done(*verb.split(), "--help")
    assert f"fourways {verb}" in ended.out.partition("Example")[2]


def test_the_help_lists_every_verb(tmp_path):
    shown = ProjectFolder(folder=tmp_path).done("--help").out
    for verb in VERBS:
        assert f" {verb.split()[0]} " in shown


# ---------------------------------------------------------------- a project's first steps


@pytest.mark.parametrize("options", [(), ("--sample", "helpdesk")], ids=["blank", "helpdesk"])
def test_a_new_project_is_right_from_the_start(tmp_path, options):
    here = ProjectFolder(folder=tmp_path)
    planned = here.done("init", "mine", *options, "--dry-run", "--json").json["files"]
    assert not (tmp_path / "mine").exists()
    made = here.done("init", "mine", *options, "--json").json["files"]
    assert made == planned
    assert "fourways.yaml" in made
    project = ProjectFolder(folder=tmp_path / "mine")
    assert "✓" in project.done("config", "check").out
    assert project.run("init", ".").code == 2


def test_the_blank_project_answers_once_it_is_ingested(tmp_path):
    ProjectFolder(folder=tmp_path).done("init", "mine")
    project = ProjectFolder(folder=tmp_path / "mine")
    result = project.done("ingest", "--json").json["documents"]
    assert (result["snapshot"], result["documents"]) == (1, 1)
    assert project.done("chat", "-m", "What is this?").out.strip()


def test_doctor_says_what_is_missing_and_ends_with_1_until_it_is_there(project):
    before = project.run("doctor", "--json")
    findings = {finding["subject"]: finding for finding in before.json}
    assert before.code == 1
    assert findings["knowledge handbook"]["level"] == "bad"
    assert "fourways ingest" in findings["knowledge handbook"]["mend"]
    project.done("ingest")
    after = project.done("doctor", "--json").json
    assert not [finding for finding in after if finding["level"] == "bad"]
    [model] = [finding for finding in after if finding["subject"] == "model"]
    assert model["found"].startswith("extractive")


def test_the_schema_is_one(tmp_path):
    schema = ProjectFolder(folder=tmp_path).done("config", "schema").json
    assert schema["additionalProperties"] is False
    assert "knowledge" in schema["properties"]


# ---------------------------------------------------------------- documents


def test_ingest_reads_only_what_changed(project):
    with serving(project, "--no-sync") as server:
        first = project.done("ingest", "--json").json["handbook"]
        assert (first["snapshot"], first["added"], first["failed"]) == (1, len(acme.PAGES), {})
        project.write("docs/wifi.md", acme.page("wifi").replace("Heron", "Kingfisher"))
        (project.folder / "docs/canteen.md").unlink()
        project.write("docs/garden.md", "# Garden\n\nThe garden has two beehives.\n")
        project.write("docs/broken.md", "---\nacl: {no: list}\n---\n# Broken\n\nSecret.\n")
        second = project.done("ingest", "--json").json["handbook"]
        counts = {name: second[name] for name in ("added", "changed", "removed", "unchanged")}
        assert counts == {"added": 1, "changed": 1, "removed": 1, "unchanged": len(acme.PAGES) - 2}
        assert list(second["failed"]) == ["docs/broken.md"]
        assert "two beehives" in shown_of(server, "How many beehives does the garden have?")
        assert "lentil" not in shown_of(server, "lentil soup on Thursdays")
        assert "Secret" not in shown_of(server, "Secret")


def shown_of(server: Server, query: str) -> str:
    """All texts that a search brings up."""
    page = server.client().vector_stores.search("handbook", query=query, max_num_results=50)
    return " ".join(hit.content[0].text for hit in page.data)


def found(project: ProjectFolder, query: str, *options: str) -> Any:
    return project.done("search", query, *options, "--json").json


def test_search_shows_scores_and_keeps_to_labels(warm):
    [first, *_] = found(warm, "which printer prints in colour")
    assert first["passage"]["document"] == "docs/printers.md"
    assert first["score"] > 0
    assert acme.SECRET not in warm.done("search", "bonuses in Februember", "--limit", "50").out
    assert acme.SECRET in warm.done("search", "bonuses in Februember", "--label", "hr").out


def test_chat_answers_with_its_sources_and_leaves_a_trace(warm):
    answer = warm.done("chat", "-m", "Where do visitors park?", "--json").json
    assert "level minus two" in answer["answer"]
    [citation] = answer["citations"]
    assert citation["document"] == "docs/parking.md"
    row = warm.done("trace", answer["trace_id"][:12], "--json").json
    assert (row["id"], row["app"], row["way"], row["status"]) == (answer["trace_id"], "helpdesk", "rag", "ok")
    assert "retrieve" in warm.done("trace", answer["trace_id"]).out


def test_the_reader_of_the_package_quotes_the_bare_answer(project):
    project.edit("model: extractive", "model: fourways-reader")
    project.done("ingest")
    answer = project.done("chat", "-m", "What does a parking permit cost?", "--json").json
    assert answer["answer"].startswith("12 euros")
    assert [one["document"] for one in answer["citations"]] == ["docs/parking.md"]


def test_chat_takes_a_way_a_label_and_a_question_from_a_pipe(warm):
    assert warm.done("chat", "helpdesk", "--way", "prompt", "-m", "one two").out.startswith("one two")
    assert "three four" in warm.done("chat", "parrot", text="three four\n").out
    question = "At how many euros does the salary of band seven begin?"
    assert "81250" in warm.done("chat", "-m", question, "--label", "hr").out


def test_traces_are_listed_newest_first_and_by_status(warm):
    warm.done("chat", "parrot", "-m", "the newest")
    assert warm.run("chat", "nowhere", "-m", "x").code == 2
    rows = warm.done("trace", "--json").json
    assert [row["status"] for row in rows[:2]] == ["error", "ok"]
    assert [row["status"] for row in warm.done("trace", "--status", "error", "--limit", "1", "--json").json] == [
        "error"
    ]
    assert "the newest" in warm.done("trace").out


def test_an_erased_document_does_not_come_back(project):
    with serving(project) as server:
        server.synced()
        assert project.done("erase", "docs/wifi.md", "--dry-run", "--json").json["passages"] == 1
        assert project.run("erase", "docs/wifi.md", text="n\n").code == 1
        assert "Heron" in shown_of(server, "guests wireless")
        assert project.done("erase", "docs/wifi.md", "--yes", "--json").json["passages"] == 1
        project.done("ingest")
        assert "Heron" not in shown_of(server, "guests wireless")
        left = [path for path in project.state.rglob("*") if path.is_file() and b"Heron" in path.read_bytes()]
        assert left == []


# ---------------------------------------------------------------- keys


def test_keys_are_made_shown_once_listed_and_revoked(project):
    made = project.done("key", "create", "portal", "--app", "helpdesk", "--label", "hr", "--days", "90", "--json").json
    listed = project.done("key", "list", "--json")
    [row] = listed.json
    assert (row["id"], row["name"], row["apps"], row["labels"]) == (made["id"], "portal", ["helpdesk"], ["hr"])
    assert made["secret"] not in listed.out + project.done("key", "list").out
    assert not [
        path for path in project.state.rglob("*") if path.is_file() and made["secret"].encode() in path.read_bytes()
    ]
    project.done("key", "revoke", made["id"])
    assert project.done("key", "list", "--json").json[0]["revoked_at"] <= time.time()


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ingest", "handbok"), 2, "did you mean 'handbook'"),
        (("search", "x", "--knowledge", "none"), 2, "handbook"),
        (("search", "  "), 2, "empty"),
        (("chat", "helpdisk", "-m", "x"), 2, "did you mean 'helpdesk'"),
        (("chat", "helpdesk", "--way", "magic", "-m", "x"), 2, "helpdesk:rag"),
        (("trace", "ffffffff"), 2, "no trace"),
        (("erase", "docs/wify.md", "--yes"), 2, "docs/wifi.md"),
        (("key", "revoke", "key_none"), 2, "no key"),
        (("init", "x", "--sample", "nothing"), 2, "helpdesk"),
        (("key", "create", "x", "--app", "helpdisk"), 2, "helpdesk"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_was_wrong_is_said_in_one_line(warm, words, code, said):
    ended = warm.run(*words)
    assert ended.code == code, ended
    assert said in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert ended.out == ""


@pytest.mark.parametrize("verb", ["ingest", "up", "chat", "doctor", "config check"])
def test_a_folder_without_a_project_is_told_how_to_make_one(tmp_path, verb):
    ended = ProjectFolder(folder=tmp_path).run(*verb.split())
    assert ended.code == (1 if verb == "doctor" else 2)
    assert "fourways init" in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_each_mistake_in_the_project_file_is_named_with_its_line(project):
    project.edit("model: extractive", "modell: extractive")
    project.edit("knowledge: handbook", "knowledge: handbok")
    for verb in ("config check", "up", "ingest", "key list"):
        ended = project.run(*verb.split())
        assert ended.code == 2
        assert "fourways.yaml:10:apps.helpdesk.ways.rag.modell: unknown key; did you mean 'model'?" in ended.err
        assert "Traceback" not in ended.err


def test_yaml_that_is_none_is_named_with_its_line(project):
    project.write("fourways.yaml", "project: acme\napps: {a: [}\n")
    ended = project.run("ingest")
    assert ended.code == 2
    assert "fourways.yaml:2" in ended.err
    assert "Traceback" not in ended.err


def test_a_source_that_is_not_there_fails_the_ingest(project):
    project.edit("paths: [docs]", "paths: [dogs]")
    ended = project.run("ingest")
    assert ended.code in {1, 2}
    assert "dogs" in ended.err
    assert "Traceback" not in ended.err


def test_a_port_that_is_taken_is_named(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = project.run("up", "--port", str(port))
    assert ended.code == 1
    assert f"127.0.0.1:{port}" in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err


def test_a_wrong_option_is_wrong_use(tmp_path):
    assert ProjectFolder(folder=tmp_path).run("ingest", "--jsn").code == 2


def test_the_console_script_is_the_same_program(tmp_path):
    code = "import importlib.metadata as m; [e] = m.entry_points(group='console_scripts', name='fourways'); e.load()()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "--help"], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    same = subprocess.run([*FOURWAYS, "--help"], cwd=tmp_path, env=environment(), capture_output=True, check=True)
    assert b"ingest" in ended.stdout
    assert b"ingest" in same.stdout
