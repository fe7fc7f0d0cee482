"""Servers that we start, as transports: there when a request comes, counted while it answers, let go when idle."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from fourways.core.errors import Unavailable, UpstreamError, UpstreamRefused, UpstreamTimeout
from fourways.models.adapters import Adapters, Caller, Loader, Wanted
from fourways.models.child import Announced, ServerSpec
from fourways.models.kept import Clock, KeptServer
from fourways.models.pooled import PooledTransport
from fourways.models.transport import BODY_LIMIT, Deadlines, Response, Transport
from fourways.models.wire import WireTransport

IDLE = 600.0
"""Seconds after the last answer until a server is ended."""
TEND = 1.0
"""Seconds between two looks at who uses a server, at most."""
ATTEMPTS = 3
"""Servers in a row that may go away under one request before its answer begins."""


class StartedServer:
    """One server of this project, for whoever asks it. The request that finds none waits until there is one.

    Other processes of the project may use it too: each notes its use in `<name>.used`, and the owner, who alone can
    end the server, looks at that before it does. A request under way is never cut.

    Args:
        state: the project's state folder (`.fourways`).
        idle: seconds after the last answer until the server is ended.
        transport: how requests reach it.
        loader: sees to what requests want loaded.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        spec: ServerSpec,
        state: Path,
        *,
        transport: Transport,
        loader: Callable[[Caller], Loader] = Adapters,
        idle: float = IDLE,
        clock: Clock = time.monotonic,
    ) -> None:
        self.kept = KeptServer(spec, state, clock=clock)
        self.loader = loader(Caller(spec.name, transport))
        self.idle = idle
        self.keepers = 0
        """How many want it to stay up when it is idle."""
        self.former: Sequence[StartedServer] = ()
        """Servers that this one takes the place of; they end before it starts."""
        self._transport, self._clock = transport, clock
        self._used = state / f"{spec.name}.used"
        self._busy = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
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
        wanted: Wanted | None = None,
    ) -> Response:
        """Send a request to the server wherever it is; starts it, and loads the adapter, where they are not there.

        Raises:
            Unavailable: the server could not be started.
            UpstreamRefused: the adapter could not be loaded.
            UpstreamTimeout, UpstreamError: as `Transport.open` says.
        """
        self._begin(wanted)
        try:
            response = await self._open(method, url, headers, body, deadlines, wanted)
        except BaseException:
            self._end(wanted)
            raise
        return _Counted(response, lambda: self._end(wanted))

    async def close(self) -> None:
        """Leave the server as it is: it belongs to the project, and ends when that is closed."""

    async def stop(self) -> None:
        """End the server for good if it is ours."""
        if self._tending is not None:
            self._tending.cancel()
        await self.kept.stop()

    async def retire(self) -> None:
        """End the server once its last answer is given."""
        self.keepers = 0
        await self._quiet.wait()
        await self.kept.rest()

    async def _open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        deadlines: Deadlines,
        wanted: Wanted | None,
    ) -> Response:
        failed: Announced | None = None
        last: UpstreamError | None = None
        forgotten = False
        for each in self.former:
            await each.retire()
        self.former = ()
        for _ in range(ATTEMPTS):
            at = await self.kept.ready(instead_of=failed)
            try:
                if wanted is not None:
                    await self.loader.ensure(at, wanted)
                dressed = self.loader.dressed(body, wanted)
                response = await self._transport.open(
                    method, _moved(url, at), headers=headers, body=dressed, deadlines=deadlines
                )
            except (UpstreamTimeout, UpstreamRefused):
                raise
            except UpstreamError as error:
                last, failed = error, at
                continue
            if wanted is None or forgotten or response.status != HTTPStatus.NOT_FOUND:
                return response
            response.close()
            self.loader.forget(wanted.name)
            forgotten = True
        msg = f"{self.kept.spec.name} went away {ATTEMPTS} times under the same request: {last}"
        raise Unavailable(msg, retry_after=5) from last

    # ------------------------------------------------------------ use and idleness

    def _begin(self, wanted: Wanted | None) -> None:
        self._busy += 1
        self._quiet.clear()
        if wanted is not None:
            self.loader.began(wanted.name)
        self._note_use()
        if self._tending is None or self._tending.done() or self._tending.get_loop().is_closed():
            self._tending = asyncio.create_task(self._tend())

    def _end(self, wanted: Wanted | None) -> None:
        self._busy -= 1
        if not self._busy:
            self._quiet.set()
        self._last = self._clock()
        if wanted is not None:
            self.loader.ended(wanted.name)

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
        folder: the project's own; the one that `state` lies in where not given.
        transport: how requests reach them; one of its own, closed by `stop`, where not given.
        engine: our engine's program.
        idle: seconds after the last answer until a server is ended, where nobody says another number.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        state: Path,
        *,
        folder: Path | None = None,
        transport: Transport | None = None,
        engine: Sequence[str] = (sys.executable, "-m", "fourways.engine"),
        idle: float = IDLE,
        clock: Clock = time.monotonic,
    ) -> None:
        self.folder = folder or state.parent
        self.engine = engine
        self._state, self._idle, self._clock = state, idle, clock
        self._transport = transport or WireTransport({}, proxied=PooledTransport({}))
        self._open: dict[str, StartedServer] = {}

    def server(
        self, spec: ServerSpec, *, loader: Callable[[Caller], Loader] = Adapters, idle: float | None = None
    ) -> StartedServer:
        """Return the server that is started so; servers started alike are one.

        One of the same name that was started otherwise, by a project file of before, is let go first: both may not
        fit into the machine.
        """
        found = self._open.get(spec.digest)
        if found is None:
            found = StartedServer(spec, self._state, transport=self._transport, loader=loader, clock=self._clock)
            self._open[spec.digest] = found
        found.former = [each for each in self._open.values() if each is not found and each.kept.spec.name == spec.name]
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
