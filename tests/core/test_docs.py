"""The documents say what the code does."""

from pathlib import Path

from fourways.core.lifecycle import LIFECYCLES, diagram

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_diagrams_are_the_tables() -> None:
    text = (DOCS / "lifecycles.md").read_text()
    assert all(diagram(kind) in text for kind in LIFECYCLES)
