"""Servers that we start, as transports: there when a request comes, counted while it answers, let go when idle."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from fourways.core.errors import Unavailable, UpstreamError, UpstreamRefused, UpstreamTimeout
from fourways.models.adapters import Adapters
from fourways.models.child import Announced, ServerSpec
from fourways.models.kept import Clock, KeptServer
from fourways.models.pooled import PooledTransport
from fourways.models.transport import BODY_LIMIT, Deadlines, Response, Transport
from fourways.models.wire import WireTransport

HERE = "http://127.0.0.1/v1"
"""Stands for a started server's address in a `ProviderClient`; its port is found when a request goes out."""
IDLE = 600.0
"""Seconds after the last answer until a server is ended."""
TEND = 1.0
"""Seconds between two looks at who uses a server, at most."""
ATTEMPTS = 3
"""Servers in a row that may go away under one request before its answer begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A low-rank adapter that a server is to have: what it calls it, and where it lies."""

    name: str
    folder: Path


class StartedServer:
    """One server of this project, for whoever asks it. The request that finds none waits until there is one.

    Other processes of the project may use it too: each notes its use in `<name>.used`, and the owner, who alone can
    end the server, looks at that before it does. A request under way is never cut.

    Args:
        state: the project's state folder (`.fourways`).
        idle: seconds after the last answer until the server is ended.
        transport: how requests reach it.
        clock: monotonic seconds.
    """

    def __init__(
        self, spec: ServerSpec, state: Path, *, transport: Transport, idle: float = IDLE, clock: Clock = time.monotonic
    ) -> None:
        self.kept = KeptServer(spec, state, clock=clock)
        self.adapters = Adapters(spec.name, transport)
        self.idle = idle
        self.keepers = 0
        """How many want it to stay up when it is idle."""
        self._transport, self._clock = transport, clock
        self._used = state / f"{spec.name}.used"
        self._busy = 0
        self._last = self._noted = clock() - 1.0
        self._tending: asyncio.Task[None] | None = None

    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        deadlines: Deadlines,
        adapter: Adapter | None = None,
    ) -> Response:
        """Send a request to the server wherever it is; starts it, and loads the adapter, where they are not there.

        Raises:
            Unavailable: the server could not be started.
            UpstreamRefused: the adapter could not be loaded.
            UpstreamTimeout, UpstreamError: as `Transport.open` says.
        """
        self._begin(adapter)
        try:
            response = await self._open(method, url, headers, body, deadlines, adapter)
        except BaseException:
            self._end(adapter)
            raise
        return _Counted(response, lambda: self._end(adapter))

    async def close(self) -> None:
        """Leave the server as it is: it belongs to the project, and ends when that is closed."""

    async def stop(self) -> None:
        """End the server for good if it is ours."""
        if self._tending is not None:
            self._tending.cancel()
        await self.kept.stop()
        self._used.unlink(missing_ok=True)

    def with_adapter(self, adapter: Adapter) -> Transport:
        """Return the way to the server for requests to one of its adapters, which is loaded when one comes."""
        return _Through(self, adapter)

    async def _open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        deadlines: Deadlines,
        adapter: Adapter | None,
    ) -> Response:
        failed: Announced | None = None
        last: UpstreamError | None = None
        for _ in range(ATTEMPTS):
            at = await self.kept.ready(instead_of=failed)
            try:
                if adapter is not None:
                    await self.adapters.ensure(at, adapter.name, adapter.folder)
                response = await self._transport.open(
                    method, _moved(url, at), headers=headers, body=body, deadlines=deadlines
                )
            except (UpstreamTimeout, UpstreamRefused):
                raise
            except UpstreamError as error:
                last, failed = error, at
                continue
            if adapter is None or response.status != HTTPStatus.NOT_FOUND:
                return response
            response.close()
            self.adapters.forget(adapter.name)
            last = UpstreamError(f"{self.kept.spec.name} does not know its adapter {adapter.name}")
        msg = f"{self.kept.spec.name} went away {ATTEMPTS} times under the same request: {last}"
        raise Unavailable(msg, retry_after=5) from last

    # ------------------------------------------------------------ use and idleness

    def _begin(self, adapter: Adapter | None) -> None:
        self._busy += 1
        if adapter is not None:
            self.adapters.began(adapter.name)
        self._note_use()
        if self._tending is None or self._tending.done() or self._tending.get_loop().is_closed():
            self._tending = asyncio.create_task(self._tend())

    def _end(self, adapter: Adapter | None) -> None:
        self._busy -= 1
        self._last = self._clock()
        if adapter is not None:
            self.adapters.ended(adapter.name)

    def _note_use(self) -> None:
        """Tell the other processes of the project; once a second is often enough."""
        self._last = self._clock()
        if self._last - self._noted >= 1.0:
            self._noted = self._last
            self._used.parent.mkdir(parents=True, exist_ok=True)
            self._used.touch()

    async def _tend(self) -> None:
        """Keep note of the use, and end the server once nobody has used it for long enough."""
        while True:
            await asyncio.sleep(min(self.idle / 4, TEND))
            if self._busy:
                self._note_use()
            elif self._clock() - self._last >= self.idle:
                if not self.kept.owned:
                    return
                if not self.keepers and not self._used_elsewhere():
                    await self.kept.rest()
                    return

    def _used_elsewhere(self) -> bool:
        try:
            return time.time() - self._used.stat().st_mtime < self.idle
        except OSError:
            return False


