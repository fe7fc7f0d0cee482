"""Fine-tuning as the API asks for it: what is asked for, the job, what is told of it. Trains nothing."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourways.config.ways import FinetuneWay
from fourways.control.files import Files
from fourways.core.errors import InvalidRequest, NotFound
from fourways.core.ids import TenantId
from fourways.launch.base import STEPS
from fourways.store import jobs
from fourways.store.database import Database
from fourways.store.jobs import JobRow
from fourways.ways.workshop import Workshop

KIND = "finetune"
METHODS: Mapping[str, str] = {"supervised": "sft", "dpo": "dpo"}
"""OpenAI's methods by ours."""
SUFFIX = re.compile(r"^[A-Za-z0-9_-]{1,40}$")
KEPT = (
    *("adapter", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules"),
    *("licence", "sequence_len", "quantize"),
)
"""What is taken from an app's way, beside its base, where one is named in place of a base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a fine-tuning job was asked for; None means as the method's table says.

    Attributes:
        model: a base, or `app:finetune`, whose base and settings are meant.
        multiplier: of the table's learning rate.
    """

    model: str
    training_file: str
    validation_file: str | None = None
    method: str = "supervised"
    epochs: float | None = None
    batch: int | None = None
    multiplier: float | None = None
    beta: float | None = None
    suffix: str = ""
    seed: int = 1
    metadata: Mapping[str, str] | None = None

    @property
    def spec(self) -> dict[str, Any]:
        """The same as a job's spec."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def submit(
    database: Database, tenant: TenantId, workshop: Workshop, files: Files, asked: Asked, *, now: float
) -> JobRow:
    """Ask for a model to be tuned; the same that waits or runs already is returned instead.

    Raises:
        NotFound: there is no such model, app or file.
        InvalidRequest: method or suffix are none.
    """
    if asked.method not in METHODS:
        raise InvalidRequest(f"method.type is '{asked.method}'; right would be {' or '.join(METHODS)}", param="method")
    if asked.suffix and not SUFFIX.match(asked.suffix):
        raise InvalidRequest("suffix is up to 40 letters, digits, - and _", param="suffix")
    node_of(workshop, asked)
    for name in (asked.training_file, asked.validation_file):
        if name is not None:
            files.get(name)
    with database.transaction() as connection:
        return jobs.submit(connection, tenant, kind=KIND, spec=asked.spec, now=now, afresh=True)


def node_of(workshop: Workshop, asked: Asked) -> FinetuneWay:
    """Return what is asked for as a way's node: the app's own settings, with what the request says put over them.

    Raises:
        NotFound: there is no such app, or it has no such way.
    """
    app, colon, way = asked.model.partition(":")
    given: dict[str, Any] = {"base_model": asked.model}
    if colon and app in workshop.project.apps:
        node = getattr(workshop.project.apps[app].ways, way, None)
        if not isinstance(node, FinetuneWay):
            raise NotFound(f"'{asked.model}' is no tuned way of an app; right would be {app}:finetune, or a base")
        given = {name: getattr(node, name) for name in KEPT} | {"base_model": node.base}
    given |= {"datasets": ["file"], "method": METHODS[asked.method], "seed": asked.seed}
    named = {"num_epochs": asked.epochs, "micro_batch_size": asked.batch, "rl_beta": asked.beta}
    return FinetuneWay.model_validate(given | {name: value for name, value in named.items() if value is not None})


# ---------------------------------------------------------------- what is told of a job


def get_job(database: Database, tenant: TenantId, name: str) -> JobRow:
    """Return a fine-tuning job by its id; raises NotFound."""
    with database.reading() as connection:
        row = jobs.get_job(connection, tenant, name)
    if row.kind != KIND:
        raise NotFound(f"there is no fine-tuning job '{name}'")
    return row


def list_jobs(database: Database, tenant: TenantId, *, limit: int) -> list[JobRow]:
    """Return the newest fine-tuning jobs."""
    with database.reading() as connection:
        return jobs.recent_jobs(connection, tenant, kind=KIND, limit=limit)


def cancel_job(database: Database, tenant: TenantId, name: str, *, now: float) -> JobRow:
    """Cancel a job; whoever does it ends its program at the next sign of life.

    Raises:
        NotFound: there is no such job.
        IllegalTransition: it has ended.
    """
    row = get_job(database, tenant, name)
    with database.transaction() as connection:
        return jobs.cancel(connection, tenant, row.id, now=now)


def reports_of(state: Path, job: JobRow) -> list[dict[str, Any]]:
    """Return the step reports of a job's run, oldest first; none before it begins."""
    recipe = (job.result or {}).get("recipe") or (job.progress or {}).get("recipe")
    path = state / "runs" / str(recipe) / STEPS
    if not recipe or not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def checkpoints_of(state: Path, job: JobRow) -> list[int]:
    """Return the steps whose checkpoints lie there, newest first; none once the job has ended well."""
    recipe = (job.result or {}).get("recipe") or (job.progress or {}).get("recipe")
    folder = state / "runs" / str(recipe) / "checkpoints"
    found = [path.name.removeprefix("step-") for path in folder.glob("step-*")] if recipe else []
    return sorted((int(step) for step in found if step.isdigit()), reverse=True)
