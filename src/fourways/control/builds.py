"""Builds the candidates that a project file asks for, keeps them, and opens them and those built before."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from fourways.config.tree import Project
from fourways.core.chat import Answerer, ChatRequest, Chunk
from fourways.core.errors import NotTrained
from fourways.core.ids import TenantId
from fourways.core.specs import Candidate
from fourways.core.trace import Clock, Trace
from fourways.store import candidates, releases
from fourways.store.database import Database, Transaction
from fourways.ways import WAYS
from fourways.ways.workshop import Workshop

REMEMBERED = 20
"""Earlier candidates of an app that can still be asked for by name (`app@candidate`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A candidate and what answers for it."""

    candidate: Candidate
    answerer: Answerer


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltApp:
    """An app's candidates, oldest first; the newest of each way is the one that the project file asks for.

    Attributes:
        default: the way served under the app's bare name.
        untrained: ways whose weights are not there, and that no earlier candidate stands in for; why not.
    """

    default: str
    candidates: tuple[Built, ...]
    untrained: Mapping[str, NotTrained] = field(default_factory=dict)


def default_way(project: Project, app: str) -> str:
    """Return the way an app's bare name means: what the project says, else the highest on the ladder that it has."""
    node = project.apps[app]
    return node.default_way or [name for name in WAYS if getattr(node.ways, name, None) is not None][-1]


async def build_app(app: str, workshop: Workshop, database: Database, tenant: TenantId, now: Clock) -> BuiltApp:
    """Build an app's candidates, one of each way it names, and keep them.

    Of a way whose weights are not trained yet, or not of today's data, the newest earlier candidate goes on serving.

    Raises:
        InvalidProject: a file that a way names is wrong.
        UnknownModel: a model that a way names is not to be had.
    """
    ways = workshop.project.apps[app].ways
    wanted = [(way, spec) for name, way in WAYS.items() if (spec := getattr(ways, name, None)) is not None]
    fresh: list[Candidate] = []
    untrained: dict[str, NotTrained] = {}
    for way, spec in wanted:
        try:
            fresh.append(await way.build(app, spec, workshop))
        except NotTrained as error:
            untrained[way.name] = error
    earlier = await asyncio.to_thread(_keep, database, tenant, app, fresh, now())
    names = {candidate.digest for candidate in fresh}
    former = [candidate for candidate in reversed(earlier) if candidate.digest not in names and candidate.way in WAYS]
    opened = [Built(candidate=c, answerer=open_when_asked(c, workshop)) for c in former]
    opened += [Built(candidate=c, answerer=WAYS[c.way].open(c, workshop)) for c in fresh]
    there = {one.candidate.way for one in opened}
    return BuiltApp(
        default=default_way(workshop.project, app),
        candidates=tuple(opened),
        untrained={way: error for way, error in untrained.items() if way not in there},
    )


def _keep(database: Database, tenant: TenantId, app: str, fresh: list[Candidate], now: float) -> list[Candidate]:
    with database.transaction() as connection:
        for candidate in fresh:
            candidates.save_candidate(connection, tenant, candidate, now=now)
        return candidates.recent_candidates(connection, tenant, app, limit=REMEMBERED)


def open_when_asked(candidate: Candidate, workshop: Workshop) -> Answerer:
    """Open a candidate at its first question: what it pins may be gone, which is then that answer's error."""
    opened: list[Answerer] = []

    def answer(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        if not opened:
            opened.append(WAYS[candidate.way].open(candidate, workshop))
        return opened[0](request, trace)

    return answer


def snapshots_pinned(connection: Transaction, tenant: TenantId, apps: Iterable[str], knowledge: str) -> set[int]:
    """Return the numbered snapshots of a knowledge that candidates which can still be asked for count on."""
    remembered = [
        one for app in apps for one in candidates.recent_candidates(connection, tenant, app, limit=REMEMBERED)
    ]
    remembered += [
        candidates.get_candidate(connection, tenant, row.app, row.candidate)
        for row in releases.releases_of(connection, tenant)
    ]
    pins = (one.parts["knowledge"] for one in remembered if "knowledge" in one.parts)
    return {pin["snapshot"] for pin in pins if pin["name"] == knowledge and isinstance(pin["snapshot"], int)}
