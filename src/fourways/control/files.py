"""Files that are sent over the API to be learned from: kept, listed, deleted."""

import re
from dataclasses import dataclass

from fourways.core.errors import InvalidRequest
from fourways.core.ids import TenantId, new_id
from fourways.core.trace import Clock
from fourways.store import files
from fourways.store.blobs import Blobs
from fourways.store.database import Database
from fourways.store.files import FileRow

PURPOSES = ("fine-tune",)
"""What a file may be for."""
_ODD = re.compile(r"[^\w. -]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A tenant's files.

    Attributes:
        now: Unix seconds.
    """

    database: Database
    tenant: TenantId
    blobs: Blobs
    now: Clock

    def keep(self, filename: str, purpose: str, content: bytes) -> FileRow:
        """Keep a file; it is on disk when this returns.

        Raises:
            InvalidRequest: it is empty, or for no purpose that there is.
        """
        if purpose not in PURPOSES:
            raise InvalidRequest(f"purpose is '{purpose}'; right would be {', '.join(PURPOSES)}", param="purpose")
        if not content:
            raise InvalidRequest("the file is empty; right would be a JSON object a line", param="file")
        row = FileRow(
            id=new_id("file"),
            filename=_ODD.sub("_", filename)[:200] or "rows.jsonl",
            purpose=purpose,
            bytes=len(content),
            digest=self.blobs.put(content),
            created_at=self.now(),
        )
        with self.database.transaction() as connection:
            files.save_file(connection, self.tenant, row)
        return row

    def get(self, name: str) -> FileRow:
        """Return a file by its id; raises NotFound."""
        with self.database.reading() as connection:
            return files.get_file(connection, self.tenant, name)

    def list(self, purpose: str | None = None) -> list[FileRow]:
        """Return all files, newest first."""
        with self.database.reading() as connection:
            return files.all_files(connection, self.tenant, purpose=purpose)

    def content(self, name: str) -> bytes:
        """Return a file's bytes; raises NotFound."""
        return self.blobs.read(self.get(name).digest)

    def delete(self, name: str) -> None:
        """Delete a file, from the disk too where no other file has the same bytes; raises NotFound."""
        row = self.get(name)
        with self.database.transaction() as connection:
            last = files.drop_file(connection, self.tenant, name)
        if last:
            self.blobs.delete(row.digest)
