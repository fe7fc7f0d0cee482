"""One writer for each knowledge: a lock on a file, that the system frees when its holder dies."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fourways.core.errors import Busy

_LOOK = 0.05
"""Seconds between two tries."""


@asynccontextmanager
async def locked(path: Path, *, patience: float = 0.0) -> AsyncIterator[None]:
    """Hold a file's lock; the file stays when it is let go.

    Args:
        path: the file; made where it is not there.
        patience: seconds to wait for another holder.

    Raises:
        Busy: somebody else holds it.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        waited = 0.0
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if waited >= patience:
                    name = path.name.split(".")[0]
                    raise Busy(f"'{name}' is being written by another process or task; try again later") from error
            await asyncio.sleep(_LOOK)
            waited += _LOOK
        yield
    finally:
        os.close(handle)
