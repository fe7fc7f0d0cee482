"""Which Answerer a `model` name means: immutable `Routes`, picked from purely, swapped whole by a `Switch`."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fourways.core.chat import Answerer, ChatRequest, Chunk, Principal, text_of
from fourways.core.errors import InvalidRequest, NotAllowed, NotTrained, UnknownModel
from fourways.core.rollout import bucket
from fourways.core.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One opened candidate of an app, or a model reached directly.

    Attributes:
        app, way, candidate: whose answer it is; None where a model is reached directly, or nothing was built yet.
        release: the release that serves the candidate, such as `r3`; None where it was reached unreleased.
        arm: `canary` or `control` where chance chose between the two, so that they may be compared; else None.
        missing: the weights that are missing before anything can be answered; its answerer raises the same.
    """

    answerer: Answerer
    app: str | None = None
    way: str | None = None
    candidate: str | None = None
    release: str | None = None
    arm: str | None = None
    missing: NotTrained | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """A release for some before all: the first flag that fits a request decides.

    Attributes:
        salt: tells the flags' shares apart.
        share: of the people, in [0, 1]; always the same ones.
    """

    route: Route
    salt: str
    keys: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    share: float = 0.0

    def fits(self, principal: Principal, sticky: Callable[[], str]) -> bool:
        """Whether it is for whoever asks."""
        if principal.key_id in self.keys or principal.user in self.users or principal.tenant in self.tenants:
            return True
        return self.share > 0 and bucket(self.salt, sticky()) < self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What an app's releases make of its bare name.

    Attributes:
        live: what everybody gets; None while nothing is live.
        canary: what a share of the people get instead, where there is one; its route says `arm: canary`.
        control: what the others get meanwhile: live, or the project file's candidate, with `arm: control`.
        weight: the canary's share of the people, in [0, 1].
        salt: decides who they are: another release's canary meets others.
        flags: tried in order.
        named: every release that can be asked for by name: `r3`, `live`, `canary`, `staging`.
    """

    live: Route | None = None
    canary: Route | None = None
    control: Route | None = None
    weight: float = 0.0
    salt: str = ""
    flags: tuple[Flagged, ...] = ()
    named: Mapping[str, Route] = field(default_factory=dict)

    def pick(self, principal: Principal, sticky: Callable[[], str]) -> Route | None:
        """Return whose turn it is; None where nothing is released."""
        for flag in self.flags:
            if flag.fits(principal, sticky):
                return flag.route
        if self.canary is None:
            return self.live
        return self.canary if bucket(self.salt, sticky()) < self.weight else self.control


NOTHING_RELEASED = Released()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRoutes:
    """The open candidates of one app.

    Attributes:
        default: the way served under the bare name while nothing is released.
        ways: the newest candidate of each way.
        pinned: every open candidate by its id, those of `ways` included.
    """

    default: str
    ways: Mapping[str, Route]
    pinned: Mapping[str, Route]
    released: Released = NOTHING_RELEASED

    def serve(self, principal: Principal, sticky: Callable[[], str]) -> Route:
        """Return what the app's bare name means for whoever asks."""
        return self.released.pick(principal, sticky) or self.ways[self.default]

    @property
    def settled(self) -> Route:
        """What the bare name means apart from what some people are given: what is live, or what the file says."""
        return self.released.live or self.ways[self.default]


def app_routes(routes: Iterable[Route], default: str) -> AppRoutes:
    """Build an app's routes from its open candidates, oldest first; the last of each way is its newest."""
    known = list(routes)
    return AppRoutes(
        default=default,
        ways={route.way: route for route in known if route.way},
        pinned={route.candidate: route for route in known if route.candidate},
    )


def app_of(model: str) -> str:
    """Return the part of a `model` name that names an app: `helpdesk` of `helpdesk:rag` and `helpdesk@3f9c…`."""
    return model.partition("@")[0].partition(":")[0]


