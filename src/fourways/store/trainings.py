"""What came of trainings: weights by recipe and digest, the data they were trained on, who rests on a document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from fourways.core.ids import TenantId
from fourways.store import revisions
from fourways.store.dialect import insert_or_update
from fourways.store.lookup import only
from fourways.store.schema import dataset_sources, weights


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsRow:
    """Weights that were trained here.

    Attributes:
        recipe: digest of all that decided them: one training a recipe.
        digest: of their files.
        name: as a model on the API; "" where they serve an app's way alone.
        app, way: for whom they were made; "" where for none.
        kind: `adapter` or `model`.
        base: name of what was tuned; "" where nothing was there before.
        dataset: digest of the rows; "" where they are not kept as one.
        run: the recipe, JSON.
        result: what the program said at its end, JSON.
    """

    recipe: str
    digest: str
    kind: str
    base: str
    method: str
    dataset: str
    created_at: float
    run: Mapping[str, Any]
    result: Mapping[str, Any]
    name: str = ""
    app: str = ""
    way: str = ""
    tenant: TenantId = field(default=TenantId(""), repr=False)


def save_weights(connection: Connection, tenant: TenantId, row: WeightsRow) -> None:
    """Keep what came of a recipe; trained again, the newer one counts."""
    values = {name: getattr(row, name) for name in WeightsRow.__dataclass_fields__} | {"tenant": tenant}
    fresh = ("digest", "created_at", "result", "dataset", "name", "app", "way")
    saved = insert_or_update(connection, weights, ("tenant", "recipe"), lambda new: {name: new[name] for name in fresh})
    connection.execute(saved, values)
    revisions.bump(connection, revisions.WEIGHTS)


def of_recipe(connection: Connection, tenant: TenantId, recipe: str) -> WeightsRow | None:
    """Return what came of a recipe, None where it was not trained."""
    wanted = select(weights).where(weights.c.tenant == tenant, weights.c.recipe == recipe)
    row = connection.execute(wanted).mappings().first()
    return None if row is None else WeightsRow(**row)


def get_weights(connection: Connection, tenant: TenantId, digest: str) -> WeightsRow:
    """Return weights by their digest, or enough of its front.

    Raises:
        NotFound: none begin so.
        InvalidRequest: several do.
    """
    mine = select(weights).where(weights.c.tenant == tenant).order_by(weights.c.created_at.desc())
    return WeightsRow(**only(connection, "weights", mine, weights.c.digest, digest)._mapping)  # noqa: SLF001 - Row's documented name


def all_weights(connection: Connection, tenant: TenantId, *, limit: int = 500) -> list[WeightsRow]:
    """Return all weights, newest first."""
    wanted = select(weights).where(weights.c.tenant == tenant).order_by(weights.c.created_at.desc()).limit(limit)
    return [WeightsRow(**row) for row in connection.execute(wanted).mappings()]


def named_weights(connection: Connection, tenant: TenantId) -> dict[str, WeightsRow]:
    """Return the weights that are models on the API, by name; of one name the newest."""
    wanted = select(weights).where(weights.c.tenant == tenant, weights.c.name != "").order_by(weights.c.created_at)
    return {row["name"]: WeightsRow(**row) for row in connection.execute(wanted).mappings()}


def resting_on(
    connection: Connection, tenant: TenantId, source: str, *, kind: str = "document", knowledge: str = ""
) -> list[WeightsRow]:
    """Return the weights that were trained on rows of a document, a trace or a file, newest first.

    Args:
        source: the document's uri, the trace's id, the file's name.
        knowledge: of a document; any where "".
    """
    table = dataset_sources
    rows = select(table.c.dataset).where(table.c.tenant == tenant, table.c.kind == kind, table.c.source == source)
    rows = rows.where(table.c.knowledge == knowledge) if knowledge else rows
    wanted = select(weights).where(weights.c.tenant == tenant, weights.c.dataset.in_(rows))
    return [WeightsRow(**row) for row in connection.execute(wanted.order_by(weights.c.created_at.desc())).mappings()]
