"""Ending an answer early: an async generator left half-read must be closed by hand, or its upstream lives on."""

from collections.abc import AsyncIterator

from fourways.core.chat import Chunk


async def close(chunks: AsyncIterator[Chunk] | None) -> None:
    """Close an answer's chunks, which cancels whoever makes them; nothing where they have ended."""
    aclose = getattr(chunks, "aclose", None)
    if aclose is not None:
        await aclose()
