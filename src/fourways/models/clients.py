"""The clients of all providers that can stand before the `/` of a model's name: the project's, and those implied."""

from collections.abc import Mapping

from fourways.config.tree import Project, Provider
from fourways.core.errors import InvalidProject, NotFound, UnknownModel
from fourways.models.addresses import address_of, is_internal, reachable_inside
from fourways.models.dialects import DIALECTS, Dialect, dialect_named
from fourways.models.provider import ProviderClient
from fourways.models.serving import open_served
from fourways.models.started import Servers
from fourways.models.transport import Fenced, Transport


class Clients:
    """One client a provider.

    Args:
        transport: reaches providers; with `network: none` it is fenced in.
        environ: where providers' keys and addresses are found that the project does not give.
        servers: starts those that the project serves itself; where None, nothing here does.

    Raises:
        InvalidProject: a provider has no address, an unknown dialect, or is external under `network: none`.
    """

    def __init__(
        self, project: Project, transport: Transport, environ: Mapping[str, str], servers: Servers | None
    ) -> None:
        self._project, self._environ, self._servers = project, environ, servers
        self._served: list[Transport] = []
        addresses = {name: address_of(name, provider, environ) for name, provider in project.providers.items()}
        if project.network == "none":
            transport = Fenced(transport, reachable_inside(project, addresses))
        self._transport = transport
        self._open = {name: self._client(name, each, addresses[name]) for name, each in project.providers.items()}

    def names(self) -> list[str]:
        """List the providers there are: the project's, those with a key, the local ones."""
        implied = [name for name, dialect in DIALECTS.items() if self._is_implied(dialect)]
        return list(dict.fromkeys((*self._project.providers, *implied)))

    def named(self, provider: str) -> ProviderClient:
        """Return the client of a provider: the project's, or one implied by a key in the environment or by being local.

        Raises:
            UnknownModel: there is no such provider; says which there are.
        """
        client = self._open.get(provider)
        if client is None:
            dialect = DIALECTS.get(provider)
            if dialect is None or not self._is_implied(dialect):
                raise UnknownModel(NotFound.named("provider", provider, self.names()).message)
            implied = Provider(dialect=provider)
            client = self._client(provider, implied, address_of(provider, implied, self._environ))
            self._open[provider] = client
        return client

    async def close(self) -> None:
        """Close every connection, and let go of the servers that were started."""
        for served in self._served:
            await served.close()
        await self._transport.close()

    def _client(self, name: str, provider: Provider, address: str) -> ProviderClient:
        dialect = dialect_named(provider.dialect)
        return ProviderClient(
            name=name,
            dialect=dialect,
            base_url=address,
            transport=self._way(name, provider),
            key=provider.api_key or ("" if provider.base_url else self._key(dialect)),
            headers=provider.headers,
            query=provider.query,
            local=dialect.local or is_internal(provider, address),
        )

    def _way(self, name: str, provider: Provider) -> Transport:
        """Return how requests reach a provider: over the net, or to the server that is started for it."""
        if provider.serve is None:
            return self._transport
        if self._servers is None:
            raise InvalidProject("nothing here starts servers; give a base_url", key=f"providers.{name}.serve")
        served = open_served(name, provider, self._servers, offline=self._project.network == "none")
        self._served.append(served)
        return served

    def _key(self, dialect: Dialect) -> str:
        """Return the dialect's key from the environment: for its own address only, any other host must not see it."""
        return next((self._environ[name] for name in dialect.key_env if self._environ.get(name)), "")

    def _is_implied(self, dialect: Dialect) -> bool:
        """Whether a dialect's name may be used as a provider's without a line in the project."""
        if not (dialect.base_url or self._environ.get(dialect.base_url_env)):
            return False
        if dialect.local:
            return True
        return self._project.network != "none" and any(self._environ.get(key) for key in dialect.key_env)
