"""Plain text: decoded, and nothing more."""

from fourways.knowledge.parse.base import Parsed
from fourways.knowledge.parse.decode import decode


def parse_text(data: bytes, uri: str) -> Parsed:
    """Parse a text file in whatever encoding; raises UnreadableDocument where it is binary."""
    return Parsed(title="", text=decode(data, uri=uri))
