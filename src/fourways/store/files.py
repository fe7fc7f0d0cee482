"""Files that were sent to be learned from: what they are called and how large they are; the bytes lie in the blobs."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from fourways.core.errors import NotFound
from fourways.core.ids import TenantId
from fourways.store.schema import files


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file; `digest` names its blob, `created_at` is in Unix seconds."""

    id: str
    filename: str
    purpose: str
    bytes: int
    digest: str
    created_at: float


def save_file(connection: Connection, tenant: TenantId, row: FileRow) -> None:
    """Keep a file's row; its blob is there already."""
    values = {name: getattr(row, name) for name in FileRow.__dataclass_fields__}
    connection.execute(insert(files), values | {"tenant": tenant})


def get_file(connection: Connection, tenant: TenantId, name: str) -> FileRow:
    """Return a file by its id; raises NotFound."""
    wanted = select(files).where(files.c.tenant == tenant, files.c.id == name)
    row = connection.execute(wanted).mappings().first()
    if row is None:
        raise NotFound(f"there is no file '{name}'")
    return FileRow(**{field: row[field] for field in FileRow.__dataclass_fields__})


def all_files(connection: Connection, tenant: TenantId, *, purpose: str | None = None) -> list[FileRow]:
    """Return all files, newest first; of one purpose only where given."""
    wanted = select(files).where(files.c.tenant == tenant)
    wanted = wanted if purpose is None else wanted.where(files.c.purpose == purpose)
    rows = connection.execute(wanted.order_by(files.c.created_at.desc(), files.c.id)).mappings()
    return [FileRow(**{field: row[field] for field in FileRow.__dataclass_fields__}) for row in rows]


def drop_file(connection: Connection, tenant: TenantId, name: str) -> bool:
    """Forget a file's row, and return whether its blob is nobody's any more; raises NotFound."""
    row = get_file(connection, tenant, name)
    connection.execute(delete(files).where(files.c.tenant == tenant, files.c.id == name))
    other = select(files.c.id).where(files.c.digest == row.digest)  # of any tenant: blobs are shared
    return connection.execute(other.limit(1)).first() is None
