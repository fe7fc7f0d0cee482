"""Where the project's providers are, and which of them `network: none` leaves reachable."""

from collections.abc import Mapping

from fourways.config.tree import Project, Provider
from fourways.core.errors import InvalidProject
from fourways.models.dialects import dialect_named
from fourways.models.transport import is_loopback

STARTED = "http://127.0.0.1/v1"
"""Stands for the address of a server that fourways starts; its port is found when a request goes out."""


def address_of(name: str, provider: Provider, environ: Mapping[str, str]) -> str:
    """Return where a provider's API begins: as the project says, else the environment, else its dialect.

    Raises:
        InvalidProject: none of them says, or what they say is no URL.
    """
    dialect = dialect_named(provider.dialect)
    if provider.serve is not None:
        return STARTED
    address = provider.base_url or environ.get(dialect.base_url_env, "") or dialect.base_url
    if not address.startswith(("http://", "https://")):
        variable = f", or set {dialect.base_url_env}" if dialect.base_url_env else ""
        msg = f"'{address}' is no address of a server: write base_url as http(s)://host[:port]/path{variable}"
        raise InvalidProject(msg, key=f"providers.{name}.base_url")
    return address


def is_internal(provider: Provider, address: str) -> bool:
    """Whether what is sent there stays inside the company's network."""
    return provider.network == "internal" or is_loopback(address)


def reachable_inside(project: Project, addresses: Mapping[str, str]) -> list[str]:
    """Return the addresses that `network: none` leaves reachable; raises `InvalidProject` for any beyond them."""
    for name, provider in project.providers.items():
        if not is_internal(provider, addresses[name]):
            msg = (
                f"{addresses[name]} is external and the project says network: none; "
                "remove the provider, or say network: internal if it runs inside your own network"
            )
            raise InvalidProject(msg, key=f"providers.{name}")
    return list(addresses.values())
