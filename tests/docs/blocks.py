"""Fenced blocks and commands of the README and the documentation, each with the place it stands at."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```([a-z]*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`(fourways [^`]+)`(?!`)")
SHELLS = {"sh", "bash", "console"}


@dataclass(frozen=True, slots=True)
class Block:
    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """One `fourways …`; in prose a verb may be named without its arguments."""

    place: str
    arguments: list[str]
    prose: bool

    def __str__(self) -> str:
        return self.place


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's fenced blocks in these languages."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[2], match[3])
        for match in FENCE.finditer(text)
        if match[2] in languages
    ]


def commands(page: Path) -> Iterator[Command]:
    """Every `fourways …` of a page's shell blocks and prose."""
    for block in blocks(page, *SHELLS):
        for line in block.text.replace("\\\n", " ").splitlines():
            for arguments in _invocations(line):
                yield Command(f"{block}: {line.strip()}", arguments, prose=False)
    text = page.read_text(encoding="utf-8")
    for match in INLINE.finditer(FENCE.sub("", text)):
        for arguments in _invocations(match[1].replace("\n", " ")):
            yield Command(f"{page.relative_to(ROOT)}: {match[1]}", arguments, prose=True)


def _invocations(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.commenters, lexer.whitespace_split = "#", True
    try:
        words = list(lexer)
    except ValueError:
        return  # a quotation that goes on: a body of JSON over several lines, not a command of ours
    while "fourways" in words:
        words = words[words.index("fourways") + 1 :]
        end = next((place for place, word in enumerate(words) if set(word) <= set("|&;<>")), len(words))
        yield words[:end]
        words = words[end:]
