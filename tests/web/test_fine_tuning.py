"""/v1/files and /v1/fine_tuning, asked by OpenAI's own client: shapes, who may, what is refused. Nothing is trained."""

import json
import time
from typing import Any

import openai
import pytest
from tests.web.conftest import Running, Serve

from fourways.control import tuned_by_file
from fourways.core.ids import DEFAULT_TENANT
from fourways.store import jobs
from fourways.web.files import form_of

ROWS = b'{"messages": [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Here."}]}\n'


@pytest.fixture
def running(serve: Serve) -> Running:
    return serve()


def sent(client: openai.OpenAI) -> str:
    return client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune").id


def test_a_file_is_kept_listed_fetched_and_deleted(running):
    client = running.client()
    made = client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune")
    assert (made.filename, made.bytes, made.purpose, made.status) == ("rows.jsonl", len(ROWS), "fine-tune", "processed")
    assert [one.id for one in client.files.list().data] == [made.id]
    assert client.files.retrieve(made.id).id == made.id
    assert client.files.content(made.id).read() == ROWS
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)


def test_two_files_of_the_same_bytes_are_deleted_one_by_one(running):
    client = running.client()
    first, second = sent(client), sent(client)
    client.files.delete(first)
    assert client.files.content(second).read() == ROWS


@pytest.mark.parametrize(
    ("file", "purpose", "says"),
    [
        (("rows.jsonl", b""), "fine-tune", "the file is empty"),
        (("rows.jsonl", ROWS), "assistants", "purpose is 'assistants'; right would be fine-tune"),
    ],
)
def test_what_is_no_file_to_tune_on_is_refused(running, file, purpose, says):
    with pytest.raises(openai.BadRequestError, match=says):
        running.client().files.create(file=file, purpose=purpose)


def test_a_form_is_read_whatever_its_bytes_are():
    body = (
        b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a b.jsonl"\r\n'
        b"content-type: application/octet-stream\r\n\r\n\xc3\xa9\x00\n-- b\r\n--b--\r\n"
    )
    parts = form_of(body, b"multipart/form-data; boundary=b")
    assert parts["purpose"].content == b"fine-tune"
    assert (parts["file"].filename, parts["file"].content) == ("a b.jsonl", b"\xc3\xa9\x00\n-- b")


def test_a_job_is_created_listed_shown_and_cancelled(running):
    client = running.client()
    file = sent(client)
    made = client.fine_tuning.jobs.create(
        model="fourways-small",
        training_file=file,
        suffix="desk",
        seed=7,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": "auto"}}},
        metadata={"who": "me"},
    )
    assert (made.status, made.model, made.training_file, made.seed) == ("queued", "fourways-small", file, 7)
    assert made.fine_tuned_model is None
    assert made.method is not None
    assert made.method.supervised is not None
    assert made.method.supervised.hyperparameters is not None
    assert made.method.supervised.hyperparameters.n_epochs == 2
    assert [one.id for one in client.fine_tuning.jobs.list()] == [made.id]
    assert client.fine_tuning.jobs.retrieve(made.id).metadata == {"who": "me"}
    again = client.fine_tuning.jobs.create(
        model="fourways-small",
        training_file=file,
        suffix="desk",
        seed=7,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        metadata={"who": "me"},
    )
    assert again.id == made.id  # the same that waits already
    assert client.fine_tuning.jobs.cancel(made.id).status == "cancelled"
    events = client.fine_tuning.jobs.list_events(made.id).data
    assert [event.message for event in events] == ["The job was cancelled.", "The job was created."]
    assert list(client.fine_tuning.jobs.checkpoints.list(made.id)) == []
    with pytest.raises(openai.ConflictError):
        client.fine_tuning.jobs.cancel(made.id)


def test_steps_that_were_reported_are_events_and_checkpoints_are_listed(running):
    client = running.client()
    made = client.fine_tuning.jobs.create(model="fourways-small", training_file=sent(client))
    run = running.house.state / "runs" / "abc"
    (run / "checkpoints" / "step-00000002").mkdir(parents=True)
    reports = [{"step": 1, "loss": 2.5, "at": 1.0}, {"step": 2, "loss": 1.5, "valid_loss": 1.75, "of": 4, "at": 2.0}]
    (run / "steps.jsonl").write_text("".join(json.dumps(report) + "\n" for report in reports))
    with running.house.database.transaction() as connection:
        taken = jobs.claim(connection, owner="w", lease_seconds=60, now=time.time(), kinds=[tuned_by_file.KIND])
        assert taken is not None
        known = {"recipe": "abc", "stage": "sft", "eta": 60}
        jobs.heartbeat(
            connection, DEFAULT_TENANT, made.id, owner="w", lease_seconds=60, now=time.time(), progress=known
        )
    shown = client.fine_tuning.jobs.retrieve(made.id)
    assert shown.status == "running"
    assert shown.estimated_finish is not None
    assert shown.estimated_finish > time.time()
    first = client.fine_tuning.jobs.list_events(made.id, limit=1)
    assert first.data[0].message == "Step 2: training loss 1.5000"
    assert first.data[0].data == {"step": 2, "train_loss": 1.5, "full_valid_loss": 1.75, "total_steps": 4}
    assert first.has_more
    (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(made.id).data
    assert (checkpoint.step_number, checkpoint.metrics.full_valid_loss) == (2, 1.75)


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no such file": ({"training_file": "file_none"}, openai.NotFoundError, "there is no file"),
    "a method of others": ({"method": {"type": "reinforcement"}}, openai.BadRequestError, "supervised or dpo"),
    "an app without such a way": ({"model": "desk:prompt"}, openai.NotFoundError, "no tuned way"),
    "a suffix with a slash": ({"suffix": "a/b"}, openai.BadRequestError, "suffix is up to 40"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_tuned_is_refused_at_once(serve, name):
    given, error, says = WRONG[name]
    running = serve(settings={"apps": {"desk": {"ways": {"prompt": {"model": "echo"}}}}})
    client = running.client()
    asked: dict[str, Any] = {"model": "fourways-small", "training_file": sent(client)}
    asked.update(given)
    with pytest.raises(error, match=says):
        client.fine_tuning.jobs.create(**asked)
