"""Forgetting in time: traces, the texts inside them, answers to test cases, past the project's retention."""

from fourways.config.tree import Retention
from fourways.core.ids import TenantId
from fourways.store import answers, traces
from fourways.store.database import Database

EVERY = 600.0
"""Seconds between two rounds."""


def forget(database: Database, tenant: TenantId, retention: Retention, *, now: float) -> int:
    """Delete what is past its time, in small transactions, and return how many rows were touched."""
    touched = 0
    for change, kept in (
        (traces.delete_traces_before, retention.traces),
        (traces.forget_texts_before, retention.texts),
        (answers.forget_answers_before, retention.texts),
    ):
        while True:
            with database.transaction() as connection:
                count = change(connection, tenant, now - kept.total_seconds())
            touched += count
            if not count:
                break
    return touched
