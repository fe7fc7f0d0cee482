"""Globs over paths as people write them: `*` and `?` inside one name, `**` over any number of folders, `[abc]`."""

import fnmatch
import posixpath
import re
from functools import lru_cache


class Glob:
    """One pattern over paths relative to the project; with `anywhere`, one without `/` means it in any folder."""

    def __init__(self, pattern: str, *, anywhere: bool = False) -> None:
        self.pattern = posixpath.normpath(pattern)
        parts = self.pattern.split("/")
        self._parts = ["**", *parts] if anywhere and len(parts) == 1 else parts

    @property
    def is_plain(self) -> bool:
        """Whether nothing in the pattern is a wildcard."""
        return not any(mark in self.pattern for mark in "*?[")

    @property
    def folder(self) -> str:
        """The folder to look in: the part before the first wildcard."""
        fixed = []
        for part in self._parts:
            if any(mark in part for mark in "*?["):
                break
            fixed.append(part)
        return "/".join(fixed) or "."

    def matches(self, path: str) -> bool:
        """Whether the path, or a folder above it, is meant."""
        reached = {0}  # the set of places in the pattern: no backtracking, whatever the pattern
        for part in path.split("/"):
            reached = self._skip(reached)
            if len(self._parts) in reached:
                return True  # the pattern named a folder above
            reached = {
                place if self._parts[place] == "**" else place + 1
                for place in reached
                if self._parts[place] == "**" or _name(self._parts[place]).match(part)
            }
        return len(self._parts) in self._skip(reached)

    def _skip(self, reached: set[int]) -> set[int]:
        """Add the places after each `**` reached: it may stand for no folder at all."""
        places = set(reached)
        for place in sorted(reached):
            following = place
            while following < len(self._parts) and self._parts[following] == "**":
                following += 1
                places.add(following)
        return places


@lru_cache(maxsize=1024)
def _name(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
