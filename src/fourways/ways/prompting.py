"""Prompts: sandboxed Jinja templates with few-shot examples; a prompt's version is the digest of its parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from fourways.config.ways import Example, Examples, Prompted
from fourways.core.chat import ChatRequest, Message, question_of
from fourways.core.errors import InvalidProject, InvalidRequest
from fourways.core.ids import digest
from fourways.ways.workshop import Workshop

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A versioned prompt.

    Attributes:
        system: the system text, a Jinja template; "" for none.
        examples: shown as earlier turns of the conversation.
        nearest: how many examples are shown, those nearest to the question; None for all.
        variables: values for the template.
        output_schema: JSON Schema of the answer, or None.
    """

    system: str
    examples: tuple[Example, ...] = ()
    nearest: int | None = None
    variables: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None

    @cached_property
    def template(self) -> Template:
        """The compiled system text; it can reach nothing but its variables."""
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
        return environment.from_string(self.system)

    def system_text(self, request: ChatRequest) -> str:
        """Fill the template for a request.

        Raises:
            InvalidRequest: a variable has no value, or a value does not fit the template.
        """
        from jinja2 import TemplateError

        if "{" not in self.system:
            return self.system
        try:
            return self.template.render(
                {**self.variables, **request.variables, "question": question_of(request.messages)}
            ).strip()
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            message = f"the prompt cannot be filled: {error}; send it as fourways.variables in the request"
            raise InvalidRequest(message, param="fourways.variables") from error

    def messages(self, request: ChatRequest, examples: Sequence[Example]) -> list[Message]:
        """Put the system text and the examples before the conversation."""
        system = self.system_text(request)
        shown = [
            message
            for example in examples
            for message in (
                {"role": "user", "content": example.input},
                {"role": "assistant", "content": example.output},
            )
        ]
        return [*([{"role": "system", "content": system}] if system else []), *shown, *request.messages]

    def options(self, decoding: Mapping[str, Any], request: ChatRequest) -> dict[str, Any]:
        """Merge decoding options: the prompt's schema, the candidate's, then the request's own."""
        schema = {} if self.output_schema is None else {"response_format": _response_format(self.output_schema)}
        return {**schema, **decoding, **request.options}


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    name = str(schema.get("title", "answer"))
    return {"type": "json_schema", "json_schema": {"name": name, "schema": dict(schema), "strict": True}}


def pin_prompt(spec: Prompted, workshop: Workshop, *, otherwise: str = "") -> dict[str, Any]:
    """Read a prompt's parts from the project into the JSON that a candidate pins.

    Args:
        otherwise: the system text where the project gives none.

    Raises:
        InvalidProject: the template or the examples are wrong: file, line, what would be right.
    """
    system = workshop.project_text(spec.template) if spec.template else spec.system
    parts: dict[str, Any] = {
        "system": (otherwise if system is None else system).strip(),
        "examples": [example.model_dump() for example in read_examples(spec.examples, workshop)],
        "nearest": spec.examples.nearest,
        "variables": dict(spec.variables),
        "output_schema": spec.output_schema,
    }
    _compile(open_prompt(parts), spec.template or "the prompt's system text")
    return {**parts, "version": digest(parts)[:12]}


def open_prompt(parts: Mapping[str, Any]) -> Prompt:
    """Turn a candidate's pinned prompt back into one that can be rendered."""
    return Prompt(
        system=parts["system"],
        examples=tuple(Example.model_validate(example) for example in parts["examples"]),
        nearest=parts["nearest"],
        variables=parts["variables"],
        output_schema=parts["output_schema"],
    )


def read_examples(spec: Examples, workshop: Workshop) -> list[Example]:
    """Gather the examples of a prompt: those in the project file, then those of its examples' file."""
    if spec.file is None:
        return list(spec.cases)
    text = workshop.project_text(spec.file)
    if spec.file.endswith((".yaml", ".yml")):
        rows = [(number, row) for number, row in enumerate(_yaml(text, spec.file) or [], 1)]
    else:
        rows = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [*spec.cases, *(_example(row, spec.file, number) for number, row in rows)]


def _yaml(text: str, file: str) -> Any:  # noqa: ANN401 - any YAML value
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidProject(f"is no YAML: {error}", file=file) from error


def _example(row: Any, file: str, number: int) -> Example:  # noqa: ANN401 - a line of text, or any YAML value
    try:
        row = json.loads(row) if isinstance(row, str) else row
        return Example(input=row["input"], output=row.get("output", row.get("expected_output")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = 'is no example; it should be {"input": "a question", "output": "its answer"}'
        raise InvalidProject(message, file=file, line=number) from error


def _compile(prompt: Prompt, file: str) -> None:
    from jinja2 import TemplateSyntaxError

    try:
        _ = prompt.template
    except TemplateSyntaxError as error:
        raise InvalidProject(f"is no Jinja template: {error.message}", file=file, line=error.lineno) from error
