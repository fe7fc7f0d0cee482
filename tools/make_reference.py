# ruff: noqa: INP001 - a script, no module
"""Make docs/reference from the code: `python tools/make_reference.py`; a test asserts that it was done."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from json import dumps
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fourways.cli.main import app
from fourways.config.durations import UNITS, say_duration
from fourways.config.tree import Project
from fourways.evals.datasets import FORMATS
from fourways.evals.measuring import FIGURES
from fourways.evals.perturbations import PERTURBATIONS
from fourways.evals.promptfoo import TYPES
from fourways.evals.scorers import SCORERS
from fourways.models.dialects import DIALECTS, PATHS, Dialect
from fourways.web.endpoints import ENDPOINTS, Endpoint
from fourways.web.errors import RELAYED, STATUS

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTICE = "<!-- Made by tools/make_reference.py from {source}: edit that, not this. -->\n"
PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    timedelta: "duration",
    Any: "anything",
    NoneType: "",
}
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "at least {}"}
NAMED = {"providers", "models", "knowledge", "datasets", "apps", "prices"}
"""Mappings whose keys are names that the project chooses."""

CONFIG = f"""\
# Every key of fourways.yaml

Unknown keys and wrong values stop the start, with file, line and key. A **duration** is a number of seconds, or text
with a unit ({", ".join(UNITS)}): `30s`, `1.5h`, `7d`. `NAME` is a name of your own: lower-case letters, digits, `-` and
`_`. Wherever a text stands, `${{NAME}}` is taken from the environment, `${{NAME:-default}}` with a default, and
`$${{NAME}}` stands for itself. Where no default is shown, the key is off or empty. For editors:
`fourways config schema` ([how](../project.md#completion-in-your-editor)).
"""
CLI = """\
# Every command

Every command takes `--help`. `--project FOLDER` (`-p`) stands before the verb and names the project; without it, the
nearest folder upwards with a `fourways.yaml` is taken. Exit codes: **0** done, **1** failed, **2** wrong use (a wrong
project file too), **3** the gate said no, **130** interrupted.
"""
HTTP = """\
# Every endpoint

A running server describes them with all their fields at `/openapi.json`, and for reading at `/docs`. **key**: any key
([none while none exists](../keys.md)); **admin**: a key made with `--admin`; **anybody**: no key.
"""
ERRORS = """\
# Every error

The body is OpenAI's: `{"error": {"message", "type", "param", "code"}}`. The message says what was wrong and what would
be right; `param` names the field, where there is one. Where a stream has begun, the error is its last event.
`Retry-After` is sent wherever waiting helps.
"""
RELAYING = """\
## What a provider refused

A refusal that is about the request keeps its status. One that is about our set-up (our key there, our name for its
model) becomes a 502 with `x-should-retry: false`: the caller can neither mend nor outwait it. Any other refusal is a
502 `upstream_refused`.
"""
PROVIDERS = """\
# Every dialect

What `dialect:` may say under `providers:`. Any other server that speaks OpenAI's wire is `openai` with a `base_url`. A
cloud dialect whose key variable is set, and every local one, can be named without being listed under `providers:`.
*Changed in a chat* is what is renamed, left out or bounded on the way to the provider; every other field passes
untouched.
"""

SCORING = """\
# Every scorer

What `type:` may say under `assert:`. `value` is what it compares with (the case's expected output where not given),
`threshold` from which value on an answer passes (up to which, where less is better), `metric` its name in reports,
`options` what else it takes. Where no threshold is shown, the figure is reported and fails nothing.
"""
FIGURES_OF_ALL = """\
## Measured of every suite

Whatever is asserted; a gate's rules and `primary:` name these, and every scorer, as metrics.
"""
DISTURBING = """\
## Every perturbation

What `robustness: {perturbations: [...]}` may say. After each, either the same answer must come, or no order that stood
in a passage may be obeyed.
"""
DATA_SETS = """\
## Data sets read as suites

`fourways eval MODEL --suite FILE` knows these by their shape, as they are published.
"""
PROMPTFOO = """\
## promptfoo's types

Read in promptfoo's configurations, and in our rows wherever the type has no meaning of ours.
"""

# ---------------------------------------------------------------- the project file


def config_page() -> str:
    """Every key of fourways.yaml: one table for each mapping in it."""
    places = dict(_places(Project, ""))
    sections = [_section(path, model, places) for model, path in places.items()]
    return "\n".join([NOTICE.format(source="src/fourways/config"), CONFIG, *sections])


def _places(model: type[BaseModel], path: str) -> Iterator[tuple[type[BaseModel], str]]:
    """Yield every node of the tree with the path at which it stands first, in the order of the file."""
    seen: dict[type[BaseModel], str] = {model: path}
    yield model, path
    for key, field in model.model_fields.items():
        name = field.alias or key
        step = f"{name}.NAME" if name in NAMED else f"{name}[]" if get_origin(_some(field)) is list else name
        for inner in _models_in(field.annotation):
            for found, place in _places(inner, f"{path}.{step}".lstrip(".")):
                if found not in seen:
                    seen[found] = place
                    yield found, place


def _section(path: str, model: type[BaseModel], places: Mapping[type[BaseModel], str]) -> str:
    title = _title(path, model)
    head = [f"## {title}\n", f"{(model.__doc__ or '').strip()}\n"] if path else []
    base = next((each for each in model.__mro__[1:] if each in places), None)
    fields = {n: f for n, f in model.model_fields.items() if base is None or n not in base.model_fields}
    if base is not None:
        head.append(f"Every key of {_link(base, places)}, and:\n")
    rows = [
        (f"`{field.alias or name}`", _type(field.annotation, places) + _bounds(field), _default(field), _meaning(field))
        for name, field in fields.items()
    ]
    return "\n".join([*head, _table(("key", "type", "default", "meaning"), rows)])


def _title(path: str, model: type[BaseModel]) -> str:
    kind = model.model_fields.get("type")
    if kind is not None and (values := get_args(kind.annotation)):
        return f"{path} ({values[0]})"
    told_by = next(
        (name for name, field in model.model_fields.items() if path == "datasets.NAME" and field.is_required()), ""
    )
    return f"{path} ({told_by})" if told_by else path


def _link(model: type[BaseModel], places: Mapping[type[BaseModel], str]) -> str:
    title = _title(places[model], model)
    anchor = "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"[{title}](#{anchor})"


def _type(annotation: Any, places: Mapping[type[BaseModel], str]) -> str:  # noqa: ANN401 - a type annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _link(annotation, places)
    if annotation in PLAIN:
        return PLAIN[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is list:
        return f"list of {_type(parts[0], places)}"
    if origin is dict:
        return f"mapping to {_type(parts[1], places)}"
    if hasattr(annotation, "__metadata__"):
        return _type(parts[0], places)
    if getattr(origin, "__name__", "") == "Literal" or str(origin) == "typing.Literal":
        return " or ".join(f"`{part}`" for part in parts)
    return " or ".join(filter(None, (_type(part, places) for part in parts)))


def _bounds(field: FieldInfo) -> str:
    said = [
        text.format(value)
        for each in field.metadata
        for name, text in BOUNDS.items()
        if (value := getattr(each, name, None)) is not None
    ]
    return f", {', '.join(said)}" if said else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if value is None or value in ({}, [], "") or isinstance(value, BaseModel):
        return ""
    if isinstance(value, timedelta):
        return f"`{say_duration(value)}`"
    if isinstance(value, list):
        value = [each.model_dump(mode="json", by_alias=True, exclude_defaults=True) for each in value]
    return f"`{value if isinstance(value, str) else dumps(value)}`"


def _meaning(field: FieldInfo) -> str:
    """Return what stands under the key in the tree; the inner node's own docstring where nothing does."""
    inner = [(model.__doc__ or "").strip() for model in _models_in(field.annotation)]
    return field.description or (inner[0] if inner else "")


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _some(field: FieldInfo) -> Any:  # noqa: ANN401 - a type annotation
    """Return a field's type without None."""
    parts = [part for part in get_args(field.annotation) if part is not NoneType]
    return parts[0] if len(parts) == 1 and get_origin(field.annotation) not in (list, dict) else field.annotation


# ---------------------------------------------------------------- the command line


def cli_page() -> str:
    """Every verb with its arguments and options."""
    commands = typer.main.get_command(app).commands
    verbs = [text for name, command in commands.items() for text in _verb(name, command)]
    return "\n".join([NOTICE.format(source="src/fourways/cli"), CLI, *verbs])


def _verb(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - a command of click, or of typer's copy of it
    if hasattr(command, "commands"):
        for inner, each in command.commands.items():
            yield from _verb(f"{name} {inner}", each)
        return
    said, _, examples = (command.help or "").partition("Example")
    arguments = [_metavar(p) for p in command.params if not p.opts[0].startswith("-")]
    yield f"## fourways {name}\n"
    yield f"{' '.join(said.split())}\n"
    yield f"```text\nfourways {' '.join([name, *arguments, '[OPTIONS]'])}\n```\n"
    rows = [(_spelled(p), _facts(p)) for p in command.params]
    if rows:
        yield _table(("argument or option", "meaning"), rows)
    if examples:
        lines = [line.strip() for line in examples.partition(":")[2].split("·")]
        yield "```sh\n" + "\n".join(lines) + "\n```\n"


def _metavar(param: Any) -> str:  # noqa: ANN401 - a parameter of click, or of typer's copy of it
    name = param.name.upper() + ("…" if param.nargs == -1 else "")
    return name if param.required else f"[{name}]"


def _spelled(param: Any) -> str:  # noqa: ANN401 - a parameter of click, or of typer's copy of it
    if not param.opts[0].startswith("-"):
        return f"`{param.name.upper()}`"
    value = "" if param.is_flag else f" {param.name.upper()}"
    return ", ".join(f"`{spelling}{value}`" for spelling in (*param.opts, *param.secondary_opts))


def _facts(param: Any) -> str:  # noqa: ANN401 - a parameter of click, or of typer's copy of it
    default = "" if param.default in (None, False, ()) or param.required else f" Default: `{_said(param.default)}`."
    return f"{param.help or ''}{default}"


def _said(default: object) -> str:
    return "yes" if default is True else str(default)


# ---------------------------------------------------------------- the door


def http_page() -> str:
    """Every endpoint."""
    rows = [_endpoint(each) for each in ENDPOINTS]
    table = _table(("endpoint", "who", "what"), rows)
    return "\n".join([NOTICE.format(source="src/fourways/web/endpoints.py"), HTTP, table])


def _endpoint(endpoint: Endpoint) -> tuple[str, str, str]:
    return f"`{endpoint.method} {endpoint.path}`", endpoint.access.value, endpoint.summary


def errors_page() -> str:
    """Every error, as it looks on the wire."""
    own = [
        (str(row.status), f"`{row.code}`", f"`{row.type}`", (kind.__doc__ or "").strip().partition("\n")[0])
        for kind, row in STATUS.items()
    ]
    relayed = [(str(status), str(row.status), f"`{row.code}`", f"`{row.type}`") for status, row in RELAYED.items()]
    told = _table(("status", "code", "type", "what happened"), sorted(own))
    passed_on = _table(("provider said", "status", "code", "type"), relayed)
    return "\n".join([NOTICE.format(source="src/fourways/web/errors.py"), ERRORS, told, RELAYING, passed_on])


# ---------------------------------------------------------------- models


def providers_page() -> str:
    """Every dialect."""
    rows = [_dialect(each) for each in DIALECTS.values()]
    table = _table(("dialect", "where", "key from", "model where none is named", "lacks", "changed in a chat"), rows)
    return "\n".join([NOTICE.format(source="src/fourways/models/dialects.py"), PROVIDERS, table])


def _dialect(dialect: Dialect) -> tuple[str, ...]:
    address = f"`{dialect.base_url}`" if dialect.base_url else f"`${dialect.base_url_env}`"
    keys = " or ".join(f"`{name}`" for name in dialect.key_env) or "no key needed"
    lacks = ", ".join(operation for operation in PATHS if not dialect.path(operation))  # type: ignore[arg-type]
    changed = ", ".join(_rule(each) for each in dialect.parameters)
    model = f"`{dialect.default_model}`" if dialect.default_model else ""
    return f"`{dialect.name}`", address, keys, model, lacks, changed


def _rule(rule: Any) -> str:  # noqa: ANN401 - a Parameter of the dialects
    if rule.drop:
        return f"no `{rule.name}`"
    if rule.rename:
        return f"`{rule.name}` → `{rule.rename}`"
    return f"{rule.minimum:g} ≤ `{rule.name}` ≤ {rule.maximum:g}"


# ---------------------------------------------------------------- all of them


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


# ---------------------------------------------------------------- scorers


def scorers_page() -> str:
    """Every scorer, figure, perturbation, data set, and what promptfoo's types are here."""
    scorers = [
        (f"`{one.name}`", one.line, _threshold(one.threshold, one.direction, one.unit)) for one in SCORERS.values()
    ]
    figures = [(f"`{one.name}`", one.line) for one in FIGURES.values()]
    disturbed = [(f"`{one.name}`", one.line, one.holds) for one in PERTURBATIONS.values()]
    sets = [(one.name, one.line) for one in FORMATS]
    types = [(f"`{name}`", f"`{one.type}`") for name, one in TYPES.items()]
    return "\n".join(
        [
            NOTICE.format(source="src/fourways/evals"),
            SCORING,
            _table(("type", "what it gives", "passes"), scorers),
            FIGURES_OF_ALL,
            _table(("metric", "what it is"), figures),
            DISTURBING,
            _table(("name", "what is done", "what must hold"), disturbed),
            DATA_SETS,
            _table(("data set", "what is asked"), sets),
            PROMPTFOO,
            _table(("promptfoo", "here"), types),
        ]
    )


def _threshold(threshold: float | None, direction: str, unit: str) -> str:
    if threshold is None:
        return ""
    return f"{'≥' if direction == 'higher' else '≤'} {threshold:g} {unit}".rstrip()


PAGES: Mapping[str, Callable[[], str]] = {
    "config.md": config_page,
    "cli.md": cli_page,
    "http.md": http_page,
    "errors.md": errors_page,
    "providers.md": providers_page,
    "scorers.md": scorers_page,
}


def main() -> int:
    """Write the pages; with `--check`, write nothing and end with 1 where one is not what it should be."""
    stale = []
    for name, make in PAGES.items():
        file, text = OUTPUT / name, make()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                file.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{'stale' if '--check' in sys.argv else 'written'}: {', '.join(stale) or 'none'}\n")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
