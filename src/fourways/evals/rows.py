"""One row of a test file, or a node of the project file, as a test case."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from fourways.config.testing import Assert, CaseNode
from fourways.core.chat import Message, question_of, text_of
from fourways.core.ids import canonical
from fourways.evals.cases import Assertion, Case
from fourways.evals.promptfoo import in_our_terms
from fourways.evals.scorers.wanted import written
from fourways.evals.sheets import Place

INPUTS = ("input", "question", "prompt", "query")
"""How rows call what is asked; the first is ours."""
EXPECTED = ("expected_output", "expected", "answer", "output")
"""How they call what is right."""
AS_WRITTEN = frozenset({*INPUTS, *EXPECTED, "id", "context"})
"""Keys whose values are text, whatever they look like: 14:30 is no number."""
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})

_KEYS = (*(field.alias or name for name, field in CaseNode.model_fields.items()), "messages")
_TEXT = str | int | float | bool
_ANSWERABLE = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Placed:
    """A case and where it stands."""

    place: Place
    case: Case


def read_row(row: Mapping[str, Any], *, name: str, place: Place, known: Collection[str]) -> Case:
    """Make a case of a row: `input` (or question, prompt, query; or `messages`), `expected_output` (or expected, …).

    Args:
        row: what stands in the file.
        name: the case's id where the row gives none.
        place: where it stands, for messages.
        known: the scorers there are.

    Raises:
        InvalidSuite: something in it is wrong.
    """
    said = {key: value for key, value in row.items() if value is not None}
    said = _renamed(_renamed(said, INPUTS), EXPECTED)
    unknown = next((key for key in said if key not in _KEYS), None)
    if unknown is not None:
        close = get_close_matches(unknown, _KEYS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(_KEYS)}"
        raise place.wrong(f"unknown key '{unknown}'; {hint}")
    if "messages" in said:
        said |= _conversation(said.pop("messages"), said, place)
    for key in ("expected_output", "context"):
        if key in said:
            said[key] = _texts(said[key], key, place)
    for key in ("input", "id"):
        if isinstance(said.get(key), _TEXT):
            said[key] = written(said[key])
    asserts = said.get("assert", [])
    asserts = asserts if isinstance(asserts, list) else [asserts]
    said["assert"] = [in_our_terms(one, place, known, theirs=False) for one in asserts]
    try:
        node = CaseNode.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise place.wrong(
            f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r:.80}"
        ) from error
    return from_node(node, name=name, place=place, known=known)


def from_node(node: CaseNode, *, name: str, place: Place, known: Collection[str]) -> Case:
    """Make a case of a node of the project file.

    Args:
        node: the case as it was written.
        name: its id where it has none.
        place: where it stands, for messages.
        known: the scorers there are.

    Raises:
        InvalidSuite: it asks nothing, or something in it is wrong.
    """
    variables = {key: _plain(value) for key, value in node.vars.items()}
    expected = [node.expected_output] if isinstance(node.expected_output, str) else node.expected_output or []
    context = [node.context] if isinstance(node.context, str) else node.context or []
    case = Case(
        id=node.id or name,
        messages=_messages(node, variables, place),
        expected=tuple(text for text in expected if text.strip()),
        context=tuple(text for text in context if text.strip()),
        variables=variables,
        asserts=tuple(assertion(one, place, known) for one in node.assert_),
        metadata=_metadata(node.metadata, place),
    )
    check_json(case, place)
    return case


def assertion(node: Assert, place: Place, known: Collection[str]) -> Assertion:
    """Make an assertion of a node of the project file.

    Raises:
        InvalidSuite: its type is no scorer; the nearest one is named.
    """
    said = in_our_terms(node.model_dump(exclude_none=True), place, known, theirs=False)
    return Assertion(
        type=said["type"],
        value=_plain(said.get("value")),
        threshold=said.get("threshold"),
        metric=said.get("metric", ""),
        model=said.get("model", ""),
        options=_plain(said.get("options", {})),
    )


def _renamed(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Give the first of the names that the row uses its proper one."""
    used = next((name for name in names if name in row), names[0])
    return {names[0] if key == used else key: value for key, value in row.items()}


