"""What the data plane asks of the store, and hands to it: keys, revisions, traces with what they cost."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fourways.core.errors import FourwaysError
from fourways.core.trace import Trace, Usage
from fourways.gateway.keys import Grant, KeyRing
from fourways.store import access, revisions, traces
from fourways.store.database import Database

LOG = logging.getLogger(__name__)

Cost = Callable[[str, Usage], float | None]
"""US dollars of a usage of `provider/model`; None where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The store, as the gateway sees it.

    Attributes:
        cost: prices answers that ended before prices were loaded; None while no models are open.
    """

    database: Database
    cost: Callable[[], Cost | None]

    def key_ring(self) -> KeyRing:
        """Read every key that opens something."""
        with self.database.reading() as connection:
            active = access.all_active_keys(connection, time.time())
            locked = access.count_keys(connection) > 0
        grants = {name: Grant(principal=key.principal, expires_at=key.expires_at) for name, key in active.items()}
        return KeyRing(grants=grants, locked=locked)

    def revision(self, name: str) -> int:
        """Read one counter of changes."""
        with self.database.reading() as connection:
            return revisions.current(connection).get(name, 0)

    def write_traces(self, batch: Sequence[Trace]) -> None:
        """Keep ended traces, and note which keys were used, in one transaction."""
        for trace in batch:
            self._price(trace)
        used = {trace.key_id: trace.started_at for trace in batch if trace.key_id is not None}
        with self.database.transaction() as connection:
            traces.record_traces(connection, batch)
            access.note_use(connection, used)

    def _price(self, trace: Trace) -> None:
        """Add the cost of an answer that ended before prices were loaded; no trace is lost for want of one."""
        usage, cost = trace.usage, self.cost()
        if usage is None or usage.cost_usd is not None or cost is None:
            return
        target = next((str(span.attributes["target"]) for span in trace.spans if "target" in span.attributes), "")
        try:
            trace.usage = replace(usage, cost_usd=cost(target, usage))
        except FourwaysError as error:
            LOG.warning("the cost of trace %s stays unknown: %s", trace.id, error)
