"""The bundled projects that `fourways init` copies: `blank`, and the samples. Data, not code."""

from importlib.resources import files
from pathlib import Path

from fourways.core.errors import NotFound

PROJECT_FILE = "fourways.yaml"


def names() -> list[str]:
    """List the bundled projects, by name."""
    return sorted(path.name for path in _home().iterdir() if (path / PROJECT_FILE).is_file())


def folder(name: str) -> Path:
    """Return a bundled project's folder, to be copied and never written to.

    Args:
        name: `blank`, or a sample such as `helpdesk`.

    Raises:
        NotFound: there is no such sample; says which there are.
    """
    known = names()
    if name not in known:
        raise NotFound.named("sample", name, known)
    return _home() / name


def _home() -> Path:
    return Path(str(files(__name__)))
