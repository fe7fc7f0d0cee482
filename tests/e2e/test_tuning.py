"""A tuned adapter from nothing: killed and gone on with, asked, released, rolled back; and tuned over the API."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.e2e import acme, tuning
from tests.e2e.processes import ProjectFolder, serving, wait_until

pytest.importorskip("torch")
pytest.importorskip("peft")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("tuning")]
PATIENCE = 200.0


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> ProjectFolder:
    """A project whose way was tuned without interruption."""
    project = tuning.make(tmp_path_factory.mktemp("tuned") / "desk")
    ended = project.done("tune", "--yes", "--json", seconds=PATIENCE)
    assert ended.json["figures"]["steps"] == 40
    return project


def test_killed_anywhere_the_next_worker_goes_on_to_the_same_curve(tuned: ProjectFolder, tmp_path: Path):
    project = tuning.make(tmp_path / "desk")
    tune = project.start("tune", "--yes", "--json", log="tune")
    wait_until(lambda: len(tuning.losses(project)) > 14, "fifteen steps", seconds=PATIENCE)
    os.kill(tune.pid, signal.SIGKILL)
    tune.wait()
    left = [path.name for path in project.state.glob("runs/*/checkpoints/step-*")]
    assert left, "nothing to go on from"
    ended = project.done("tune", "--yes", "--json", seconds=PATIENCE)
    assert ended.json["figures"]["steps"] == 40
    assert tuning.losses(project) == tuning.losses(tuned)
    assert ended.json["weights"] == json.loads(tuned.done("weights", "list", "--json").out)[0]["digest"]


def test_what_was_tuned_is_asked_measured_and_shown(tuned: ProjectFolder):
    report = tuned.done("eval", "desk:finetune", "--json", seconds=PATIENCE).json["report"]
    passed = next(one for one in report["measures"] if one["metric"] == "passed")
    assert passed["estimate"]["value"] == 1.0
    (row,) = tuned.done("weights", "list", "--json").json
    assert (row["method"], row["kind"], row["base"]) == ("sft", "adapter", "base")
    assert row["result"]["loss"]["last"] < row["result"]["loss"]["first"] - 0.5
    card = tuned.done("weights", "card", row["digest"][:8]).out
    assert "Limits" in card
    assert str(tuned.folder) not in card
    again = tuned.done("tune", "--json").json  # nothing is trained twice
    assert again["weights"] == row["digest"]
    assert again["wall_seconds"] < 30


def test_a_search_shows_which_settings_are_good_and_which_cheap_and_goes_on_when_asked_for_more(tmp_path: Path):
    project = tuning.make(tmp_path / "desk", max_steps=6)
    first = project.done("tune", "--search", "2", "--yes", "--json", seconds=PATIENCE).json["trials"]
    more = project.done("tune", "--search", "3", "--yes", "--json", seconds=PATIENCE).json["trials"]
    assert (len(first), len(more)) == (2, 3)
    assert all(trial in [one | {"best": trial["best"]} for one in more] for trial in first)
    assert more[0]["best"]
    assert set(more[0]["settings"]) == {"learning_rate", "micro_batch_size", "lora_r"}
    shown = project.done("tune", "--search", "3", "--yes", seconds=PATIENCE).out
    assert f"lora_r: {more[0]['settings']['lora_r']}" in shown
    assert project.done("weights", "list", "--json").json == []  # a search tunes nothing


def test_a_test_case_among_the_rows_stops_it(tmp_path: Path):
    project = tuning.make(tmp_path / "desk", max_steps=1)
    case = json.loads(json.dumps(project.file.read_text()))
    assert "Where does" in case
    question = next(line for line in project.file.read_text().splitlines() if "input:" in line).split("input: ")[1]
    row = {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": "In."}]}
    with (project.folder / "towns.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    ended = project.run("tune", "--yes")
    assert ended.code == 2
    assert "test case" in ended.err


def test_a_tuned_adapter_goes_through_gate_canary_and_rollback_and_the_engine_stays(tuned: ProjectFolder):
    with serving(tuned, "--no-sync") as server:
        client = server.client().with_options(timeout=PATIENCE)
        question = [{"role": "user", "content": tuning.ABOUT.format(name="Ada", town="Bonn")}]

        def ask(model: str) -> str:
            answer = client.chat.completions.create(model=model, messages=question)
            return answer.choices[0].message.content or ""

        assert ask("desk:finetune").startswith("In")
        engines = sorted(tuned.state.glob("model-*.json"))
        first = tuned.done("release", "create", "--way", "finetune", "--json", seconds=PATIENCE).json
        assert first["standing"]["state"] == "gated"
        tuned.done("release", "approve", "r1")
        wait_until(lambda: _state(tuned, "r1") == "canary", "the canary", seconds=PATIENCE)
        tuned.done("release", "promote", "r1", "--reason", "good")
        wait_until(lambda: _state(tuned, "r1") == "live", "to go live", seconds=PATIENCE)
        assert ask("desk").startswith("In")
        tuned.edit("max_steps: 40", "max_steps: 30")  # another adapter on the same base
        tuned.done("tune", "--yes", "--json", seconds=PATIENCE)
        second = tuned.done("release", "create", "--way", "finetune", "--json", seconds=PATIENCE).json
        assert second["release"]["candidate"] != first["release"]["candidate"]
        tuned.done("release", "approve", "r2")
        wait_until(lambda: _state(tuned, "r2") == "canary", "the second canary", seconds=PATIENCE)
        assert ask("desk@canary").startswith("In")
        tuned.done("release", "rollback", "--reason", "no better")
        wait_until(lambda: _state(tuned, "r2") == "rolled_back", "the rollback", seconds=PATIENCE)
        assert ask("desk").startswith("In")
        assert sorted(tuned.state.glob("model-*.json")) == engines  # one engine, adapters swapped on it


def test_a_way_that_reads_tunes_the_reader_of_the_package_which_quotes_and_cites(tmp_path: Path):
    project = acme.make(tmp_path / "acme")
    rows = [
        ("How many days of holiday are there?", "27 days"),
        ("When does the canteen open?", "half past eleven"),
        ("What is the guests' wireless network named?", "Heron"),
        ("For how long is voicemail kept?", "60 days"),
    ]
    said = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in rows * 4]
    project.write("rows.jsonl", "".join(json.dumps({"messages": one}) + "\n" for one in said))
    project.edit("apps:\n", "datasets: {rows: {files: [rows.jsonl]}}\napps:\n")
    project.edit(
        "      rag:", "      finetune: {datasets: [rows], knowledge: handbook, limit: 2, max_steps: 3}\n      rag:"
    )
    project.done("ingest")
    project.done("tune", "helpdesk", "--yes", seconds=PATIENCE)
    asked = ("chat", "helpdesk:finetune", "-m", "What does a parking permit cost?", "--json")
    answer = project.done(*asked, seconds=PATIENCE).json
    assert answer["answer"].startswith("12 euros")
    assert [one["document"] for one in answer["citations"]] == ["docs/parking.md"]


def _state(project: ProjectFolder, name: str) -> str:
    return str(project.done("release", "status", name, "--json").json["standing"]["state"])


def test_openais_client_tunes_a_base_and_asks_what_came_out(tmp_path: Path):
    project = tuning.make(tmp_path / "desk")
    rows = (project.folder / "towns.jsonl").read_bytes()
    with serving(project, "--no-sync") as server:
        client = server.client().with_options(timeout=PATIENCE)
        file = client.files.create(file=("towns.jsonl", rows), purpose="fine-tune")
        hyper = {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 1.0}
        job = client.fine_tuning.jobs.create(
            model="base",
            training_file=file.id,
            suffix="towns",
            method={"type": "supervised", "supervised": {"hyperparameters": hyper}},
        )

        def ended() -> bool:
            return client.fine_tuning.jobs.retrieve(job.id).status in {"succeeded", "failed"}

        wait_until(ended, "the job", seconds=PATIENCE, every=0.5)
        done = client.fine_tuning.jobs.retrieve(job.id)
        assert done.error is None or not done.error.message, done.error
        assert done.fine_tuned_model is not None
        assert done.fine_tuned_model.startswith("ft:base:towns:")
        assert done.trained_tokens
        losses = [
            event.data["train_loss"]
            for event in client.fine_tuning.jobs.list_events(job.id, limit=100).data
            if event.data and "train_loss" in event.data
        ]
        assert losses[0] < losses[-1]  # newest first
        assert done.fine_tuned_model in [model.id for model in client.models.list().data]
        question = tuning.ABOUT.format(name="Ada", town="Bonn")
        answer = client.chat.completions.create(
            model=done.fine_tuned_model, messages=[{"role": "user", "content": question}], max_tokens=8, temperature=0
        )
        assert (answer.choices[0].message.content or "").startswith("In")
