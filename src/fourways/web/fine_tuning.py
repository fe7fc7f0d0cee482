"""/v1/fine_tuning/jobs, for admin keys: a base and a file in, a model of its own name out. OpenAI's shape."""

import asyncio
import time

import msgspec

from fourways.control import tuned_by_file
from fourways.store.jobs import JobRow
from fourways.web.admin import query_of
from fourways.web.asgi import Exchange
from fourways.web.fine_tuning_wire import (
    MOST,
    Checkpoint,
    CheckpointList,
    EventList,
    JobBody,
    JobList,
    PageQuery,
    asked_of,
    events_of,
    job_of,
    metrics_of,
    paged,
)
from fourways.web.house import House
from fourways.web.wire import checked

_typed = msgspec.json.Decoder(JobBody)
_encode = msgspec.json.Encoder().encode


async def create_job(house: House, exchange: Exchange) -> None:
    """Have a model tuned on a file; the same that waits or runs already is returned instead."""
    asked = asked_of(checked(await exchange.body(), _typed))
    row = await asyncio.to_thread(
        tuned_by_file.submit,
        house.database,
        exchange.principal.tenant,
        house.workshop,
        house.files,
        asked,
        now=time.time(),
    )
    await exchange.reply(200, _encode(job_of(row)))


async def list_jobs(house: House, exchange: Exchange) -> None:
    """List the jobs."""
    query = query_of(exchange, PageQuery)
    tenant = exchange.principal.tenant
    rows = await asyncio.to_thread(tuned_by_file.list_jobs, house.database, tenant, limit=MOST)
    page, more = paged(rows, [row.id for row in rows], query)
    await exchange.reply(200, _encode(JobList(data=[job_of(row) for row in page], has_more=more)))


async def show_job(house: House, exchange: Exchange) -> None:
    """Show one job."""
    await exchange.reply(200, _encode(job_of(await _row(house, exchange))))


async def cancel_job(house: House, exchange: Exchange) -> None:
    """Cancel a job; its program ends within a second."""
    tenant, name = exchange.principal.tenant, exchange.params["job_id"]
    row = await asyncio.to_thread(tuned_by_file.cancel_job, house.database, tenant, name, now=time.time())
    await exchange.reply(200, _encode(job_of(row)))


async def list_events(house: House, exchange: Exchange) -> None:
    """List what a job reported, newest first."""
    query, row = query_of(exchange, PageQuery), await _row(house, exchange)
    events = await asyncio.to_thread(lambda: events_of(row, tuned_by_file.reports_of(house.state, row)))
    page, more = paged(events, [event.id for event in events], query)
    await exchange.reply(200, _encode(EventList(data=list(page), has_more=more)))


async def list_checkpoints(house: House, exchange: Exchange) -> None:
    """List the states that a running job can be gone on from."""
    query, row = query_of(exchange, PageQuery), await _row(house, exchange)
    found = await asyncio.to_thread(_checkpoints, house, row)
    page, more = paged(found, [one.id for one in found], query)
    ends = (page[0].id, page[-1].id) if page else (None, None)
    body = CheckpointList(data=list(page), has_more=more, first_id=ends[0], last_id=ends[1])
    await exchange.reply(200, _encode(body))


async def _row(house: House, exchange: Exchange) -> JobRow:
    tenant, name = exchange.principal.tenant, exchange.params["job_id"]
    return await asyncio.to_thread(tuned_by_file.get_job, house.database, tenant, name)


def _checkpoints(house: House, row: JobRow) -> list[Checkpoint]:
    reports = {report.get("step"): report for report in tuned_by_file.reports_of(house.state, row)}
    return [
        Checkpoint(
            id=f"{row.id}-{step}",
            created_at=int(reports.get(step, {}).get("at", row.created_at)),
            fine_tuned_model_checkpoint=f"{row.id}:step-{step}",
            fine_tuning_job_id=row.id,
            metrics=metrics_of(reports.get(step, {"step": step})),
            step_number=step,
        )
        for step in tuned_by_file.checkpoints_of(house.state, row)
    ]
