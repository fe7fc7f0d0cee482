"""Reads `fourways.yaml`: positions, ${ENV}, types, references. All problems are told at once: file, line, key."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fourways.config.environment import expand
from fourways.config.references import check_references
from fourways.config.tree import Project
from fourways.core.errors import InvalidProject, Problem

FILE_NAME = "fourways.yaml"
LONGEST_SHOWN = 60
Path_ = tuple[str | int, ...]


def load_project(folder: Path, environ: Mapping[str, str]) -> Project:
    """Read, expand and check a project's `fourways.yaml`.

    Args:
        folder: the project's folder, or the file itself.
        environ: where `${NAME}` is looked up.

    Raises:
        InvalidProject: with all problems found: unreadable YAML, unknown keys, wrong types, undefined variables,
            names that refer to nothing, files that are not there.
    """
    file = folder if folder.is_file() else folder / FILE_NAME
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        message = f"there is no {FILE_NAME} in {folder}; make one with: fourways init {folder.name or 'my-project'}"
        raise InvalidProject(message, file=str(file)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidProject(f"cannot be read: {error}", file=str(file)) from error
    return parse_project(text, file=file, environ=environ)


def parse_project(text: str, *, file: Path, environ: Mapping[str, str]) -> Project:
    """Check the text of a project file; `file` names it in messages, and its folder holds the files it names.

    Raises:
        InvalidProject: with all problems found.
    """
    name = file.name
    lines: dict[Path_, int] = {}
    problems: list[Problem] = []
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _plain(root, (), lines, problems, name)
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidProject([_yaml_problem(error, name)]) from error
    if not isinstance(data, dict):
        message = "the file must be a mapping of keys such as project, knowledge, apps"
        raise InvalidProject(message, file=name, line=1)
    data, missing = expand(data, environ)
    for path, message in missing:
        problems.append(_problem(name, lines, path, message))
    try:
        project = Project.model_validate(data)
    except ValidationError as error:
        undefined = {path for path, _ in missing}
        found = (_from_pydantic(detail, data, name, lines) for detail in error.errors(include_url=False))
        problems += [problem for path, problem in found if path not in undefined]
        raise InvalidProject(_in_order(problems)) from error
    for path, message in check_references(project, file.parent):
        problems.append(_problem(name, lines, path, message))
    if problems:
        raise InvalidProject(_in_order(problems))
    return project


def _plain(node: yaml.Node | None, path: Path_, lines: dict[Path_, int], problems: list[Problem], file: str) -> Any:  # noqa: ANN401 - any YAML value
    """Turn YAML nodes into plain values, noting each key's line and refusing doubled keys."""
    if node is None:
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, number), lines, problems, file) for number, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return yaml.SafeLoader("").construct_object(node, deep=True)
    loader = yaml.SafeLoader("")
    loader.flatten_mapping(node)
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int):
            message = "a key must be a plain word"
            problems.append(Problem(file=file, line=key_node.start_mark.line + 1, key="", message=message))
            continue
        if key in result:
            message = f"'{key}' stands twice; keep one of them"
            problems.append(Problem(file=file, line=key_node.start_mark.line + 1, key=_dotted(path), message=message))
        lines[(*path, key)] = key_node.start_mark.line + 1
        result[key] = _plain(value_node, (*path, key), lines, problems, file)
    return result


def _from_pydantic(detail: ErrorDetails, data: Any, file: str, lines: Mapping[Path_, int]) -> tuple[Path_, Problem]:  # noqa: ANN401 - any YAML value
    """Say one of pydantic's errors in the project file's own terms."""
    path = _place(detail["loc"], data)
    known = _keys_at(path[:-1], data) if detail["type"] == "extra_forbidden" else []
    message = _message(detail, known)
    return path, Problem(file=file, line=_line(lines, path), key=_dotted(path), message=message)


def _message(detail: ErrorDetails, known: list[str]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        close = get_close_matches(str(detail["loc"][-1]), known, n=1)
        return f"unknown key; did you mean '{close[0]}'?" if close else f"unknown key; known here: {', '.join(known)}"
    if kind == "missing":
        return "is required"
    if kind == "string_pattern_mismatch":
        return f"'{detail['input']}' is no good name: use lower-case letters, digits, - and _ (not first)"
    if kind == "value_error":
        return str(context["error"])
    shown = repr(detail["input"])
    shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
    return f"{detail['msg'][0].lower()}{detail['msg'][1:]}, not {shown}"


def _place(loc: tuple[int | str, ...], data: Any) -> Path_:  # noqa: ANN401 - any YAML value
    """Strip what pydantic adds to a location (union tags, `[key]`): keep the steps that exist in the data."""
    path: list[str | int] = []
    here = data
    for number, step in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(here, dict) and (step in here or (last and step != "[key]")):
            path.append(step)
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            path.append(step)
            here = here[step]
    return tuple(path)


def _keys_at(path: Path_, data: Any) -> list[str]:  # noqa: ANN401 - any YAML value
    """List the keys that the tree knows at a place."""
    nodes: list[type[BaseModel]] = [Project]
    here = data
    for step in path:
        here = here[step]
        if isinstance(step, str):
            fields = [node.model_fields[step] for node in nodes if step in node.model_fields]
            nodes = [model for field in fields for model in _models_in(field.annotation, here)] or nodes
    return sorted({name for node in nodes for name in node.model_fields})


def _models_in(annotation: Any, value: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type annotation, any YAML value
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found = [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part, value)]
    found += [model for part in getattr(annotation, "__metadata__", ()) for model in _models_in(part, value)]
    tagged = [m for m in found if isinstance(value, dict) and "type" in value and "type" in m.model_fields]
    return [
        m for m in tagged if value.get("type") in getattr(m.model_fields["type"].annotation, "__args__", ())
    ] or found


def _yaml_problem(error: Exception, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error) or "nested too deeply"
    return Problem(file=file, line=mark.line + 1 if mark else 0, key="", message=f"is no YAML: {reason}")


def _problem(file: str, lines: Mapping[Path_, int], path: Path_, message: str) -> Problem:
    return Problem(file=file, line=_line(lines, path), key=_dotted(path), message=message)


def _line(lines: Mapping[Path_, int], path: Path_) -> int:
    """Return the line of a place, or of the nearest place around it that stands in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _dotted(path: Path_) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line, problem.key))
