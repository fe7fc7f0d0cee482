"""fourways as a library: an open project, without async. The loop that runs it lives in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fourways.bootstrap import House, open_house
from fourways.core.chat import Answer, ChatRequest, Message, Principal, collect
from fourways.core.data import Hit
from fourways.core.report import Report
from fourways.core.trace import Trace

if TYPE_CHECKING:
    from fourways.evals.comparing.comparison import Comparison

T = TypeVar("T")


class Session:
    """An open project. Made by `open_project`."""

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop) -> None:
        self.house = house
        self._loop = loop

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def ingest(self, *knowledge: str) -> dict[str, Mapping[str, Any]]:
        """Bring knowledge (all, where none is named) up to date with its sources; each one's result by name."""
        return self._wait(self.house.ingest(knowledge or list(self.house.project.knowledge), lambda *_: None))

    def search(
        self,
        knowledge: str,
        query: str,
        *,
        limit: int = 5,
        labels: Sequence[str] = (),
        filters: Mapping[str, Any] | None = None,
    ) -> list[Hit]:
        """Find passages, best first.

        Args:
            knowledge: which.
            query: what to look for.
            limit: passages at most.
            labels: the ACL labels whose passages may be read.
            filters: conditions on metadata, in the shape of OpenAI's vector stores.

        Raises:
            NotFound: there is no such knowledge.
        """
        library = self.house.library(knowledge)
        return list(self._wait(library.search(query, labels=frozenset(labels), limit=limit, filters=filters)))

    def chat(
        self,
        model: str,
        messages: str | Sequence[Message],
        *,
        labels: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Ask an app, a way of it (`app:way`), or a model; returns the whole answer with its citations.

        Args:
            model: any name that the API takes.
            messages: a question, or a conversation on OpenAI's wire.
            labels: the ACL labels whose passages may be read.
            options: OpenAI's, such as `temperature`.
        """
        turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        principal = Principal(labels=frozenset(labels), admin=True, user="library")
        request = ChatRequest(model=model, messages=turns, principal=principal, options=options or {})
        return self._wait(collect(self.house.gateway(request, Trace())))

    def evaluate(self, model: str, *, first: int | None = None) -> Report:
        """Measure what a name means on its app's test cases; the report is kept.

        Args:
            model: an app, `app:way`, `app@release`.
            first: only the first so many cases.

        Raises:
            InvalidSuite: a test case is wrong, or the candidate has seen it.
        """
        return self._wait(self.house.evaluator.evaluate(model, first=first))

    def compare(self, app: str, *, first: int | None = None) -> "Comparison":
        """Build every way of an app, measure all on the same test cases, and say which to take, and why.

        Args:
            app: which.
            first: only the first so many cases.
        """
        return self._wait(self.house.comparer.compare(app, lambda *_: None, first=first))


@contextmanager
def open_project(folder: str | Path) -> Iterator[Session]:
    """Open a project to be used from a program; it is closed at the end of the block.

    Raises:
        InvalidProject: the project file is wrong: every problem with file, line, key.
    """
    house = open_house(Path(folder))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fourways", daemon=True)
    thread.start()
    session = Session(house, loop)
    try:
        session._wait(house.start(background=False))  # noqa: SLF001 - its own module
        yield session
    finally:
        session._wait(house.close())  # noqa: SLF001 - its own module
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
