"""The embedding cache: vectors by model and by the digest of the text they were made of."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from fourways.store.dialect import insert_or_ignore
from fourways.store.schema import vectors

_AT_ONCE = 500
"""Values in one IN: databases have a limit."""


def find_vectors(connection: Connection, model: str, digests: Sequence[str]) -> dict[str, bytes]:
    """Return the cached vectors of a model, float32 little-endian, by digest; those not there are left out."""
    found: dict[str, bytes] = {}
    for at in range(0, len(digests), _AT_ONCE):
        some = vectors.c.digest.in_(digests[at : at + _AT_ONCE])
        wanted = select(vectors.c.digest, vectors.c.vector).where(vectors.c.model == model, some)
        found.update((row.digest, row.vector) for row in connection.execute(wanted))
    return found


def keep_vectors(connection: Connection, model: str, made: Mapping[str, bytes], *, now: float) -> None:
    """Cache vectors, float32 little-endian, by the digest of their text; one that is there already stays."""
    rows = [{"model": model, "digest": key, "vector": vector, "created_at": now} for key, vector in made.items()]
    if rows:
        connection.execute(insert_or_ignore(connection, vectors), rows)
