"""What every source of documents is: a full listing, and the bytes of each thing listed."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_BYTES = 200_000_000
"""A larger document is not read: no parser here could hold it, and no reader would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One document as a source lists it.

    Attributes:
        uri: its name inside its knowledge, stable over syncs: a path relative to the project, or a URL.
        token: changes whenever the bytes may have (time and size, an ETag); "" where nothing is known: read it.
        link: where a reader can open it.
        acl: labels that may read it, from the project file; empty means everybody. A document's own labels
            (`Parsed.acl`) take their place where it has any.
        metadata: from the project file; a document's own values go before them.
        media_type: what a server said it is, such as text/html; None where only the name tells.
    """

    uri: str
    token: str = ""
    link: str = ""
    acl: frozenset[str] = frozenset()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media_type: str | None = None


class Source(Protocol):
    """A place documents come from."""

    def list(self) -> AsyncIterator[Item]:
        """List every document there is now; what is not listed is gone.

        A document that is there but cannot be read now is listed all the same, and `read` says why: its earlier
        version may go on answering. Raises InvalidProject where a path or URL of the project file is wrong, and
        Unavailable where the listing cannot be completed: nothing may be taken for gone then.
        """
        ...

    async def read(self, item: Item) -> bytes:
        """Return the document's bytes; raises UnreadableDocument or RefusedAddress, for this document alone."""
        ...
