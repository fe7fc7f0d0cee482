"""API keys: made, listed and revoked; each change stands in the audit log."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from fourways.config.load import load_project
from fourways.control.state import database_of
from fourways.core.errors import NotFound
from fourways.core.ids import DEFAULT_TENANT
from fourways.store import access, audit
from fourways.store.access import KeyRow, NewKey
from fourways.store.database import Transaction

COMMAND_LINE = "command line"
"""Who acts, in the audit log, where no key says it."""


def make_key(
    folder: Path,
    *,
    name: str,
    now: float,
    apps: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    admin: bool = False,
    days: float | None = None,
) -> NewKey:
    """Make a key for a project.

    Args:
        folder: the project's.
        name: who or what it is for.
        now: Unix seconds.
        apps: the apps it may use; None for every one.
        labels: the ACL labels whose passages it may read.
        admin: whether it may use `/api`.
        days: until it expires; None for never.

    Raises:
        NotFound: the project has no such app.
    """
    known = load_project(folder, os.environ).apps
    for app in apps or ():
        if app not in known:
            raise NotFound.named("app", app, known)
    expires = None if days is None else now + timedelta(days=days).total_seconds()
    with database_of(folder) as database, database.transaction() as connection:
        key = access.create_key(
            connection,
            DEFAULT_TENANT,
            name=name,
            now=now,
            apps=apps or None,
            labels=labels,
            admin=admin,
            expires_at=expires,
        )
        _note(connection, "key.create", key.id, now, name)
    return key


def list_keys(folder: Path) -> list[KeyRow]:
    """List a project's keys, newest last."""
    with database_of(folder) as database, database.reading() as connection:
        return access.list_keys(connection, DEFAULT_TENANT)


def revoke_key(folder: Path, key_id: str, *, now: float) -> KeyRow:
    """Revoke a key; running servers see it at their next look, within a second.

    Raises:
        NotFound: there is no such key.
    """
    with database_of(folder) as database, database.transaction() as connection:
        key = access.revoke_key(connection, DEFAULT_TENANT, key_id, now=now)
        _note(connection, "key.revoke", key.id, now, key.name)
    return key


def _note(connection: Transaction, action: str, key_id: str, now: float, name: str) -> None:
    audit.append(
        connection, DEFAULT_TENANT, at=now, actor=COMMAND_LINE, action=action, subject=key_id, detail={"name": name}
    )
