"""A tuned or trained model's card: Markdown for people, JSON for programs, from plain facts; imports no torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fourways.training.runs import Run

WATTS_A_CORE = 10.0
"""Assumed power of a busy server core with its share of memory: about 350 W for 32 to 36 cores (data sheets)."""
JOULES_A_KWH = 3.6e6


def make_card(
    run: Mapping[str, Any], result: Mapping[str, Any], dataset: Mapping[str, Any], *, watts: float = WATTS_A_CORE
) -> dict[str, Any]:
    """Return the card as plain data.

    Args:
        run: `run.toml`.
        result: `result.json`.
        dataset: what is known of the data: `name`, `digest`, `rows`, `licence`, `sources`, `personal` (findings), each
            where it is known.
        watts: that a busy core draws.
    """
    hours = float(result.get("cpu_seconds", 0.0)) / 3600
    facts = {**result.get("data", {}), **dataset}
    return {
        "kind": result.get("kind"),
        "method": run["method"],
        "adapter": run.get("adapter", {}).get("kind"),
        "base": result.get("base"),
        "licence": (result.get("base") or {}).get("licence") or run.get("licence", ""),
        "data": facts,
        "parameters": {"all": result.get("parameters"), "trained": result.get("trainable")},
        "settings": result.get("derived", {}),
        "compute": {
            "flops": result.get("flops"),
            "seconds": result.get("seconds"),
            "cpu_seconds": result.get("cpu_seconds"),
            "kwh": hours * watts / 1000,
            "assumed": f"{watts:g} W a busy core, cooling and idle hardware left out",
        },
        "metrics": {
            name: result[name]
            for name in ("loss", "general", "saved_loss", "quantized", "gguf")
            if result.get(name) is not None
        },
        "limits": _limits(run, result),
        "erasure": (
            "What it learned of a row cannot be taken out of the weights. To erase a person or a document, delete it "
            "from the data and train anew from the base; answers until then may still hold it."
        ),
    }


def _limits(run: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """Say what the figures do not show, and what they show that is not good."""
    said = ["It answers as its base does wherever the data does not reach; what the base gets wrong it may too."]
    loss, general = result.get("loss") or {}, result.get("general") or {}
    if loss.get("valid_first") is None:
        said.append("No validation rows were given: whether it only remembers its data was not watched.")
    elif loss["valid_best"] >= loss["valid_first"]:
        said.append("Its validation loss never fell below the base's: it is the base.")
    if not general:
        said.append("No general cases were given: what it forgot was not measured.")
    elif general["after"] > general["before"]:
        said.append(f"On general cases its loss rose from {general['before']:.3f} to {general['after']:.3f}.")
    cut = (result.get("data") or {}).get("cut", 0)
    if cut:
        said.append(f"{cut} rows were longer than it reads and lost their ends.")
    left_out = (result.get("data") or {}).get("left_out", 0)
    if left_out:
        said.append(f"{left_out} questions' answers stand in none of their texts: a reader could not learn them.")
    if run.get("quantize", "none") != "none":
        said.append(f"Its weights were rounded to {run['quantize']}; what that cost is among the metrics.")
    return said


def to_markdown(card: Mapping[str, Any]) -> str:
    """Write a card for people, with the front matter that hubs read."""
    base, compute = card["base"] or {}, card["compute"]
    lines = ["---", f"license: {card['licence']}"] if card["licence"] else ["---"]
    lines += [f"base_model: {base['name']}"] if base.get("name") else []
    lines += ["library_name: " + ("peft" if card["kind"] == "adapter" else "transformers"), "---", ""]
    title = card["method"] if card["adapter"] in {None, "full"} else f"{card['method']} ({card['adapter']})"
    lines += [f"# {title} of {base['name']}" if base.get("name") else f"# {title}", ""]
    lines += ["## Base and licence", "", *_table({**base, "licence": card["licence"] or "not stated"}), ""]
    lines += ["## Data", "", *_table(card["data"]), ""]
    lines += ["## How it was trained", "", *_table({**card["settings"], "weights": card["parameters"]["all"],
              "weights trained": card["parameters"]["trained"]}), ""]  # fmt: skip
    lines += ["## What it took", "", *_table(compute), ""]
    lines += ["## Measured", "", *_table(_flat(card["metrics"])), ""]
    lines += ["## Limits", "", *(f"- {each}" for each in card["limits"]), ""]
    lines += ["## Erasure", "", card["erasure"], ""]
    return "\n".join(lines)


def _table(facts: Mapping[str, Any]) -> list[str]:
    rows = [f"| {name.replace('_', ' ')} | {_shown(value)} |" for name, value in facts.items() if value is not None]
    return ["| | |", "|---|---|", *rows] if rows else ["Nothing is known."]


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return str(value).replace("|", "\\|").replace("\n", " ")


def _flat(facts: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{before}{name} ") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def write_card(folder: Path, *, run: Run, result: Mapping[str, Any], dataset: Mapping[str, Any] | None = None) -> None:
    """Write `README.md` and `card.json` into a model's folder."""
    made = make_card(msgspec.to_builtins(run), result, dataset or {})
    (folder / "README.md").write_text(to_markdown(made), encoding="utf-8")
    (folder / "card.json").write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
