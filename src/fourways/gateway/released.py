"""What an app's releases make of its bare name: from where they stand to the routes that serve them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fourways.config.releasing import Flag
from fourways.core.chat import Answerer
from fourways.core.rollout import Line
from fourways.gateway.routes import Flagged, Released, Route
from fourways.gateway.serve import app_route

NOT_SERVED = frozenset({"rejected"})
"""Releases in these states cannot be asked for by name either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A release that can be served.

    Attributes:
        candidate: the short name of what it releases.
        answerer: opens it when it is first asked.
    """

    number: int
    stage: str
    way: str
    candidate: str
    answerer: Answerer


def released(
    app: str, lines: Mapping[str, Line], offered: Sequence[Offered], flags: Sequence[Flag], otherwise: Route
) -> Released:
    """Return the routes of an app's releases.

    Args:
        app: its name.
        lines: where it stands, by stage.
        offered: its releases.
        flags: those of the project file; one whose release is not there is passed over.
        otherwise: what the project file says: serves while nothing is live.
    """
    routes = {one.number: _route(app, one) for one in offered if _served(lines, one)}
    named = {f"r{number}": route for number, route in routes.items()}
    production, staging = lines.get("production", Line()), lines.get("staging", Line())
    for name, number in (("live", production.live), ("canary", production.canary), ("staging", staging.live)):
        if number in routes:
            named[name] = routes[number]
    live = named.get("live")
    canary = named.get("canary")
    return Released(
        live=live,
        canary=None if canary is None else replace(canary, arm="canary"),
        control=None if canary is None else replace(live or otherwise, arm="control"),
        weight=production.weight,
        salt=f"{app}@r{production.canary}",
        flags=tuple(_flagged(app, flag, named[flag.release]) for flag in flags if flag.release in named),
        named=named,
    )


def _served(lines: Mapping[str, Line], one: Offered) -> bool:
    standing = lines.get(one.stage, Line()).standings.get(one.number)
    return standing is not None and standing.state not in NOT_SERVED


def _route(app: str, one: Offered) -> Route:
    route = app_route(one.answerer, app=app, way=one.way, candidate=one.candidate)
    return replace(route, release=f"r{one.number}")


def _flagged(app: str, flag: Flag, route: Route) -> Flagged:
    return Flagged(
        route=route,
        salt=f"{app}#{flag.release}",
        keys=frozenset(flag.keys),
        users=frozenset(flag.users),
        tenants=frozenset(flag.tenants),
        share=(flag.percent or 0.0) / 100,
    )
