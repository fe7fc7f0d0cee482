"""All models that can be named: the project's, `provider/model`, `echo`, `extractive`; opened once, closed together."""

import asyncio
import random as randomness
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourways.config.tree import Model, Project, Target, Timeouts
from fourways.config.ways import PACKAGED
from fourways.core.chat import Answerer
from fourways.core.errors import NotFound, Unavailable, UnknownModel
from fourways.core.ids import digest
from fourways.core.trace import Clock, Usage
from fourways.models.ambient import Ambient, choose
from fourways.models.breaker import Breaker
from fourways.models.clients import Clients
from fourways.models.dialects import DIALECTS
from fourways.models.echo import Echo
from fourways.models.policy import Leg, Policy, Random, Sleep
from fourways.models.prices import Cost, Prices, free
from fourways.models.provider import ModelCard, ProviderClient
from fourways.models.reach import NOT_PINNED, Reached, check_named, reach
from fourways.models.remote import Remote
from fourways.models.started import Servers
from fourways.models.transport import Deadlines, Transport
from fourways.models.weights import engine_client, packaged_folder

if TYPE_CHECKING:
    from fourways.models.embedders import Embedder

Rerank = Callable[[str, Sequence[str]], Awaitable[Sequence[float]]]
"""`await rerank(query, documents)`: the relevance of each, higher for better."""

BUILT_IN = ("echo", "extractive", *PACKAGED)
PACKAGED_EMBEDDER = "minilm"
EMBEDDING_DEADLINES = Deadlines(connect=5.0, first_byte=120.0, idle=60.0, total=300.0)


