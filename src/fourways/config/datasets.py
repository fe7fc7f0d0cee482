"""The part of the project file that names rows to learn from: files, what a knowledge says, what people said."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from fourways.config.node import Name, Node, Probability

FormatName = Literal["chat", "sharegpt", "alpaca", "preference", "openai_preference", "kto", "pairs", "text"]


class _Dataset(Node):
    """What all kinds of datasets have in common."""

    valid: Probability = 0.1
    """The share of rows that is watched and never learned from; whole groups (documents) go there."""
    seed: int = 1
    """Another seed, another parting."""
    system: str = ""
    """A system text put before every conversation that has none: the one the tuned model will be served with."""
    licence: str = ""
    """Under which licence or by which right the rows may be learned from; the model card names it."""


class FilesDataset(_Dataset):
    """Rows that lie in files."""

    files: list[str] = Field(min_length=1)
    """Files and globs, relative to the project: JSON Lines, JSON, CSV, Parquet, plain text, Markdown."""
    format: FormatName | None = None
    """The form of the rows; told by their content where not given."""
    columns: dict[Literal["question", "answer", "context", "system", "group", "text"], str] = {}
    """Which column is what, where their names do not say it: {question: body, answer: queue, group: customer}."""


class KnowledgeDataset(_Dataset):
    """Questions with their answers, made from a knowledge's documents."""

    knowledge: Name
    """Which knowledge; its newest snapshot is read."""
    model: str | None = None
    """The model that writes the questions; made from the text by rules where not given."""
    per_passage: int = Field(default=40, ge=1, le=500)
    """Pairs made from one passage, at most."""
    context: bool | Literal["both"] = False
    """Whether the passage stands before its question (a model that reads) or not (one that remembers); or both."""
    labels: list[str] = []
    """Read documents with these labels too; only what everybody may read otherwise."""


class FeedbackDataset(_Dataset):
    """What people said of an app's answers."""

    feedback: Name
    """Which app."""
    kind: Literal["sft", "dpo", "kto"] = "sft"
    """Good and corrected answers; pairs of a better and a worse one; thumbs up and down."""


_KINDS = ("files", "knowledge", "feedback")


def _kind(value: Any) -> str:  # noqa: ANN401 - whatever stands in the file
    keys = value if isinstance(value, dict) else dir(value)
    return next((f"of {kind}" for kind in _KINDS if kind in keys), "")


Dataset = Annotated[
    Annotated[FilesDataset, Tag("of files")]
    | Annotated[KnowledgeDataset, Tag("of knowledge")]
    | Annotated[FeedbackDataset, Tag("of feedback")],
    Discriminator(
        _kind,
        custom_error_type="unknown_dataset",
        custom_error_message="a dataset needs one of: files, knowledge, feedback",
    ),
]
