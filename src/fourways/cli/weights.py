"""`fourways weights`: what was trained here, what it was trained on, who rests on a document, its card."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown
from rich.markup import escape

from fourways.cli.place import Place, opened
from fourways.cli.terminal import OUT, AsJson, folder_of, moment, print_json, table

if TYPE_CHECKING:
    from fourways.store.trainings import WeightsRow
    from fourways.store.weights import WeightsFolders

SHOWN = 10
"""Characters of a digest that people see."""

Digest = Annotated[str, typer.Argument(help="The digest, or enough of its front.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    verbs = typer.Typer(no_args_is_help=True, help="Weights that were trained here: adapters and whole models.")
    verbs.command("list")(list_weights)
    verbs.command("show")(show)
    verbs.command("card")(card)
    verbs.command("delete")(delete)
    app.add_typer(verbs, name="weights")


def list_weights(
    context: typer.Context,
    document: Annotated[
        str | None,
        typer.Option(help="Only those trained on rows of this document (its uri, as `fourways search` says)."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List all weights, newest first; or those that hold what a document said.

    Examples:  fourways weights list   ·   fourways weights list --document docs/vpn.md
    """
    from fourways.store import trainings

    with opened(context, None, any_app=True) as place, place.database.reading() as connection:
        rows = (
            trainings.all_weights(connection, place.tenant)
            if document is None
            else trainings.resting_on(connection, place.tenant, document)
        )
    folders = _folders(context)
    if as_json:
        print_json([_plain(row, folders) for row in rows])
        return
    columns = ("weights", "for", "what", "loss", "trained")
    made = table("Weights", columns, [_row(row, folders) for row in rows], right=("loss",))
    for column in made.columns:
        column.overflow = "fold"
    OUT.print(made)
    if document is not None and rows:
        OUT.print(f"{escape(document)} cannot be erased from these but by retraining from the data without it.")


def show(context: typer.Context, digest: Digest, *, as_json: AsJson = False) -> None:
    """Show what weights came of: recipe, data, figures, and which candidates pin them.

    Example:  fourways weights show 3f9c
    """
    from fourways.store import candidates, datasets, trainings

    with opened(context, None, any_app=True) as place, place.database.reading() as connection:
        row = trainings.get_weights(connection, place.tenant, digest)
        rests_on = datasets.rests_on(connection, place.tenant, row.dataset)
        pinned = [
            f"{one.app}:{one.way}@{one.id}"
            for app in place.project.apps
            for one in candidates.recent_candidates(connection, place.tenant, app, limit=500)
            if one.parts.get("weights", {}).get("digest") == row.digest
        ]
    sources = [f"{one.knowledge + ' ' if one.knowledge else ''}{one.source}" for one in rests_on]
    if as_json:
        print_json(_plain(row, _folders(context)) | {"candidates": pinned, "rests_on": rests_on})
        return
    facts = _facts(row) | {"candidates": ", ".join(pinned) or "none", "rests on": _some(sources)}
    OUT.print(table(f"Weights {row.digest[:SHOWN]}", ("", ""), list(facts.items())))


def card(context: typer.Context, digest: Digest) -> None:
    """Show the model card of weights: base, licence, data, figures, limits, what cannot be erased from them.

    Example:  fourways weights card 3f9c
    """
    with opened(context, None, any_app=True) as place:
        row = _found(place, digest)
    text = (_folders(context).open(row.digest) / "README.md").read_text(encoding="utf-8")
    body = text.split("---\n", 2)[-1] if text.startswith("---\n") else text
    OUT.print(Markdown(body))


def delete(
    context: typer.Context,
    digest: Digest,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete weights from the disk: candidates that pin them answer no more.

    Example:  fourways weights delete 3f9c
    """
    with opened(context, None, any_app=True) as place:
        row = _found(place, digest)
    if not yes:
        typer.confirm(f"Delete weights {row.digest[:SHOWN]} of {row.app}:{row.way}?", abort=True, err=True)
    _folders(context).delete(row.digest)
    OUT.print(f"Deleted {row.digest[:SHOWN]}; `fourways tune` or `train` makes them again.")


def _found(place: Place, digest: str) -> "WeightsRow":
    from fourways.store import trainings

    with place.database.reading() as connection:
        return trainings.get_weights(connection, place.tenant, digest)


def _folders(context: typer.Context) -> "WeightsFolders":
    from fourways.control.shelf import weights_folders

    return weights_folders(folder_of(context))


def _row(row: "WeightsRow", folders: "WeightsFolders") -> Sequence[object]:
    what = f"{row.method} of {row.base}" if row.base else row.method
    trained = moment(row.created_at)[5:16] if folders.has(row.digest) else "gone"
    return (row.digest[:SHOWN], _for(row), what, _loss(row), trained)


def _for(row: "WeightsRow") -> str:
    return row.name or f"{row.app}:{row.way}"


def _loss(row: "WeightsRow") -> str:
    loss = row.result.get("loss") or {}
    ends = ("valid_first", "valid_best") if loss.get("valid_first") else ("first", "last")
    before, after = (loss.get(end) for end in ends)
    return "" if before is None or after is None else f"{before:.2f} → {after:.2f}"


def _facts(row: "WeightsRow") -> dict[str, object]:
    result = row.result
    data = ", ".join(f"{one['name']} ({one['role']})" for one in row.run.get("ingredients", ()))
    return {
        "digest": row.digest,
        "recipe": row.recipe,
        "for": _for(row),
        "kind": row.kind,
        "base": row.base or "none: trained from scratch",
        "method": row.method,
        "data": data,
        "loss": _loss(row),
        "steps": f"{result.get('steps', 0):,}",
        "tokens": f"{result.get('tokens', 0):,}",
        "seconds": f"{result.get('seconds', 0):,.0f}",
        "trained": moment(row.created_at),
    }


def _plain(row: "WeightsRow", folders: "WeightsFolders") -> dict[str, Any]:
    names = ("digest", "recipe", "name", "app", "way", "kind", "base", "method", "dataset", "created_at", "result")
    return {name: getattr(row, name) for name in names} | {"bytes": folders.size(row.digest)}


def _some(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
