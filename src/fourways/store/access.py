"""API keys: made, shown once, kept as a hash, revoked at once."""

import base64
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, func, or_, select, update

from fourways.core.chat import Principal
from fourways.core.errors import InvalidRequest
from fourways.core.ids import RandomBytes, TenantId, digest, new_id
from fourways.store import revisions, schema
from fourways.store.lookup import only

SHOWN = 9
"""Characters of a secret that stay visible; the other 26 carry 156 random bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made: the one moment its secret is known."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as it is kept; times are Unix seconds."""

    id: str
    name: str
    prefix: str
    apps: frozenset[str] | None
    labels: frozenset[str]
    admin: bool
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveKey:
    """What a secret opens, until it expires (Unix seconds; None for never)."""

    principal: Principal
    expires_at: float | None


_shown = [schema.keys.c[name] for name in KeyRow.__dataclass_fields__]


def hash_of(secret: str) -> str:
    """Return what a secret is known by: its SHA-256, hex. The secret is random, so nothing slower is needed."""
    return digest(secret.encode(errors="surrogatepass"))


def create_key(
    connection: Connection,
    tenant: TenantId,
    *,
    name: str,
    now: float,
    apps: Iterable[str] | None = None,
    labels: Iterable[str] = (),
    admin: bool = False,
    expires_at: float | None = None,
    random: RandomBytes = os.urandom,
) -> NewKey:
    """Make a key.

    Args:
        connection: a transaction that may write.
        tenant: whose key it is.
        name: what people call it.
        now: Unix seconds.
        apps: the apps it may use, None for every one.
        labels: the ACL labels whose passages it may read.
        admin: whether it may use `/api`.
        expires_at: Unix seconds from which it no longer counts.
        random: where its 192 random bits come from.

    Raises:
        InvalidRequest: it has no name, may use no app, or would expire before it is made.
    """
    scope = None if apps is None else sorted(set(apps))
    if not name.strip():
        raise InvalidRequest("a key needs a name, such as the application that will use it", param="name")
    if scope == []:
        raise InvalidRequest("a key that may use no app is of no use: name one, or none for all", param="apps")
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("a key cannot expire before it is made", param="expires_at")
    secret = "fw-" + base64.urlsafe_b64encode(random(24)).decode()
    key = NewKey(id=new_id("key", random), secret=secret)
    connection.execute(
        schema.keys.insert(),
        {
            "id": key.id,
            "tenant": tenant,
            "name": name,
            "hash": hash_of(secret),
            "prefix": secret[:SHOWN],
            "apps": scope,
            "labels": sorted(set(labels)),
            "admin": admin,
            "created_at": now,
            "expires_at": expires_at,
        },
    )
    revisions.bump(connection, revisions.KEYS)
    return key


def revoke_key(connection: Connection, tenant: TenantId, key_id: str, *, now: float) -> KeyRow:
    """Revoke a key for good, named by its id or enough of its front; revoking again changes nothing.

    Raises:
        NotFound: no key begins so.
        InvalidRequest: several do.
    """
    table = schema.keys
    mine = select(*_shown).where(table.c.tenant == tenant)
    found = only(connection, "key", mine, table.c.id, key_id)
    changed = update(table).where(table.c.id == found.id, table.c.revoked_at.is_(None)).values(revoked_at=now)
    if connection.execute(changed).rowcount:
        revisions.bump(connection, revisions.KEYS)
    return next(key for key in list_keys(connection, tenant) if key.id == found.id)


def list_keys(connection: Connection, tenant: TenantId) -> list[KeyRow]:
    """Return a tenant's keys, revoked ones too, newest first."""
    table = schema.keys
    rows = connection.execute(select(*_shown).where(table.c.tenant == tenant).order_by(table.c.created_at.desc()))
    return [
        KeyRow(
            **{
                **row,
                "apps": _set(row["apps"]),
                "labels": frozenset(row["labels"]),
            }
        )
        for row in rows.mappings()
    ]


def all_active_keys(connection: Connection, now: float) -> Mapping[str, ActiveKey]:
    """Return the keys that count, of all tenants, by the hash of their secret: what the door holds in memory.

    Read it again when `revisions` counts a change of keys.
    """
    table = schema.keys
    columns = (
        table.c.hash,
        table.c.tenant,
        table.c.id,
        table.c.apps,
        table.c.labels,
        table.c.admin,
        table.c.expires_at,
    )
    alive = table.c.revoked_at.is_(None) & or_(table.c.expires_at.is_(None), table.c.expires_at > now)
    return {
        row["hash"]: ActiveKey(principal=_principal(row), expires_at=row["expires_at"])
        for row in connection.execute(select(*columns).where(alive)).mappings()
    }


def _principal(row: RowMapping) -> Principal:
    return Principal(
        tenant=TenantId(row["tenant"]),
        key_id=row["id"],
        apps=_set(row["apps"]),
        labels=frozenset(row["labels"]),
        admin=row["admin"],
    )


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def count_keys(connection: Connection) -> int:
    """Count the keys of all tenants, revoked ones too: revoking the last key must not open the door to everybody."""
    return connection.execute(select(func.count()).select_from(schema.keys)).scalar_one()


def note_use(connection: Connection, used: Mapping[str, float]) -> None:
    """Note when keys were last used: key id → Unix seconds; called in batches, off the request path."""
    table = schema.keys
    for key_id, at in sorted(used.items()):
        later = or_(table.c.last_used_at.is_(None), table.c.last_used_at < at)
        connection.execute(update(table).where(table.c.id == key_id, later).values(last_used_at=at))
