"""`fourways init`: a new project, empty and commented or filled with a sample."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from fourways import samples
from fourways.cli.terminal import OUT, AsJson, DryRun, print_json
from fourways.core.errors import InvalidRequest

RENAMED = {"gitignore": ".gitignore"}
"""Files whose own name would act on this repository."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("init")(init)


def init(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.")],
    sample: Annotated[str | None, typer.Option(help="Fill it with a bundled sample: helpdesk.")] = None,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a project: a commented fourways.yaml, docs/, prompts/, tests/.

    Examples:  fourways init my-project   ·   fourways init helpdesk --sample helpdesk
    """
    written = make_project(folder, sample, dry_run=dry_run)
    if as_json:
        print_json({"folder": str(folder), "files": written, "dry_run": dry_run})
        return
    OUT.print(f"{'Would write' if dry_run else 'Wrote'} {len(written)} files into [bold]{folder}[/].")
    OUT.print(f"Next: [bold]cd {folder}[/], [bold]fourways ingest[/], [bold]fourways chat[/].")


def make_project(folder: Path, sample: str | None, *, dry_run: bool = False) -> list[str]:
    """Copy a template into a new folder, and return the files' relative paths.

    Args:
        folder: must not exist, or be empty: nothing is ever overwritten.
        sample: a bundled sample's name; None for the blank, commented project.

    Raises:
        InvalidRequest: the folder has something in it.
        NotFound: there is no such sample.
    """
    template = samples.folder(sample or "blank")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder} is not empty; name a new folder, or empty it first"
        raise InvalidRequest(msg)
    files = sorted(path for path in template.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    names = [str(path.relative_to(template)) for path in files]
    if dry_run:
        return names
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for path, name in zip(files, names, strict=True):
        target = partial / RENAMED.get(name, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    yaml = partial / "fourways.yaml"
    if sample is None:
        yaml.write_text(yaml.read_text(encoding="utf-8").replace("my-project", _name_of(folder)), encoding="utf-8")
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    return names


def _name_of(folder: Path) -> str:
    """Make a project's name of a folder's: lower case, with dashes."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in folder.resolve().name.lower()).strip("-")
    return plain[:63] or "my-project"