class Models:
    """What `model:` in the project file can name.

    Args:
        transport: reaches providers; with `network: none` it is fenced in.
        environ: where providers' keys and addresses are found that the project does not give.
        embedder_factory: opens an embedder of this machine, by `minilm` or folder.
        servers: starts those of this project; where None there are none.
        clock: monotonic seconds.
        random: numbers in [0, 1), for weights and jitter.

    Raises:
        InvalidProject: a provider has no address, an unknown dialect, or is external under `network: none`;
            a model's target or fallback cannot be.
    """

    def __init__(
        self,
        project: Project,
        transport: Transport,
        *,
        environ: Mapping[str, str],
        embedder_factory: Callable[[str], "Embedder"],
        servers: Servers | None = None,
        prices: Prices | None = None,
        clock: Clock = time.monotonic,
        random: Random = randomness.random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._project, self._environ = project, environ
        self._embedder_factory = embedder_factory
        self.prices = prices or Prices()
        self._clock, self._random, self._sleep = clock, random, sleep
        self._clients = Clients(project, transport, environ, servers)
        self._servers = servers
        self._answerers: dict[str, Answerer] = {}
        self._embedders: dict[str, Embedder] = {}
        self._breakers: dict[tuple[str, int, float], Breaker] = {}
        for name in project.models:
            check_named(name, project, self.client, BUILT_IN)

    def names(self) -> list[str]:
        """List the models that have a name of their own; `provider/model` comes on top, for `providers()`."""
        return [*self._project.models, *BUILT_IN]

    def providers(self) -> list[str]:
        """List the providers that can stand before the `/`: the project's, those with a key, the local ones."""
        return self._clients.names()

    def answerer(self, name: str) -> Answerer:
        """Return what answers under a name: a named model, `provider/model`, `echo`, `extractive`.

        Raises:
            UnknownModel: there is no such name; says what there is.
        """
        found = self._answerers.get(name)
        if found is None:
            found = self._answerers[name] = self._open(name)
        return found

    def pinned(self, name: str, stands_for: Mapping[str, Any]) -> Answerer:
        """Return what a named model stood for when a candidate pinned it, whatever the project file says of it now.

        How it is reached (timeouts, retries, breakers) decides no answer, and is as the file says now.

        Raises:
            UnknownModel: a provider that it stood for is not there any more.
        """
        current = self._project.models.get(name)
        reached = {} if current is None else {key: getattr(current, key) for key in NOT_PINNED}
        node = Model.model_validate({**stands_for, **reached})
        if node == current:
            return self.answerer(name)
        key = f"{name}#{digest(dict(stands_for))}"
        if key not in self._answerers:
            self._answerers[key] = self._policy(name, node)
        return self._answerers[key]

    def weights(self, folder: Path, *, name: str, adapter: Path | None = None) -> Answerer:
        """Return what answers by a folder of weights: our engine, started when it is asked and ended when it is idle.

        One process serves all adapters of a base; what lies in a folder decides which process, and which adapter.

        Args:
            folder: the base's, in HF's format, safetensors only.
            name: what it is called in errors.
            adapter: the folder of an adapter to it, in peft's format.

        Raises:
            Unavailable: a folder holds no safetensors, or nothing here starts servers.
        """
        if self._servers is None:
            raise Unavailable(f"{name} is a folder of weights, and nothing here starts an engine for it")
        client, model = engine_client(self._servers, folder, adapter)
        key = f"{client.target(model)}#{name}"
        if key not in self._answerers:
            node = Model(targets=[f"engine/{model}"])
            answer = Remote(client, model, deadlines=_deadlines(node.timeout), cost=free)
            self._answerers[key] = self._policy(name, node, legs=[self._leg(name, answer, node)])
        return self._answerers[key]

    def embedder(self, name: str) -> "Embedder":
        """Return what embeds under a name: `minilm`, a folder, `provider/model`.

        Raises:
            UnknownModel: the provider does not exist.
        """
        found = self._embedders.get(name)
        if found is None:
            found = self._embedders[name] = self._open_embedder(name)
        return found

    def reranker(self, name: str) -> Rerank:
        """Return what scores documents against a query, under `provider/model`: the relevance of each, in their order.

        Raises:
            UnknownModel: the provider does not exist.
        """
        provider, _, model = name.partition("/")
        client = self.client(provider)

        async def rerank(query: str, documents: Sequence[str]) -> list[float]:
            scores = [0.0] * len(documents)
            for ranked in await client.rerank(model, query, documents, EMBEDDING_DEADLINES):
                scores[ranked.index] = ranked.score
            return scores

        return rerank

    def reach(self, name: str, stands_for: Mapping[str, Any] | None = None) -> tuple[Reached, ...]:
        """Return every server that asking a model or an embedder may reach, in the order in which they are tried.

        Args:
            name: the model's or the embedder's.
            stands_for: what the name meant when a candidate pinned it; what the project file says now where None.

        Raises:
            UnknownModel: a provider does not exist.
        """
        return reach(name, self._project, self.client, stands_for)

    def client(self, provider: str) -> ProviderClient:
        """Return the client of a provider: the project's, or one implied by a key in the environment or by being local.

        Raises:
            UnknownModel: there is no such provider; says which there are.
        """
        return self._clients.named(provider)

    def cost(self, target: str, usage: Usage) -> float | None:
        """Return what a usage of `provider/model` costs in US dollars; None where nobody knows (yet).

        For recording: an answer that came before the price table was loaded has no cost of its own.
        """
        provider, slash, model = target.partition("/")
        if not slash or provider not in self.providers():
            return None
        return self._cost(provider, model)(usage)

    async def ambient(self) -> Ambient:
        """Choose the model used where none is named; looks anew each time it is asked."""
        return await choose(self._project, self._environ, self._list_models)

    async def close(self) -> None:
        """Close every connection."""
        await self._clients.close()

    async def _list_models(self, provider: str, deadlines: Deadlines) -> list[ModelCard]:
        return await self.client(provider).models(deadlines)

    # ------------------------------------------------------------ answerers

    def _open(self, name: str) -> Answerer:
        if name in self._project.models:
            return self._policy(name, self._project.models[name])
        if name == "echo":
            return Echo()
        if name == "extractive":
            from fourways.models.extractive import extractive

            return extractive(self.embedder(PACKAGED_EMBEDDER))
        if name in PACKAGED:
            return self.weights(packaged_folder(name), name=name)
        provider, slash, model = name.partition("/")
        if not slash or not model:
            known = (*self.names(), *(f"{each}/…" for each in self.providers()))
            raise UnknownModel(NotFound.named("model", name, known).message)
        self.client(provider)
        return self._policy(name, Model(targets=[name]))

    def _policy(self, name: str, node: Model, *, legs: Sequence[Leg] = ()) -> Policy:
        return Policy(
            name=name,
            targets=legs or [self._target(target, node) for target in node.targets],
            fallback=[self._fallback(each, node) for each in node.fallback],
            backoff=node.retry.backoff.total_seconds(),
            total=node.timeout.total.total_seconds(),
            options=node.options,
            clock=self._clock,
            random=self._random,
            sleep=self._sleep,
        )

    def _target(self, target: Target | str, node: Model) -> Leg:
        name, weight = (target, 1.0) if isinstance(target, str) else (target.model, target.weight)
        return self._leg(name, self._leaf(name, node.timeout), node, weight)

    def _leg(self, name: str, answer: Answerer, node: Model, weight: float = 1.0) -> Leg:
        return Leg(
            name=name,
            answer=answer,
            breaker=self._breaker(name, node),
            weight=weight,
            attempts=node.retry.attempts,
        )

    def _fallback(self, name: str, node: Model) -> Leg:
        if "/" in name:
            return self._target(name, node)
        return Leg(name=name, answer=self.answerer(name), breaker=self._breaker(name, node))

    def _leaf(self, name: str, timeout: Timeouts) -> Answerer:
        """Return what is asked once per try: a provider's model, or another name's answerer."""
        provider, slash, model = name.partition("/")
        if not slash:
            return self.answerer(name)
        return Remote(self.client(provider), model, deadlines=_deadlines(timeout), cost=self._cost(provider, model))

    def _cost(self, provider: str, model: str) -> Cost:
        client, node = self.client(provider), self._project.providers.get(provider)
        own = node.prices if node else {}
        return self.prices.cost(provider=client.dialect.prices, model=model, prices=own, local=client.local)

    def _breaker(self, target: str, node: Model) -> Breaker:
        """Return the target's breaker: models with the same rule share what they learn."""
        rule = (target, node.breaker.failures, node.breaker.cooldown.total_seconds())
        if rule not in self._breakers:
            self._breakers[rule] = Breaker(failures=rule[1], cooldown=rule[2])
        return self._breakers[rule]

    # ------------------------------------------------------------ embedders

    def _open_embedder(self, name: str) -> "Embedder":
        provider, slash, model = name.partition("/")
        if slash and (provider in self.providers() or provider in DIALECTS):
            from fourways.models.embedders import RemoteEmbedder

            client = self.client(provider)

            async def post(path: str, body: bytes) -> bytes:  # noqa: ARG001 - the client knows the provider's own path
                return await client.post("embeddings", model, body, EMBEDDING_DEADLINES)

            return RemoteEmbedder(name=name, model=model, post=post)
        return self._embedder_factory(name)


def _deadlines(timeout: Timeouts) -> Deadlines:
    return Deadlines(
        connect=timeout.connect.total_seconds(),
        first_byte=timeout.first_byte.total_seconds(),
        idle=timeout.idle.total_seconds(),
        total=timeout.total.total_seconds(),
    )
