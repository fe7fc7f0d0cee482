"""The fenced blocks of an answer in Markdown: what stands between ``` and ```. Pure, one pass."""

from dataclasses import dataclass

_MARKS = ("```", "~~~")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        language: the first word after the fence, in lower case; "" where there is none.
    """

    language: str
    text: str


def fenced(text: str) -> list[Block]:
    """Return the fenced blocks of a text in order (CommonMark 0.31, §4.5); one that is never closed ends with it."""
    blocks: list[Block] = []
    fence, info, indent = "", "", 0
    lines: list[str] = []
    for line in text.splitlines():
        plain = line.lstrip(" ")
        mark = plain[: len(plain) - len(plain.lstrip(plain[:1]))] if plain[:3] in _MARKS else ""
        if not fence and mark:
            fence, info, indent, lines = mark, plain[len(mark) :].strip(), len(line) - len(plain), []
        elif fence and mark.startswith(fence) and plain.strip() == mark:
            blocks.append(Block(_language(info), _joined(lines)))
            fence = ""
        elif fence:
            lines.append(line[min(indent, len(line) - len(plain)) :])
    return [*blocks, Block(_language(info), _joined(lines))] if fence else blocks


def _language(info: str) -> str:
    return info.split(maxsplit=1)[0].lower() if info else ""


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
