"""Fine-tuning jobs in OpenAI's shape: what comes in, what goes out, and our jobs in its words."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from fourways.control.tuned_by_file import METHODS, Asked
from fourways.core.errors import InvalidRequest
from fourways.store.jobs import JobRow

MOST = 100
STATUS: Mapping[str, str] = {
    "queued": "queued",
    "running": "running",
    "done": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""Our states in OpenAI's words."""

Auto = Literal["auto"]


class Hyperparameters(msgspec.Struct, kw_only=True):
    """How it is trained; `auto` is the method's table."""

    n_epochs: Annotated[float, Meta(gt=0)] | Auto = "auto"
    batch_size: Annotated[int, Meta(ge=1)] | Auto = "auto"
    learning_rate_multiplier: Annotated[float, Meta(gt=0)] | Auto = "auto"
    beta: Annotated[float, Meta(gt=0)] | Auto = "auto"


class MethodSettings(msgspec.Struct, kw_only=True):
    """Settings of a method."""

    hyperparameters: Hyperparameters = msgspec.field(default_factory=Hyperparameters)


class MethodBody(msgspec.Struct, kw_only=True):
    """Which method, with its settings under its own name."""

    type: str = "supervised"
    supervised: MethodSettings | None = None
    dpo: MethodSettings | None = None


class JobBody(msgspec.Struct, kw_only=True):
    """The body of POST /v1/fine_tuning/jobs: `model` is a base, or `app:finetune` for that way's base and settings."""

    model: str
    training_file: str
    validation_file: str | None = None
    method: MethodBody | None = None
    hyperparameters: Hyperparameters | None = None
    suffix: str | None = None
    seed: int | None = None
    metadata: dict[str, str] | None = None
    integrations: list[dict[str, Any]] | None = None


class JobError(msgspec.Struct, kw_only=True):
    """Why a job failed."""

    code: str
    message: str
    param: str | None = None


class Job(msgspec.Struct, kw_only=True):
    """One fine-tuning job."""

    id: str
    model: str
    created_at: int
    finished_at: int | None
    fine_tuned_model: str | None
    status: str
    training_file: str
    validation_file: str | None
    hyperparameters: Hyperparameters
    method: MethodBody
    trained_tokens: int | None
    error: JobError | None
    seed: int
    estimated_finish: int | None = None
    organization_id: str = "fourways"
    result_files: list[str] = []
    integrations: list[dict[str, Any]] = []
    metadata: dict[str, str] | None = None
    object: str = "fine_tuning.job"


class JobList(msgspec.Struct, kw_only=True):
    """Jobs, newest first."""

    data: list[Job]
    has_more: bool = False
    object: str = "list"


class Event(msgspec.Struct, kw_only=True):
    """Something that a job reported."""

    id: str
    created_at: int
    level: str
    message: str
    type: str = "message"
    data: dict[str, Any] | None = None
    object: str = "fine_tuning.job.event"


class EventList(msgspec.Struct, kw_only=True):
    """A job's events, newest first."""

    data: list[Event]
    has_more: bool = False
    object: str = "list"


class Checkpoint(msgspec.Struct, kw_only=True):
    """A state that a running job can be gone on from; it is no model of its own."""

    id: str
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: dict[str, Any]
    step_number: int
    object: str = "fine_tuning.job.checkpoint"


class CheckpointList(msgspec.Struct, kw_only=True):
    """A job's checkpoints, newest first."""

    data: list[Checkpoint]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False
    object: str = "list"


class PageQuery(msgspec.Struct, kw_only=True):
    """Which page: so many behind the one named."""

    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST)] = 20


# ---------------------------------------------------------------- between the wire and the job


