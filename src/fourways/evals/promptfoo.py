"""promptfoo's test files in our terms: its assertion types by a table, its `vars`, `defaultTest` and cells. Pure.

What has no counterpart here is an error that names the nearest thing, never skipped: a test that is not held is none.
"""

import itertools
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from fourways.evals.sheets import Place

MEASURED = 0.0
"""A threshold that every score keeps: the figure is reported and fails nothing."""
OF_A_TEST = frozenset({"vars", "assert", "description", "threshold", "options", "metadata"})
"""What a test of promptfoo's may say; the keys of our own rows are read beside them."""
MOST_COMBINATIONS = 10_000

_NAME = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_CELL = re.compile(r"(?P<type>(?:not-)?[a-z][a-z-]*)(?:\((?P<threshold>\d*\.?\d+)\))?:\s*(?P<value>.*)", re.DOTALL)


def _same(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    return value


def _several(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Return the texts that a value lists; one text lists them between commas."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _function(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Name the function of a Python file as our scorer does: file://checks.py → checks.py:get_assert."""
    if not isinstance(value, str) or not value.startswith("file://"):
        msg = "runs no Python that stands in a test file; put it in a file of the project: value: file://checks.py:name"
        raise ValueError(msg)
    path = value.removeprefix("file://")
    return path if ".py:" in path else f"{path}:get_assert"


def _agrees(value: Any) -> str:  # noqa: ANN401 - whatever stands in the file
    return f"The answer states the same facts as this and contradicts none of them: {value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What one of promptfoo's assertion types is here.

    Attributes:
        type: the scorer; `holding` where the assertion has an object for a value.
        options: the scorer's, that make it as strict as promptfoo's is.
        value: turns its value into ours; raises ValueError where it cannot.
        threshold: promptfoo's own, where none is given and it is not ours.
        scale: what one of its threshold's units is in ours.
    """

    type: str
    holding: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    value: Callable[[Any], Any] = _same
    threshold: float | None = None
    scale: float = 1.0


_STRICT = {"strict": True}

TYPES: Mapping[str, Meaning] = {
    "equals": Meaning(type="exact", holding="json_equals", options=_STRICT),
    "contains": Meaning(type="contains", options=_STRICT),
    "icontains": Meaning(type="contains"),
    "contains-any": Meaning(type="contains", options=_STRICT, value=_several),
    "icontains-any": Meaning(type="contains", value=_several),
    "contains-all": Meaning(type="contains_all", options=_STRICT, value=_several),
    "icontains-all": Meaning(type="contains_all", value=_several),
    "not-contains": Meaning(type="not_contains", options=_STRICT),
    "not-icontains": Meaning(type="not_contains"),
    "not-contains-any": Meaning(type="not_contains", options=_STRICT, value=_several),
    "not-icontains-any": Meaning(type="not_contains", value=_several),
    "starts-with": Meaning(type="starts_with"),
    "regex": Meaning(type="regex"),
    "is-json": Meaning(type="json", holding="json_schema", options=_STRICT),
    "contains-json": Meaning(type="json", holding="json_schema"),
    "similar": Meaning(type="similarity", threshold=0.75),
    "rouge-n": Meaning(type="rouge_1", threshold=0.75),
    "bleu": Meaning(type="bleu", threshold=0.5),
    "latency": Meaning(type="latency", scale=0.001),
    "cost": Meaning(type="cost"),
    "python": Meaning(type="python", value=_function),
    "llm-rubric": Meaning(type="judge"),
    "g-eval": Meaning(type="judge"),
    "model-graded-closedqa": Meaning(type="judge"),
    "factuality": Meaning(type="judge", value=_agrees),
    "model-graded-factuality": Meaning(type="judge", value=_agrees),
    "answer-relevance": Meaning(type="answer_relevance"),
    "context-faithfulness": Meaning(type="groundedness"),
    "context-recall": Meaning(type="context_recall"),
}
"""promptfoo's types whose meaning we have (promptfoo.dev/docs/configuration/expected-outputs)."""

NEAREST: Mapping[str, str] = {
    "javascript": "python",
    "webhook": "python",
    "levenshtein": "chrf",
    "meteor": "rouge_l",
    "gleu": "bleu",
    "classifier": "label",
    "moderation": "toxicity",
    "guardrails": "toxicity",
    "is-refusal": "abstention",
    "select-best": "pairwise",
    "max-score": "pairwise",
    "context-relevance": "hit",
    "word-count": "length",
    "is-valid-openai-function-call": "json_schema",
    "is-valid-openai-tools-call": "json_schema",
    "not-regex": "not_contains",
    "not-equals": "not_contains",
}
"""Types that are none of ours, and what comes nearest."""


def in_our_terms(raw: Any, place: Place, known: Collection[str], *, theirs: bool) -> dict[str, Any]:  # noqa: ANN401
    """Return an assertion as the project file has it, whichever of the two vocabularies its type is of.

    Args:
        raw: the assertion as it stands in the file.
        place: where, for messages.
        known: the scorers there are.
        theirs: whether a type that both know (`contains`, `latency`) has promptfoo's meaning.

    Raises:
        InvalidSuite: it has no type, or one that is no scorer; then the nearest one is named.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw.get("type"), str):
        raise place.wrong(f"an assertion should be such as {{type: contains, value: 14 days}}, not {raw!r:.80}")
    kind = raw["type"]
    if kind in known and not (theirs and kind in TYPES):
        return _turned(raw, Meaning(type=kind), place) if theirs else dict(raw)
    if kind in TYPES and TYPES[kind].type in known:
        return _turned(raw, TYPES[kind], place)
    names = [*known, *(name for name, meaning in TYPES.items() if meaning.type in known)]
    nearest = NEAREST.get(kind) or next(iter(get_close_matches(kind, names, n=1, cutoff=0.5)), None)
    hint = f"the nearest is '{nearest}'" if nearest else f"there is: {', '.join(sorted(known))}"
    raise place.wrong(f"there is no scorer '{kind}'; {hint}")


def _turned(raw: Mapping[str, Any], meaning: Meaning, place: Place) -> dict[str, Any]:
    said = {key: value for key, value in raw.items() if value is not None}
    kind, value = said.pop("type"), said.pop("value", None)
    holding = bool(meaning.holding) and isinstance(value, Mapping)
    try:
        made: dict[str, Any] = {"type": meaning.holding if holding else meaning.type, "value": meaning.value(value)}
    except ValueError as error:
        raise place.wrong(f"assertion '{kind}' {error}") from error
    if isinstance(made["value"], str) and made["value"].startswith("file://"):
        raise place.wrong(f"assertion '{kind}': values from files are not read; write the value itself")
    threshold = said.pop("threshold", None)
    if threshold is None:
        made["threshold"] = meaning.threshold
    elif isinstance(threshold, int | float) and not isinstance(threshold, bool):
        made["threshold"] = threshold * meaning.scale
    else:
        raise place.wrong(f"assertion '{kind}': threshold is {threshold!r:.80}; right would be a number such as 0.8")
    options = {} if made["type"] == "json_equals" else meaning.options
    made["options"] = {**options, **_mapping(said.pop("options", None), "options", place)}
    made["options"] |= _mapping(said.pop("config", None), "config", place) if meaning.type == "python" else {}
    made["metric"] = said.pop("metric", None)
    made["model"] = _model(said.pop("model", said.pop("provider", None)))
    weight = said.pop("weight", 1)
    if weight == 0 and meaning.type not in {"latency", "cost"}:
        made["threshold"] = MEASURED
    elif weight not in (0, 1):
        raise place.wrong(
            f"assertion '{kind}' has weight {weight!r}; here each must hold: leave it out, or 0 to measure"
        )
    if said:
        raise place.wrong(f"assertion '{kind}' has '{next(iter(said))}', which is not known here; leave it out")
    return {key: value for key, value in made.items() if value is not None}


def _model(said: Any) -> str | None:  # noqa: ANN401 - whatever stands in the file
    """Name a provider's model as we do: openai:chat:gpt-5 → openai/gpt-5."""
    name = said.get("id") if isinstance(said, Mapping) else said
    if not isinstance(name, str) or ":" not in name:
        return name if isinstance(name, str) else None
    return f"{name.partition(':')[0]}/{name.rpartition(':')[2]}"


# ---------------------------------------------------------------- tests


@dataclass(frozen=True, slots=True)
class Config:
    """What a promptfoo file says for all of its tests: `defaultTest`, and its prompt where it has just one."""

    default: Mapping[str, Any]
    prompt: str | None


def read_config(top: Mapping[str, Any], place: Place) -> Config:
    """Read what stands beside the tests; providers and the like are none of ours.

    Raises:
        InvalidSuite: tests stand where they are not read.
    """
    if "scenarios" in top:
        raise place.wrong("`scenarios` are not read; write them out as `tests`")
    if not isinstance(top["tests"], list):
        raise place.wrong(
            f"`tests` should be a list, not {top['tests']!r:.80}; name other files in the suite's `files`"
        )
    default = _mapping(top.get("defaultTest"), "defaultTest", place)
    prompts = top.get("prompts")
    prompts = [prompts] if isinstance(prompts, str) else prompts
    only = prompts[0] if isinstance(prompts, list) and len(prompts) == 1 else None
    plain = isinstance(only, str) and not only.startswith(("file://", "[")) and "{%" not in only
    return Config(default, only if plain else None)


def tests_of(row: Mapping[str, Any], config: Config, place: Place, known: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of our own that a test means: one for each combination of those `vars` that are lists.

    Raises:
        InvalidSuite: something in it has no counterpart here.
    """
    default = config.default

    def both(key: str, **between: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever stands in the file
        return {**_mapping(default.get(key), key, place), **between, **_mapping(row.get(key), key, place)}

    made = {key: value for key, value in row.items() if key not in OF_A_TEST}
    raw = [*_list(default.get("assert")), *_list(row.get("assert"))]
    options = both("options")
    judge = _model(options.pop("provider", None))
    if options:
        raise place.wrong(f"`options.{next(iter(options))}` of a test is not known here; leave it out")
    asserts = [in_our_terms(one, place, known, theirs=True) for one in raw]
    threshold = row.get("threshold", default.get("threshold"))
    if threshold is not None and len(asserts) != 1:
        raise place.wrong("`threshold` of a test over several assertions is not known here; give each its own")
    made["assert"] = [
        {**({"model": judge} if judge else {}), **({} if threshold is None else {"threshold": threshold}), **one}
        for one in asserts
    ]
    said = {"description": row["description"]} if row.get("description") else {}
    made["metadata"] = both("metadata", **said)
    variables = both("vars")
    lists = [name for name, value in variables.items() if isinstance(value, list)]
    if math.prod(len(variables[name]) for name in lists) > MOST_COMBINATIONS:
        raise place.wrong(f"the lists among its `vars` make more than {MOST_COMBINATIONS:,} combinations")
    for values in itertools.product(*(variables[name] for name in lists)):
        single = {**variables, **dict(zip(lists, values, strict=True))}
        yield {**made, "vars": single, **_asked(config.prompt, single, made)}


def _mapping(said: Any, key: str, place: Place) -> Mapping[str, Any]:  # noqa: ANN401 - whatever stands in the file
    if said and not isinstance(said, Mapping):
        raise place.wrong(f"`{key}` should be a mapping, not {said!r:.80}; files are not followed")
    return said or {}


def _list(said: Any) -> list[Any]:  # noqa: ANN401 - whatever stands in the file
    return said if isinstance(said, list) else [said] if said else []


def _asked(prompt: str | None, variables: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in a file's only prompt, where all that it names is given and the row does not say what is asked."""
    names = _NAME.findall(prompt or "")
    if not prompt or "input" in row or not names or prompt.count("{{") != len(names) or set(names) - set(variables):
        return {}
    return {"input": _NAME.sub(lambda match: str(variables[match[1]]), prompt)}


# ---------------------------------------------------------------- cells


def in_a_cell(cell: str) -> dict[str, Any]:
    """Read the cell of an `__expected` column: `contains: 14 days`, `similar(0.8): …`, `is-json`, else the answer."""
    text = cell.strip()
    match = _CELL.fullmatch(text)
    kind = (
        {"grade": "llm-rubric", "fn": "javascript", "eval": "javascript"}.get(match["type"], match["type"])
        if match
        else ""
    )
    if match and (kind in TYPES or kind in NEAREST):
        made: dict[str, Any] = {"type": kind, "value": match["value"] or None}
        return {**made, "threshold": float(match["threshold"])} if match["threshold"] else made
    return {"type": text} if text in {"is-json", "contains-json"} else {"type": "equals", "value": text}
