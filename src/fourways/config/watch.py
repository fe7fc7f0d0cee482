"""Hot reload: an edited project file is read anew and handed on whole; a bad edit changes nothing and says why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fourways.config.load import FILE_NAME, load_project
from fourways.config.references import files_named
from fourways.config.tree import Project
from fourways.core.errors import InvalidProject

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """What looking again brought: a new project, or why the edited one was refused."""

    project: Project | None = None
    error: InvalidProject | None = None


class ProjectFile:
    """A project's file and those it names (templates, examples), looked at again from time to time.

    Args:
        folder: the project's folder.
        environ: gives the environment at each look.
    """

    def __init__(self, folder: Path, environ: Callable[[], Mapping[str, str]]) -> None:
        self.folder = folder
        self.environ = environ
        self.project = load_project(folder, environ())
        self._stamp = self._look()

    def look_again(self) -> Reload | None:
        """Return what changed since the last look, or None where nothing did."""
        stamp = self._look()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            self.project = load_project(self.folder, self.environ())
        except InvalidProject as error:
            return Reload(error=error)
        self._stamp = self._look()
        return Reload(project=self.project)

    def _look(self) -> Stamp:
        """Stamp the files by name, time and size: an editor that replaces a file changes at least one."""
        stamps: list[tuple[str, int, int]] = []
        for path in (FILE_NAME, *files_named(self.project)):
            try:
                stat = (self.folder / path).stat()
                stamps.append((path, stat.st_mtime_ns, stat.st_size))
            except OSError:
                stamps.append((path, 0, -1))
        return tuple(stamps)
