"""Which model answers where the project names none: a provider whose key is there, a local server, one of our own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fourways.config.tree import Project
from fourways.config.ways import SMALL
from fourways.core.errors import FourwaysError
from fourways.models.dialects import DIALECTS, Dialect, dialect_named
from fourways.models.provider import ModelCard
from fourways.models.transport import Deadlines

PROBE = Deadlines(connect=0.2, first_byte=0.2, idle=0.2, total=0.2)
"""A server of this machine answers in less; one that does not is not there."""

NO_CHAT = ("embed", "minilm", "bge-", "gte-", "e5-", "rerank", "whisper")
"""Parts of the names of models that do not chat."""

QUOTING = "extractive"
"""What answers where no language model is to be had: it quotes, and so needs documents."""

ListModels = Callable[[str, Deadlines], Awaitable[Sequence[ModelCard]]]
"""Lists what a provider (of the project, or a dialect) serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A model that might have been chosen, and what was found of it."""

    model: str
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambient:
    """The model used where none is named.

    Attributes:
        model: a name for `Models.answerer`.
        why: one clause for people.
        considered: what was looked at before, in order, and why it was not taken.
    """

    model: str
    why: str
    considered: tuple[Considered, ...] = ()

    @property
    def alone(self) -> str:
        """What answers where there are no documents to read from: quoting has nothing to quote then."""
        return SMALL if self.model == QUOTING else self.model


async def choose(project: Project, environ: Mapping[str, str], list_models: ListModels) -> Ambient:
    """Choose the ambient model: what the project names; else a key in the environment; else a local server.

    Nothing but loopback is asked, for `PROBE` seconds, and all of it at once.
    """
    considered: list[Considered] = []
    for choice in (*_named(project), *_keyed(project, environ)):
        if isinstance(choice, Ambient):
            return _with(choice, considered)
        considered.append(choice)
    local = [dialect for dialect in DIALECTS.values() if dialect.local and dialect.owned_by and dialect.base_url]
    for found in await asyncio.gather(*(_probed(dialect, list_models) for dialect in local)):
        if isinstance(found, Ambient):
            return _with(found, considered)
        considered.append(found)
    why = f"no language model was found: answers are quoted from the documents; without documents {SMALL} answers"
    return _with(Ambient(model=QUOTING, why=why), considered)


def _with(choice: Ambient, considered: Sequence[Considered]) -> Ambient:
    return Ambient(model=choice.model, why=choice.why, considered=tuple(considered))


def _named(project: Project) -> Iterator[Ambient | Considered]:
    if project.models:
        name = "default" if "default" in project.models else next(iter(project.models))
        yield Ambient(model=name, why=f"the project names the model '{name}'")
    for name, provider in project.providers.items():
        model = provider.serve.served if provider.serve else dialect_named(provider.dialect).default_model
        if model:
            yield Ambient(model=f"{name}/{model}", why=f"the project names the provider '{name}'")
        else:
            yield Considered(model=name, finding="a provider of the project, but no model of it is named")


def _keyed(project: Project, environ: Mapping[str, str]) -> Iterator[Ambient | Considered]:
    for dialect in DIALECTS.values():
        variable = next((name for name in dialect.key_env if environ.get(name)), None)
        if variable is None or dialect.name in project.providers:
            continue
        target = f"{dialect.name}/{dialect.default_model}"
        if project.network == "none":
            yield Considered(model=target, finding=f"{variable} is set, but the project says network: none")
        elif not dialect.default_model:
            yield Considered(model=dialect.name, finding=f"{variable} is set, but which deployment to ask is not known")
        else:
            yield Ambient(model=target, why=f"{variable} is set in the environment")


async def _probed(dialect: Dialect, list_models: ListModels) -> Ambient | Considered:
    """Ask a local server for its models, and see by them that it is what is expected at its port."""
    try:
        async with asyncio.timeout(PROBE.total):
            cards = await list_models(dialect.name, PROBE)
    except (FourwaysError, TimeoutError):
        return Considered(model=dialect.name, finding=f"nothing answers at {dialect.base_url}")
    own = [card.id for card in cards if card.owned_by == dialect.owned_by]
    chats = [name for name in own if not any(part in name.lower() for part in NO_CHAT)]
    if chats:
        return Ambient(model=f"{dialect.name}/{chats[0]}", why=f"{dialect.name} answers at {dialect.base_url}")
    finding = "answers, but serves no model that chats" if own else f"what answers is no {dialect.name}"
    return Considered(model=dialect.name, finding=f"{dialect.base_url}: {finding}")
