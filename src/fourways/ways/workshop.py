"""The tools a way may use, and how it pins a model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fourways.config.tree import Project, Search
from fourways.core.chat import Answerer
from fourways.core.data import Hit
from fourways.core.errors import InvalidProject, NotFound
from fourways.models.embedders import Embedder
from fourways.models.reach import NOT_PINNED, Reached
from fourways.ways.recipes import NoTraining, Training


class Searcher(Protocol):
    """What a way sees of a knowledge."""

    async def search(
        self,
        query: str,
        *,
        labels: frozenset[str],
        filters: Mapping[str, Any] | None = None,
        limit: int | None = None,
        snapshot: int | str = "latest",
        settings: Search | None = None,
    ) -> Sequence[Hit]:
        """Find the passages that a caller with these labels may read.

        Args:
            settings: those that a candidate pins; the knowledge's own where None.
        """
        ...


class ModelShelf(Protocol):
    """What a way sees of the models."""

    def answerer(self, name: str) -> Answerer:
        """Return what answers under a model's name."""
        ...

    def pinned(self, name: str, stands_for: Mapping[str, Any]) -> Answerer:
        """Return what answered under a model's name when a candidate pinned it, whatever the name means now."""
        ...

    def weights(self, folder: Path, *, name: str, adapter: Path | None = None) -> Answerer:
        """Return what answers by a folder of weights, and an adapter to them; see `Models.weights`."""
        ...

    def embedder(self, name: str) -> Embedder:
        """Return what embeds under a model's name."""
        ...

    def reach(self, name: str, stands_for: Mapping[str, Any] | None = None) -> Sequence[Reached]:
        """Return every server that asking a model or an embedder may reach, by a pinned meaning where one is given."""
        ...


def _no_weights(name: str) -> Path:
    raise NotFound.named("weights", name, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What a way may use.

    Attributes:
        project: the project file.
        models: all models that can be named.
        ambient: the model used where none is named.
        knowledge: opens a knowledge by name.
        read_text: reads a file of the project, by its relative path.
        ambient_alone: the model used where none is named and there are no documents to read from; `ambient` where "".
        training: what weights are looked up with, or trained.
        weights: returns the folder of trained weights by digest, verified, or of a base by its name.
    """

    project: Project
    models: ModelShelf
    ambient: str
    knowledge: Callable[[str], Searcher]
    read_text: Callable[[str], str]
    ambient_alone: str = ""
    training: Training = field(default_factory=NoTraining)
    weights: Callable[[str], Path] = _no_weights

    def pin_model(self, name: str | None) -> dict[str, Any]:
        """Say which model answers, without secrets: its name, and what a named model stands for."""
        name = name or self.ambient
        node = self.project.models.get(name)
        return {"name": name} | ({"stands_for": node.model_dump(mode="json", exclude=set(NOT_PINNED))} if node else {})

    def open_model(self, pin: Mapping[str, Any]) -> Answerer:
        """Return what answers for a model as `pin_model` pinned it.

        Raises:
            UnknownModel: there is no such model any more.
        """
        if "stands_for" in pin:
            return self.models.pinned(pin["name"], pin["stands_for"])
        return self.models.answerer(pin["name"])

    def project_text(self, path: str) -> str:
        """Read a text file that the project names.

        Raises:
            InvalidProject: it cannot be read.
        """
        try:
            return self.read_text(path)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidProject(f"cannot be read: {error}", file=path) from error
