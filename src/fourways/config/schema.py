"""The JSON Schema of `fourways.yaml`, for editors: what they offer is what the file takes."""

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from fourways.config.durations import say_duration
from fourways.config.tree import Project


class _Schema(GenerateJsonSchema):
    """Writes durations as people do, not as ISO 8601, which the file does not take."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        return say_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def project_schema() -> dict[str, Any]:
    """Return the schema, in draft 2020-12."""
    schema = Project.model_json_schema(schema_generator=_Schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
