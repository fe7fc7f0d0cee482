"""The parts that a project file decides, made of it whole: models, the ambient one, knowledge, the ways' workshop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fourways.config.tree import Knowledge, Project
from fourways.control.builds import snapshots_pinned
from fourways.control.shelf import Shelf, weights_folders
from fourways.control.state import state_folder
from fourways.core.errors import NotFound
from fourways.core.ids import TenantId
from fourways.knowledge.library import Library
from fourways.models.ambient import Ambient
from fourways.models.registry import Models
from fourways.models.supervisor import Engines
from fourways.models.wire import open_transport
from fourways.store.database import Database
from fourways.ways.workshop import Workshop

if TYPE_CHECKING:
    from fourways.control.datasets import Datasets


@dataclass(frozen=True, slots=True, kw_only=True)
class Fittings:
    """What is made anew, and swapped whole, when the project file is edited."""

    project: Project
    ambient: Ambient
    models: Models
    libraries: Mapping[str, Library]
    workshop: Workshop
    shelf: Shelf
    datasets: "Callable[[], Datasets]"


async def fit(
    project: Project, folder: Path, database: Database, engines: Engines, environ: Mapping[str, str], tenant: TenantId
) -> Fittings:
    """Make the parts that a project file decides; looks for the ambient model anew.

    Raises:
        InvalidProject: a provider is wrong, or may not be used with `network: none`.
        UnknownModel: an embedding model or reranker is not to be had.
    """
    models = Models(
        project,
        open_transport(environ),
        environ=environ,
        embedder_factory=engines.embedder,
        servers=engines.servers,
    )
    ambient = await models.ambient()

    def open_library(name: str, node: Knowledge) -> Library:
        def pinned() -> set[int]:
            with database.reading() as connection:
                return snapshots_pinned(connection, tenant, project.apps, name)

        return Library(
            name,
            node,
            folder=folder,
            state=state_folder(folder),
            database=database,
            embed=models.embedder(node.embedding.model),
            tenant=tenant,
            network=project.network,
            rerank=models.reranker(node.search.reranker) if node.search.reranker else None,
            pinned=pinned,
        )

    libraries = {name: open_library(name, node) for name, node in project.knowledge.items()}
    plain = Workshop(
        project=project,
        models=models,
        ambient=ambient.model,
        ambient_alone=ambient.alone,
        knowledge=lambda name: named(libraries, name),
        read_text=lambda path: (folder / path).read_text(encoding="utf-8"),
    )

    def datasets() -> "Datasets":
        from fourways.control.datasets import datasets_of  # an app without weights of its own never waits for it

        return datasets_of(plain, folder, database, tenant, state_folder(folder))

    shelf = Shelf(
        project=project,
        folder=folder,
        state=state_folder(folder),
        database=database,
        tenant=tenant,
        folders=weights_folders(folder),
        define=lambda names: datasets().definition_of(names),
    )
    return Fittings(
        project=project,
        ambient=ambient,
        models=models,
        libraries=libraries,
        workshop=replace(plain, training=shelf, weights=shelf.opened),
        shelf=shelf,
        datasets=datasets,
    )


def named(libraries: Mapping[str, Library], name: str) -> Library:
    """Return a knowledge by its name; raises NotFound, saying which there are."""
    if name not in libraries:
        raise NotFound.named("knowledge", name, libraries)
    return libraries[name]
