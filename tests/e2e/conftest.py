"""Projects in temporary folders, and one server for the tests that only ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e import acme
from tests.e2e.processes import ProjectFolder, Server, serving
from tests.e2e.upstream import listening
from tests.models.fake_openai import Request


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """The small project, not yet ingested."""
    return acme.make(tmp_path / "acme")


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> ProjectFolder:
    """The small project, ingested, shared by a module's tests."""
    made = acme.make(tmp_path_factory.mktemp("shared") / "acme")
    made.done("ingest")
    return made


@pytest.fixture(scope="module")
def server(ingested: ProjectFolder) -> Iterator[Server]:
    """A server over it that no key locks; it must end well."""
    with serving(ingested, "--no-sync") as running:
        yield running


@pytest.fixture
def heard() -> Iterator[tuple[str, list[Request]]]:
    """A model's server that answers at once: its address, and what it was asked."""
    with listening() as (url, requests):
        yield url, requests
