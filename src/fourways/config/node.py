"""What every part of the project file's tree is made of: the base node, and the types that keys share."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from fourways.config.durations import parse_duration, say_duration

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=str | float),
    PlainSerializer(say_duration, when_used="json"),
    Field(examples=["30s", "15m", "2h", "7d"]),  # no description here: it would hide the keys' own
]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Probability = Annotated[float, Field(ge=0, le=1)]


class Node(BaseModel):
    """Base of every node: frozen, and loud about keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)
