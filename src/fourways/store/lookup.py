"""Finding one row by the beginning of its id, as people type it."""

from typing import Any

from sqlalchemy import Column, Connection, Row, Select

from fourways.core.errors import InvalidRequest, NotFound


def only(connection: Connection, kind: str, rows: Select[Any], column: Column[str], beginning: str) -> Row[Any]:
    """Return the row whose column is, or alone begins with, what was given.

    Args:
        connection: where to look.
        kind: what a row is called in the errors.
        rows: which rows count; the first of those with one same id is returned.
        column: the id.
        beginning: an id, or enough of its front.

    Raises:
        NotFound: no row begins so.
        InvalidRequest: several do.
    """
    exact = connection.execute(rows.where(column == beginning).limit(1)).first()
    if exact is not None:
        return exact
    ids = rows.with_only_columns(column).where(column.startswith(beginning, autoescape=True))
    found = connection.execute(ids.order_by(None).distinct().limit(4)).scalars().all() if beginning else ()
    if not found:
        raise NotFound(f"there is no {kind} '{beginning}'")
    if len(found) > 1:
        raise InvalidRequest(
            f"'{beginning}' begins several: {', '.join(sorted(found))} …; give more of the {kind}'s id"
        )
    return connection.execute(rows.where(column == found[0]).limit(1)).one()
