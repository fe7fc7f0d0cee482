"""Conversations as rows hold them: turns checked one by one, ShareGPT's names brought to OpenAI's."""

from collections.abc import Mapping, Sequence
from typing import Any

from fourways.core.chat import Message, text_of

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
AS: Mapping[str, str] = {"developer": "system", "function": "tool"}
"""Older and newer names of roles, as training programs know them."""
SPEAKERS: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "function_call": "assistant",
    "system": "system",
    "tool": "tool",
    "function_response": "tool",
    "observation": "tool",
}
"""ShareGPT's `from` in OpenAI's roles."""


def wrong(message: str) -> ValueError:
    """Build the error of a row; whoever knows where it stands makes a `Problem` of it."""
    return ValueError(message)


def conversation(value: Any, key: str) -> tuple[Message, ...]:  # noqa: ANN401 - whatever stands in the file
    """Check a conversation turn by turn; tools' calls and answers are passed on as they are.

    Raises:
        ValueError: what is wrong in which turn, and what would be right.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise wrong(f'`{key}` should be a list such as [{{"role": "user", "content": "…"}}], not {value!r:.60}')
    return tuple(_turn(one, number, key) for number, one in enumerate(value, 1))


def _turn(one: Any, number: int, key: str) -> Message:  # noqa: ANN401 - whatever stands in the file
    if not isinstance(one, Mapping):
        raise wrong(f'turn {number} of `{key}` should be {{"role": "user", "content": "…"}}, not {one!r:.60}')
    role = str(one.get("role"))
    if role not in ROLES:
        hint = f"; '{role}' is ShareGPT's word for {SPEAKERS[role]}" if role in SPEAKERS else ""
        raise wrong(f"turn {number} of `{key}` has the role '{role}'{hint}; there is: {', '.join(ROLES)}")
    kept = {name: value for name, value in one.items() if value is not None}
    calls = bool(kept.get("tool_calls") or kept.get("function_call"))
    content = kept.get("content")
    if content is not None and not isinstance(content, str | list):
        raise wrong(f"turn {number} of `{key}`: content should be text, not {content!r:.60}")
    if not text_of(kept).strip() and not calls and role not in {"tool", "function"}:
        raise wrong(f"turn {number} of `{key}` ({role}) is empty; leave the turn out, or say something in it")
    if isinstance(content, list) and any(_is_other(part) for part in content):
        raise wrong(f"turn {number} of `{key}` holds more than text (an image, audio); only text is learned from")
    return kept | {"role": AS.get(role, role), "content": text_of(kept)}


def _is_other(part: object) -> bool:
    return not (isinstance(part, Mapping) and part.get("type") == "text")


def sharegpt_turns(value: Any) -> list[Message]:  # noqa: ANN401 - whatever stands in the file
    """Bring ShareGPT's turns to OpenAI's names.

    Raises:
        ValueError: a turn has no `from` that is known, or no `value`.
    """
    if not isinstance(value, list) or not value:
        raise wrong(f'`conversations` should be a list such as [{{"from": "human", "value": "…"}}], not {value!r:.60}')
    turns: list[Message] = []
    for number, one in enumerate(value, 1):
        if isinstance(one, Mapping) and "role" in one:
            turns.append(one)
            continue
        speaker = str(one.get("from")) if isinstance(one, Mapping) else ""
        if speaker not in SPEAKERS:
            raise wrong(f"turn {number} is from '{speaker}'; there is: {', '.join(SPEAKERS)}")
        turns.append({"role": SPEAKERS[speaker], "content": one.get("value")})
    return turns


def final_answer(value: Any, key: str) -> str:  # noqa: ANN401 - whatever stands in the file
    """Return an answer that is written as text, as one message, or as a list of one message.

    Raises:
        ValueError: it is empty, none of these, or more than one turn.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise wrong(f"`{key}` holds {len(value)} turns; it should be the one answer that is judged")
    if isinstance(value, Mapping):
        if value.get("role", "assistant") != "assistant":
            raise wrong(f"`{key}` is a turn of the {value.get('role')}; it should be the assistant's")
        value = text_of(value)
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise wrong(f"`{key}` is {value!r:.60}; an answer should be text")
    return str(value)


def shared_start(one: Any, other: Any) -> tuple[Message, ...] | None:  # noqa: ANN401 - whatever stands in the file
    """Return the turns with which two conversations begin alike: their prompt; None where they do not."""
    if not (isinstance(one, list) and isinstance(other, list)):
        return None
    count = 0
    while count < min(len(one), len(other)) - 1 and one[count] == other[count]:
        count += 1
    return conversation(one[:count], "chosen") if count else None
