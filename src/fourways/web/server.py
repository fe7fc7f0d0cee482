"""Runs the door with uvicorn: one process, uvloop, httptools; drains within a bound when told to stop."""

import asyncio
import gc
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from fourways.core.errors import Unavailable
from fourways.web.app import application
from fourways.web.connection import Connection
from fourways.web.house import House

DRAIN_SECONDS = 20
"""Seconds that open answers have to finish once the server is told to stop."""
LAST_WORDS_SECONDS = 1.0
"""Seconds that answers cut off at the end of the drain have to say so."""
KEEP_ALIVE_SECONDS = 75
"""Seconds an idle connection stays open: longer than clients' and balancers' own, so that they close first."""
BACKLOG = 2048

YOUNG, MIDDLE, OLD = 20_000, 20, 50
"""When Python looks for reference cycles. Its own figures (700, 10, 10) cost a busy server half its time in vain."""

Ready = Callable[[str, int], None]
"""Told the host and the port once requests are answered."""


class Server(uvicorn.Server):
    """uvicorn's server over a house: opens it, says when it listens and where, closes it after the last answer."""

    def __init__(self, house: House, config: uvicorn.Config, ready: Ready | None = None) -> None:
        super().__init__(config)
        self._house = house
        self._ready = ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at a first signal, end at once at a second SIGINT; being told to end is no failure: the exit is 0."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the house, then listen.

        Raises:
            Unavailable: the address cannot be listened on; also whatever the house raises.
        """
        await self._house.start()
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn's way to say so, after a line in the log
            await self._house.close()
            asked = f"{self.config.host}:{self.config.port}"
            raise Unavailable(f"{asked} cannot be listened on; say another: fourways up --port 9000") from error
        if self.started and self._ready is not None:
            listening = self.servers[0].sockets[0].getsockname() if sockets is None else sockets[0].getsockname()
            self._ready(listening[0], listening[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let open answers finish, those cut off say so and leave their traces, then close the house."""
        await super().shutdown(sockets)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=LAST_WORDS_SECONDS)
        await self._house.close()


def server(house: House, *, host: str, port: int, ready: Ready | None = None, drain: int = DRAIN_SECONDS) -> Server:
    """Build a server that has not begun yet.

    Args:
        house: what is served; opened and closed by the server.
        host, port: where to listen; port 0 takes any free one.
        ready: told host and port once requests are answered.
        drain: seconds that open answers have to finish.
    """
    config = uvicorn.Config(
        application(house),
        host=host,
        port=port,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain,
    )
    return Server(house, config, ready)


def run(house: House, *, host: str, port: int, ready: Ready | None = None, drain: int = DRAIN_SECONDS) -> None:
    """Serve until SIGTERM or SIGINT, then let open answers finish and close the house."""

    def listening(host: str, port: int) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, OLD)
        if ready is not None:
            ready(host, port)

    running = server(house, host=host, port=port, ready=listening, drain=drain)
    with asyncio.Runner(loop_factory=running.config.get_loop_factory()) as runner:
        runner.run(running.serve())
