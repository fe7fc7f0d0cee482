"""Releases as people see them: each with where it stands and what it waits for, and what differs between two."""

from collections.abc import Mapping
from dataclasses import dataclass

from fourways.control.policies import read_policy
from fourways.core.difference import Difference, differences
from fourways.core.errors import InvalidRequest
from fourways.core.ids import TenantId
from fourways.core.rollout import Line, Standing
from fourways.store import candidates, releases
from fourways.store.database import Database
from fourways.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A release with where it stands, for people."""

    release: ReleaseRow
    standing: Standing
    serving: float

    @property
    def waits_for(self) -> str:
        """What has to happen next, "" where nothing does."""
        if self.standing.state == "gated":
            missing = {"one": 1, "two": 2}.get(read_policy(self.release).approval, 0) - len(self.standing.endorsed)
            return f"{missing} approval{'s' if missing > 1 else ''}"
        return WAITS.get(self.standing.state, "")


WAITS: Mapping[str, str] = {
    "draft": "its evaluation",
    "approved": "a running server, which starts its canary",
    "canary": "enough evidence",
}


def show(database: Database, tenant: TenantId, app: str, number: int) -> Shown:
    """Return a release with where it stands; raises NotFound."""
    with database.reading() as connection:
        release = releases.get_release(connection, tenant, app, number)
        return shown(release, releases.line_of(connection, tenant, app, release.stage))


def list_releases(database: Database, tenant: TenantId, app: str | None = None) -> list[Shown]:
    """Return releases with where they stand, newest first."""
    with database.reading() as connection:
        lines = releases.lines(connection, tenant)
        rows = releases.releases_of(connection, tenant, app)
    return [shown(row, lines[row.app, row.stage]) for row in rows]


def diff(database: Database, tenant: TenantId, app: str, before: int, after: int) -> list[Difference]:
    """Say what differs between what two releases pin; raises NotFound."""
    with database.reading() as connection:
        rows = [releases.get_release(connection, tenant, app, number) for number in (before, after)]
        pinned = [candidates.get_candidate(connection, tenant, app, row.candidate) for row in rows]
    first, second = ({"way": candidate.way, **candidate.parts} for candidate in pinned)
    return list(differences(first, second))


def shown(release: ReleaseRow, line: Line) -> Shown:
    """Return a release with where it stands in its line."""
    return Shown(release=release, standing=line.standings[release.number], serving=line.shares.get(release.number, 0.0))


def number_of(name: str) -> int:
    """Return the number of a release's name: `r3`, or `3`.

    Raises:
        InvalidRequest: it is none.
    """
    plain = name.removeprefix("r")
    if not plain.isdecimal():
        raise InvalidRequest(f"'{name}' names no release; right would be r3, or 3")
    return int(plain)
