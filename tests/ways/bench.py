"""A workshop for tests: models by name, knowledge that finds what it is told to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fourways.config.load import parse_project
from fourways.config.tree import Project, Search
from fourways.core.chat import Answer, Answerer, ChatRequest, Principal, collect
from fourways.core.data import Hit, Passage
from fourways.core.ids import digest
from fourways.core.specs import Candidate
from fourways.core.trace import Trace
from fourways.models.embedders import Embedder, HashEmbedder
from fourways.models.reach import Reached
from fourways.ways import WAYS
from fourways.ways.recipes import Base, Ingredient, Recipe, Role, Trained, not_trained
from fourways.ways.workshop import Workshop


class Shelf:
    def __init__(self, models: Mapping[str, Answerer], reached: Mapping[str, Sequence[Reached]]) -> None:
        self.models, self.reached = models, reached
        self.meant: dict[str, Any] = {}
        self.opened: list[tuple[Path, str, Path | None]] = []

    def answerer(self, name: str) -> Answerer:
        return self.models[name]

    def pinned(self, name: str, stands_for: Mapping[str, Any]) -> Answerer:
        return self.models[str(stands_for["targets"][0])]

    def weights(self, folder: Path, *, name: str, adapter: Path | None = None) -> Answerer:
        self.opened.append((folder, name, adapter))
        return self.models[name]

    def embedder(self, name: str) -> Embedder:
        return HashEmbedder()

    def reach(self, name: str, stands_for: Mapping[str, Any] | None = None) -> Sequence[Reached]:
        self.meant[name] = stands_for
        return self.reached.get(name, (Reached(name=name, where="this machine"),))


class Trainer:
    """Has trained what it is told to, and remembers what it was asked for."""

    def __init__(self, *known: str, reads: bool = False) -> None:
        self.known, self.reads = list(known), reads
        self.recipes: list[Recipe] = []

    async def base(self, name: str) -> Base:
        return Base(name=name, digest=digest(name.encode()), reads=self.reads)

    async def ingredient(self, role: Role, name: str) -> Ingredient:
        return Ingredient(role=role, kind="dataset", name=name, digest=digest(name.encode()))

    async def trained(self, recipe: Recipe) -> Trained:
        self.recipes.append(recipe)
        if recipe.way not in self.known:
            raise not_trained(recipe)
        return Trained(
            digest=recipe.digest[::-1],
            kind="model" if recipe.base is None else "adapter",
            base=recipe.base,
            method=recipe.run.method,
            dataset="d" * 64,
            recipe=recipe.digest,
            seed=recipe.run.seed,
        )


class Found:
    """Finds the same hits whatever is asked, and remembers what was asked."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = hits
        self.asked: list[dict[str, Any]] = []
        self.settings: Search | None = None

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
        self.settings = settings
        self.asked.append({"query": query, "labels": labels, "limit": limit, "snapshot": snapshot})
        return self.hits


def hit(text: str, *, dense: float = 0.9, document: str = "docs/vpn.md", title: str = "VPN", start: int = 100) -> Hit:
    passage = Passage(
        id=f"{document}-{start}", knowledge="handbook", document=document, title=title, text=text, start=start,
        end=start + len(text), ordinal=0, headings=("Setting up",),
    )  # fmt: skip
    return Hit(passage=passage, score=1.0, dense=dense, lexical=5.0)


def workshop(
    folder: Path,
    yaml: str,
    *,
    models: Mapping[str, Answerer] | None = None,
    found: Found | None = None,
    ambient: str = "echo",
    reached: Mapping[str, Sequence[Reached]] | None = None,
    training: Trainer | None = None,
) -> Workshop:
    project: Project = parse_project(yaml, file=folder / "fourways.yaml", environ={})
    return Workshop(
        project=project,
        models=Shelf(models or {}, reached or {}),
        ambient=ambient,
        knowledge=lambda _: found or Found(()),
        read_text=lambda path: (folder / path).read_text(encoding="utf-8"),
        training=training or Trainer(*WAYS),
        weights=lambda name: folder / name,
    )


def named_ways(shop: Workshop, app: str) -> list[str]:
    """The ways that the app names."""
    return [name for name, node in shop.project.apps[app].ways if node is not None]


async def build(way: str, shop: Workshop, app: str = "a") -> Candidate:
    return await WAYS[way].build(app, getattr(shop.project.apps[app].ways, way), shop)


async def ask(
    candidate: Candidate, shop: Workshop, *questions: str, trace: Trace | None = None, **request: Any
) -> Answer:
    messages: list[dict[str, Any]] = []
    for question in questions:
        messages += [{"role": "assistant", "content": "…"}] if messages else []
        messages.append({"role": "user", "content": question})
    asked = ChatRequest(model="a", messages=messages, principal=request.pop("principal", Principal()), **request)
    return await collect(WAYS[candidate.way].open(candidate, shop)(asked, trace or Trace()))
