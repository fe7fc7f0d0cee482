"""What an editor is told of the project file is what the file takes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fourways.config.durations import parse_duration, say_duration
from fourways.config.schema import project_schema
from fourways.config.tree import Project


@given(st.integers(min_value=0, max_value=10**12))
def test_a_duration_is_written_as_it_is_read(milliseconds: int) -> None:
    value = timedelta(milliseconds=milliseconds)
    assert parse_duration(say_duration(value)) == value


def test_every_default_that_is_offered_is_taken() -> None:
    retry = project_schema()["$defs"]["Retry"]["properties"]["backoff"]
    assert retry["default"] == "250ms"
    assert [text for text in _texts(project_schema()) if text.startswith("PT")] == []


def test_every_key_is_described() -> None:
    definitions = project_schema()["$defs"]
    keys = {f"{name}.{key}": node for name, each in definitions.items() for key, node in each["properties"].items()}
    bare = {key for key, node in keys.items() if "description" not in node and "$ref" not in str(node)}
    assert bare == set()


def test_a_project_written_as_json_can_be_read_again() -> None:
    project = Project.model_validate({"project": "one", "retention": {"traces": "36h"}})
    assert project.model_dump(mode="json")["retention"]["traces"] == "36h"
    assert Project.model_validate_json(project.model_dump_json()) == project


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