def asked_of(body: JobBody) -> Asked:
    """Read a request; raises InvalidRequest for a method there is not."""
    method = body.method or MethodBody()
    if method.type not in METHODS:
        right = " or ".join(METHODS)
        raise InvalidRequest(f"method.type is '{method.type}'; right would be {right}", param="method.type")
    settings = (method.dpo if method.type == "dpo" else method.supervised) or MethodSettings()
    hyper = settings.hyperparameters if body.method else body.hyperparameters or Hyperparameters()
    return Asked(
        model=body.model,
        training_file=body.training_file,
        validation_file=body.validation_file,
        method=method.type,
        epochs=_given(hyper.n_epochs),
        batch=_given(hyper.batch_size),
        multiplier=_given(hyper.learning_rate_multiplier),
        beta=_given(hyper.beta),
        suffix=body.suffix or "",
        seed=1 if body.seed is None else body.seed,
        metadata=body.metadata,
    )


def _given(value: Any) -> Any:  # noqa: ANN401 - a number, or "auto"
    return None if value == "auto" else value


def _or_auto(value: Any) -> Any:  # noqa: ANN401 - a number, or nothing
    return "auto" if value is None else value


def job_of(row: JobRow) -> Job:
    """Return a job as it stands on the wire."""
    asked = Asked(**row.spec)
    hyper = Hyperparameters(
        n_epochs=_or_auto(asked.epochs),
        batch_size=_or_auto(asked.batch),
        learning_rate_multiplier=_or_auto(asked.multiplier),
        beta=_or_auto(asked.beta),
    )
    settings = MethodSettings(hyperparameters=hyper)
    method = MethodBody(type=asked.method)
    method = msgspec.structs.replace(method, **{asked.method: settings})
    result, progress = row.result or {}, row.progress or {}
    left = progress.get("eta")
    reading = row.state == "running" and progress.get("stage", "rows") == "rows"
    return Job(
        id=row.id,
        model=asked.model,
        created_at=int(row.created_at),
        finished_at=None if row.finished_at is None else int(row.finished_at),
        fine_tuned_model=result.get("model"),
        status="validating_files" if reading else STATUS[row.state],
        training_file=asked.training_file,
        validation_file=asked.validation_file,
        hyperparameters=hyper,
        method=method,
        trained_tokens=result.get("tokens"),
        error=JobError(code="failed", message=row.error) if row.error else None,
        seed=asked.seed,
        estimated_finish=int(time.time() + left) if left and row.state == "running" else None,
        metadata=dict(asked.metadata) if asked.metadata else None,
    )


def events_of(row: JobRow, reports: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Return what a job reported as events, newest first."""
    told = [_said(row, 0, row.created_at, "The job was created.")]
    for number, report in enumerate(reports, 1):
        metrics = metrics_of(report)
        loss = f": training loss {metrics['train_loss']:.4f}" if "train_loss" in metrics else ""
        event = _said(row, number, float(report.get("at", row.created_at)), f"Step {metrics['step']}{loss}")
        told.append(msgspec.structs.replace(event, type="metrics", data=metrics))
    ends = {
        "done": "The job succeeded.",
        "failed": f"The job failed: {row.error}",
        "cancelled": "The job was cancelled.",
    }
    if row.state in ends:
        at = row.finished_at or row.created_at
        event = _said(row, len(told), at, ends[row.state])
        told.append(msgspec.structs.replace(event, level="error") if row.state == "failed" else event)
    return told[::-1]


def _said(row: JobRow, number: int, at: float, message: str) -> Event:
    return Event(id=f"{row.id}-{number:06}", created_at=int(at), level="info", message=message)


def metrics_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step report in OpenAI's words."""
    named = {"step": "step", "loss": "train_loss", "valid_loss": "full_valid_loss", "of": "total_steps", "lr": "lr"}
    return {ours: report[name] for name, ours in named.items() if report.get(name) is not None}


def paged(rows: Sequence[Any], ids: Sequence[str], query: PageQuery) -> tuple[Sequence[Any], bool]:
    """Return a page of rows, and whether there are more; raises InvalidRequest for one that starts nowhere."""
    if query.after is not None and query.after not in ids:
        raise InvalidRequest(f"after is '{query.after}', which is none of these", param="after")
    begin = 0 if query.after is None else ids.index(query.after) + 1
    return rows[begin : begin + query.limit], begin + query.limit < len(rows)