def _no_model(name: str) -> Answerer:
    raise UnknownModel.named("model", name, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Everything that can be asked for, at one moment.

    Attributes:
        models: names of configured models, reachable directly by keys that are not scoped to apps.
        open_model: opens `provider/model` or one of `models`; raises UnknownModel.
    """

    apps: Mapping[str, AppRoutes] = field(default_factory=dict)
    models: Sequence[str] = ()
    open_model: Callable[[str], Answerer] = _no_model

    def pick(self, model: str, principal: Principal, sticky: Callable[[], str] | None = None) -> Route:
        """Return the route of `app`, `app@release`, `app@candidate`, `app:way`, `provider/model` or a model's name.

        Args:
            model: the name.
            principal: who asks.
            sticky: gives what a canary's share goes by; asked only where there is one. None: no canary, no flag.

        Raises:
            UnknownModel: it names nothing; the message lists what this key may see.
            NotAllowed: it names something that this key may not use.
            InvalidRequest: a candidate's prefix fits several.
        """
        name = model if model in self.apps else app_of(model)
        app = self.apps.get(name)
        if app is None:
            return self._direct(model, principal)
        if principal.apps is not None and name not in principal.apps:
            msg = f"this key may not use the app '{name}'; it may use: {', '.join(sorted(principal.apps)) or 'none'}"
            raise NotAllowed(msg)
        if model == name:
            return app.settled if sticky is None else app.serve(principal, sticky)
        chosen = model[len(name) + 1 :]
        return self._of_way(name, app, chosen) if model[len(name)] == ":" else self._pinned(name, app, chosen)

    def visible(self, principal: Principal) -> list[str]:
        """Return the names this key may put into `model`, apps first."""
        apps = [name for name in sorted(self.apps) if principal.may_use(name)]
        ways = [f"{name}:{way}" for name in apps for way in self.apps[name].ways]
        return [*apps, *ways, *(sorted(self.models) if principal.apps is None else ())]

    def _direct(self, model: str, principal: Principal) -> Route:
        if "/" not in model and model not in self.models:
            raise UnknownModel.named("model", model, self.visible(principal))
        if principal.apps is not None:
            apps = ", ".join(sorted(principal.apps))
            msg = f"this key is for apps ({apps}), not for models such as '{model}'"
            raise NotAllowed(msg)
        return Route(answerer=self.open_model(model))

    @staticmethod
    def _of_way(name: str, app: AppRoutes, way: str) -> Route:
        route = app.ways.get(way)
        if route is None:
            raise UnknownModel.named("model", f"{name}:{way}", (f"{name}:{known}" for known in app.ways))
        return route

    @staticmethod
    def _pinned(name: str, app: AppRoutes, prefix: str) -> Route:
        exact = app.released.named.get(prefix) or app.pinned.get(prefix)
        if exact is not None:
            return exact
        found = [key for key in app.pinned if prefix and key.startswith(prefix)]
        if len(found) == 1:
            return app.pinned[found[0]]
        if found:
            msg = f"'{name}@{prefix}' fits several candidates: {', '.join(sorted(found))}; write more of it"
            raise InvalidRequest(msg, param="model")
        there = (f"{name}@{known}" for known in (*app.released.named, *app.pinned))
        raise UnknownModel.named("model", f"{name}@{prefix}", there)


class Switch:
    """Holds the current routes; assigning `current` is atomic, and streams finish on what they began with."""

    __slots__ = ("_first", "current")

    def __init__(self, current: Routes) -> None:
        self.current = self._first = current

    @property
    def opened(self) -> bool:
        """Whether routes were put in since the beginning: before that there is nothing to ask."""
        return self.current is not self._first


def sticky_of(request: ChatRequest) -> str:
    """Return what a share of people goes by: the user, where the client names one, else the conversation.

    A key stands for a whole application, so that it would put all of that application's users on one side.
    """
    principal = request.principal
    if principal.user:
        return f"{principal.key_id}/{principal.user}"
    return next((text_of(message) for message in request.messages if message.get("role") == "user"), "")


def routed(switch: Switch) -> Answerer:
    """Return the innermost Answerer: picks the route, notes it on the trace, hands over to its Answerer."""

    def answer(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        route = switch.current.pick(request.model, request.principal, lambda: sticky_of(request))
        trace.app, trace.way, trace.candidate, trace.release = route.app, route.way, route.candidate, route.release
        if route.arm is not None:
            trace.attributes["arm"] = route.arm
        return route.answerer(request, trace)

    return answer
