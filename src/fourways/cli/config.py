"""`fourways config`: the project file's schema for editors, and a check."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from fourways.cli.terminal import OUT, AsJson, folder_of, print_json
from fourways.config.load import load_project
from fourways.config.schema import project_schema

SECRETS: Mapping[str, Any] = {
    "database": True,
    "providers": {"__all__": {"api_key", "headers", "query"}},
    "telemetry": {"otlp_headers"},
}
"""What may hold a secret, and is not printed."""


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="The project file: its schema, a check.")
    family.command("schema")(schema)
    family.command("check")(check)
    app.add_typer(family, name="config")


def schema() -> None:
    """Print the JSON Schema of fourways.yaml, for editors.

    Example:  fourways config schema > fourways.schema.json
    """
    print_json(project_schema())


def check(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Check fourways.yaml: every problem at once, with file, line, key, and what would be right.

    Example:  fourways config check
    """
    project = load_project(folder_of(context), os.environ)
    if as_json:
        print_json(project.model_dump(mode="json", exclude=SECRETS))
        return
    parts: dict[str, Iterable[str]] = {"apps": project.apps, "knowledge": project.knowledge, "models": project.models}
    told = "; ".join(f"{name}: {', '.join(part)}" for name, part in parts.items() if part)
    OUT.print(f"[green]✓[/] {project.project}: {told}")
