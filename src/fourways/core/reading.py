"""What a reader is asked and shown, taken out of a chat: a question, and the texts that may answer it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourways.core.chat import text_of

NOT_SAID = "The text does not say."
"""What a reader answers where its texts do not; `evals/abstaining` recognises it."""
BEFORE_QUESTION = "\n\nQuestion: "
"""Stands between passages and their question."""
_SOURCES = re.compile(r"\ASources:\s*\n")
_FENCE = re.compile(r"^.*\bsource-[0-9a-f]{16}\b.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, and the texts in which its answer may stand, in the order in which they were shown."""

    question: str
    texts: tuple[str, ...]


def asked(messages: Sequence[Mapping[str, Any]]) -> Asked:
    """Take a chat apart: what stands before `Question:` in its last user turn is read, else all that came before.

    Args:
        messages: in OpenAI's shape; parts of a content that are no text are passed over.
    """
    last = max((n for n, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    before, question = _divided(messages[last]) if last >= 0 else ("", "")
    earlier = (text_of(message).strip() for message in messages[: max(0, last)])
    texts = _parts(before) if before else [text for text in earlier if text]
    return Asked(question=question.strip(), texts=tuple(texts))


def _divided(message: Mapping[str, Any]) -> tuple[str, str]:
    """Return what stands before a turn's question, and the question: behind its mark, or the last of several parts."""
    content = message.get("content")
    if isinstance(content, list) and len(content) > 1:
        *shown, asked_last = (text_of({"content": [part]}) for part in content)
        return "\n\n".join(filter(None, shown)), asked_last
    before, marker, question = text_of(message).rpartition(BEFORE_QUESTION)
    return (before, question) if marker else ("", text_of(message))


def _parts(shown: str) -> list[str]:
    """Return numbered sources one by one, without their fences; a passage as it is."""
    if not _SOURCES.match(shown):
        return [shown.strip()] if shown.strip() else []
    return [part.strip() for part in _FENCE.split(_SOURCES.sub("", shown)) if part.strip()]
