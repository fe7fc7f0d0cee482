"""Where all releases stand, read anew only when the log has grown: those who watch look often, and mostly in vain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fourways.core.ids import TenantId
from fourways.core.rollout import Line
from fourways.store import releases, revisions
from fourways.store.database import Database
from fourways.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """All releases at one moment.

    Attributes:
        lines: by (app, stage).
    """

    lines: Mapping[tuple[str, str], Line] = field(default_factory=dict)
    rows: Sequence[ReleaseRow] = ()

    def release(self, app: str, number: int) -> ReleaseRow:
        """Return a release by its number."""
        return next(row for row in self.rows if (row.app, row.number) == (app, number))


@dataclass(slots=True)
class StandingsRead:
    """The newest standings, kept with the log's revision that they were read at. One for each who watches."""

    database: Database
    tenant: TenantId
    _kept: Standings = field(default_factory=Standings)
    _revision: int = -1

    def now(self) -> Standings:
        """Return where releases stand; raises what the store raises."""
        with self.database.reading() as connection:
            revision = revisions.current(connection).get(revisions.RELEASES, 0)
            if revision != self._revision:
                lines = releases.lines(connection, self.tenant)
                rows = releases.releases_of(connection, self.tenant)
                self._kept, self._revision = Standings(lines=lines, rows=rows), revision
        return self._kept