def _conversation(messages: Any, row: Mapping[str, Any], place: Place) -> dict[str, Any]:  # noqa: ANN401
    """Take a conversation as tuning files have it: what the assistant says last is what is expected."""
    if "input" in row:
        raise place.wrong("has both `input` and `messages`; keep one of them")
    if not isinstance(messages, list) or not messages:
        raise place.wrong('`messages` should be a list such as [{"role": "user", "content": "…"}]')
    last = messages[-1]
    if not isinstance(last, Mapping) or last.get("role") != "assistant":
        return {"input": messages}
    if "expected_output" in row:
        raise place.wrong("`messages` end with an answer, and there is an `expected_output` too; keep one of them")
    return {"input": messages[:-1], "expected_output": text_of(last)}


def _texts(value: Any, key: str, place: Place) -> list[str]:  # noqa: ANN401 - whatever stands in the file
    several = value if isinstance(value, list) else [value]
    wrong = next((one for one in several if not isinstance(one, _TEXT)), None)
    if wrong is not None:
        raise place.wrong(f"`{key}` should be a text or a list of texts, not {wrong!r:.80}")
    return [written(one) for one in several]


def _messages(node: CaseNode, variables: Mapping[str, Any], place: Place) -> tuple[Message, ...]:
    if isinstance(node.input, list):
        messages = tuple(_message(one, place) for one in node.input)
        if messages and messages[-1]["role"] == "assistant":
            raise place.wrong("the conversation ends with the assistant's answer; write it as `expected_output`")
    else:
        text = node.input if node.input is not None else _named(variables)
        messages = ({"role": "user", "content": text or ""},)
    if not question_of(messages).strip():
        names = ", ".join(f"vars.{name}" for name in INPUTS)
        raise place.wrong(f"asks nothing: give it an `input` with the question (or one of {names})")
    return messages


def _named(variables: Mapping[str, Any]) -> str | None:
    """Return the variable that is the question: by its name, or because it is the only one."""
    names = [
        *(name for name in ("question", *INPUTS) if name in variables),
        *(variables if len(variables) == 1 else ()),
    ]
    said = variables[names[0]] if names else None
    return written(said) if isinstance(said, _TEXT) else None


def _message(message: Mapping[str, Any], place: Place) -> Message:
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise place.wrong(f"a message's role is {role!r}; right would be one of {', '.join(sorted(ROLES))}")
    if not isinstance(content, str | list) and not message.get("tool_calls"):
        raise place.wrong(f"a message's content should be text or a list of parts, not {content!r:.80}")
    return dict(_plain(message))


def _metadata(metadata: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Check those of the metadata that something here reads, and bring them into one form."""
    made: dict[str, Any] = _plain(metadata)
    if "answerable" in made:
        said = _ANSWERABLE.get(written(made["answerable"]).strip().lower())
        if said is None:
            raise place.wrong(f"metadata.answerable is {made['answerable']!r}; right would be true or false")
        made["answerable"] = said
    if isinstance(made.get("labels"), str):
        made["labels"] = [label.strip() for label in made["labels"].split(",") if label.strip()]
    for key in ("labels", "document", "documents"):
        given = made.get(key, "")
        several = given if isinstance(given, list) and key != "document" else [given]
        if not all(isinstance(one, str) for one in several):
            raise place.wrong(f"metadata.{key} is {given!r:.80}; right would be text{'' if key == 'document' else 's'}")
    return {key: value for key, value in made.items() if value != "" or key not in {"document", "documents"}}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Make JSON of what YAML reads: dates are text, keys are text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def check_json(case: Case, place: Place) -> None:
    """Refuse what could not be kept and sent: bytes, half a character, a million brackets."""
    asserts = [[one.value, dict(one.options)] for one in case.asserts]
    held = [case.id, list(case.messages), case.expected, case.context, dict(case.variables), asserts]
    try:
        json.dumps(dict(case.metadata), allow_nan=False)
        canonical([*held, dict(case.metadata)])
    except (TypeError, ValueError, RecursionError) as error:
        raise place.wrong(f"holds what cannot be written as JSON: {error}") from error
