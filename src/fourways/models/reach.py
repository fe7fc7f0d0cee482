"""Which servers stand behind a model's name: targets and fallbacks, where each is, whether it is the company's own."""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fourways.config.tree import Model, Project, Provider
from fourways.core.errors import InvalidProject, UnknownModel
from fourways.core.traits import Where
from fourways.models.addresses import is_internal
from fourways.models.dialects import DIALECTS
from fourways.models.provider import ProviderClient
from fourways.models.transport import is_loopback, origin_of

NOT_PINNED = frozenset({"timeout", "retry", "breaker"})
"""What a named model says that decides how it is reached, not what it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A server, or a part of fourways, that is asked under a model's name.

    Attributes:
        name: `provider/model`, or a built-in's own.
        address: `scheme://host:port`; "" for a built-in.
        on_failure: whether it is asked only when others failed.
    """

    name: str
    where: Where
    address: str = ""
    on_failure: bool = False


def reach(
    name: str,
    project: Project,
    client: Callable[[str], ProviderClient],
    stands_for: Mapping[str, Any] | None = None,
) -> tuple[Reached, ...]:
    """Return every server that a model's or an embedder's name may reach, each once, in the order they are tried.

    Args:
        client: opens a provider of the project, or one that is implied.
        stands_for: what the name meant when a candidate pinned it; what the project file says now where None.

    Raises:
        UnknownModel: a provider does not exist.
    """
    if stands_for is not None:
        pinned = {**project.models, name: Model.model_validate(stands_for)}
        project = project.model_copy(update={"models": pinned})
    found: dict[str, Reached] = {}
    for one in _walk(name, project, client, on_failure=False):
        found.setdefault(one.name, one)
    return tuple(found.values())


def check_named(
    name: str,
    project: Project,
    client: Callable[[str], ProviderClient],
    built_in: Container[str],
    path: tuple[str, ...] = (),
) -> None:
    """Follow a named model's targets and fallbacks; raises `InvalidProject` where they lead nowhere or round."""
    if name in path:
        ring = " → ".join((*path, name))
        raise InvalidProject(f"models ask each other in a ring: {ring}", key=f"models.{path[0]}")
    node = project.models[name]
    for each in (*(t if isinstance(t, str) else t.model for t in node.targets), *node.fallback):
        if each in project.models:
            check_named(each, project, client, built_in, (*path, name))
        elif each not in built_in:
            try:
                client(each.partition("/")[0])
            except UnknownModel as error:
                raise InvalidProject(error.message, key=f"models.{name}") from error


def _walk(
    name: str, project: Project, client: Callable[[str], ProviderClient], *, on_failure: bool
) -> Iterator[Reached]:
    node = project.models.get(name)
    if node is None:
        yield _leaf(name, project, client, on_failure=on_failure)
        return
    for target in node.targets:
        yield from _walk(target if isinstance(target, str) else target.model, project, client, on_failure=on_failure)
    for each in node.fallback:
        yield from _walk(each, project, client, on_failure=True)


def _leaf(name: str, project: Project, client: Callable[[str], ProviderClient], *, on_failure: bool) -> Reached:
    provider, slash, _ = name.partition("/")
    if not slash or (provider not in project.providers and provider not in DIALECTS):
        return Reached(name=name, where="this machine", on_failure=on_failure)  # built in, or a folder of weights
    address = client(provider).base_url
    internal = is_internal(project.providers.get(provider, Provider()), address)
    where: Where = "this machine" if is_loopback(address) else "inside" if internal else "outside"
    return Reached(name=name, where=where, address=origin_of(address), on_failure=on_failure)
