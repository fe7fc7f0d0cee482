"""Weights that travel in a bundle: put in with what they rest on, and kept where the bundle is imported."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fourways.control.bundles import Bundle, leads_out
from fourways.core.errors import InvalidRequest
from fourways.core.ids import TenantId
from fourways.store import datasets, trainings
from fourways.store.database import Database
from fourways.store.datasets import DatasetRow, RestsOn
from fourways.store.trainings import WeightsRow
from fourways.store.weights import MANIFEST, WeightsFolders

INSIDE, FACTS = "weights", "weights.json"
"""Of a bundle: the folder of the weights, and what is known of them."""


def contents_of(
    pin: Mapping[str, Any], folders: WeightsFolders, folder: Path, database: Database, tenant: TenantId
) -> dict[str, Path | bytes]:
    """Return what a bundle carries of a candidate's weights, by path inside it.

    The base of an adapter goes along with the project where it lies in the project's folder; one that travels in the
    package, or that a hub holds, does not.

    Args:
        pin: `weights` of the candidate's parts.
        folder: the project's.

    Raises:
        NotFound: the weights are gone.
        Unavailable: a file of theirs is damaged.
    """
    place = folders.open(pin["digest"])
    found: dict[str, Path | bytes] = {f"{INSIDE}/{path}": place / path for path in _files(place) if path != MANIFEST}
    base = (pin.get("base") or {}).get("name", "")
    if pin["kind"] == "adapter" and base and not leads_out(base) and (folder / base).is_dir():
        found |= {f"project/{base}/{path}": folder / base / path for path in _files(folder / base)}
    with database.reading() as connection:
        row = trainings.of_recipe(connection, tenant, pin["recipe"])
        rests_on = datasets.rests_on(connection, tenant, pin["dataset"])
        dataset = datasets.get_dataset(connection, tenant, pin["dataset"]) if rests_on else None
    if row is not None:
        plain = {name: value for name, value in asdict(row).items() if name != "tenant"}
        rows = None if dataset is None else asdict(dataset)
        facts = {"weights": plain, "dataset": rows, "rests_on": [asdict(one) for one in rests_on]}
        found[FACTS] = json.dumps(facts, sort_keys=True, default=str).encode()
    return found


def bring(bundle: Bundle, folders: WeightsFolders, database: Database, tenant: TenantId) -> None:
    """Keep the weights of an imported candidate, with what they rest on, so that erasure knows of them here too.

    Raises:
        NotFound: the bundle carries none, and they are not here either.
        InvalidRequest: those that it carries are not those that its candidate pins.
    """
    pin = bundle.candidate.parts.get("weights")
    if pin is None:
        return
    carried = bundle.folder / INSIDE
    if not carried.is_dir():
        folders.open(pin["digest"])
        return
    if folders.digest_of(carried) != pin["digest"]:
        raise InvalidRequest(f"the weights in {bundle.folder} are not those that {bundle.manifest.release} pins")
    folders.keep(carried)
    facts = bundle.folder / FACTS
    if facts.is_file():
        _keep_facts(json.loads(facts.read_text(encoding="utf-8")), database, tenant)


def _keep_facts(facts: Mapping[str, Any], database: Database, tenant: TenantId) -> None:
    try:
        row = WeightsRow(**facts["weights"])
        dataset = DatasetRow(**facts["dataset"]) if facts["dataset"] else None
        rests_on = [RestsOn(**one) for one in facts["rests_on"]]
    except (KeyError, TypeError) as error:
        raise InvalidRequest(f"{FACTS} is not as this fourways writes it: {error}") from error
    with database.transaction() as connection:
        if dataset is not None:
            datasets.save_dataset(connection, tenant, dataset, rests_on)
        trainings.save_weights(connection, tenant, row)


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