class _Through:
    """The way to one adapter of a server."""

    def __init__(self, server: StartedServer, adapter: Adapter) -> None:
        self._server, self._adapter = server, adapter

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", deadlines: Deadlines
    ) -> Response:
        """Send a request that names the adapter."""
        return await self._server.open(
            method, url, headers=headers, body=body, deadlines=deadlines, adapter=self._adapter
        )

    async def close(self) -> None:
        """Leave the server as it is."""


class _Counted:
    """An answer on its way that tells once when it has ended or was let go."""

    def __init__(self, inner: Response, ended: Callable[[], None]) -> None:
        self.status = inner.status
        self._inner = inner
        self._ended: Callable[[], None] | None = ended

    @property
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._inner)

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        return await self._inner.read(limit)

    def release(self) -> None:
        self._inner.release()
        self._tell()

    def close(self) -> None:
        self._inner.close()
        self._tell()

    def _tell(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()


class Servers:
    """The servers of one project, each started at its first use.

    Args:
        state: the project's state folder (`.fourways`).
        transport: how requests reach them; one of its own, closed by `stop`, where not given.
        engine: our engine's program.
        idle: seconds after the last answer until a server is ended, where nobody says another number.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        state: Path,
        *,
        transport: Transport | None = None,
        engine: Sequence[str] = (sys.executable, "-m", "fourways.engine"),
        idle: float = IDLE,
        clock: Clock = time.monotonic,
    ) -> None:
        self.engine = engine
        self._state, self._idle, self._clock = state, idle, clock
        self._transport = transport or WireTransport({}, proxied=PooledTransport({}))
        self._open: dict[str, StartedServer] = {}

    def server(self, spec: ServerSpec, *, idle: float | None = None) -> StartedServer:
        """Return the server that is started so; servers started alike are one."""
        found = self._open.get(spec.digest)
        if found is None:
            found = StartedServer(spec, self._state, transport=self._transport, idle=self._idle, clock=self._clock)
            self._open[spec.digest] = found
        found.idle = self._idle if idle is None else idle
        return found

    async def stop(self) -> None:
        """End those that are ours."""
        await asyncio.gather(*(server.stop() for server in self._open.values()))
        await self._transport.close()


def _moved(url: str, at: Announced) -> str:
    """Put a server's real place into a URL that stands for it."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{at.host}:{at.port}").geturl()
