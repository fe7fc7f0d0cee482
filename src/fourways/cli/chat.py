"""`fourways chat`: a conversation in the terminal, streamed, with its sources."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from fourways.cli.terminal import ERR, OUT, AsJson, folder_of, heading_path, milliseconds, print_json
from fourways.core.chat import ChatRequest, Chunk, Principal
from fourways.core.data import Citation
from fourways.core.errors import FourwaysError, NotFound
from fourways.core.trace import Trace

if TYPE_CHECKING:
    from fourways.bootstrap import House

HELP = "/new begins afresh · /sources shows the last sources in full · /trace shows the last trace's id · /quit ends"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("chat")(chat)


def chat(
    context: typer.Context,
    app: Annotated[
        str | None, typer.Argument(help="An app, or any name that `model` takes; the project's first app otherwise.")
    ] = None,
    way: Annotated[str | None, typer.Option(help="One of the app's ways: prompt, rag.")] = None,
    message: Annotated[str | None, typer.Option("--message", "-m", help="Ask this one question and end.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Chat as someone who may read documents with this label; repeatable.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Chat with an app: streaming, multi-turn, with the sources of each answer.

    Examples:  fourways chat   ·   fourways chat helpdesk --way rag   ·   fourways chat -m "How do I reset my password?"
    """
    principal = Principal(labels=frozenset(label or ()), admin=True, user="terminal")
    asyncio.run(_chat(folder_of(context), app, way, message, principal, as_json=as_json))


async def _chat(
    folder: Path, app: str | None, way: str | None, message: str | None, principal: Principal, *, as_json: bool
) -> None:
    from fourways.bootstrap import open_house

    house = open_house(folder)
    await house.start(background=False)
    try:
        model = _model_named(house, app, way)
        conversation = Conversation(house, model, principal, quiet=as_json)
        if message is None and sys.stdin.isatty():
            await _converse(house, conversation)
        else:
            await conversation.ask(message if message is not None else sys.stdin.read().strip())
            if as_json:
                print_json(conversation.last())
    finally:
        await house.close()


def _model_named(house: "House", app: str | None, way: str | None) -> str:
    if app is None:
        app = next(iter(house.project.apps), None)
    if app is None:
        msg = "the project has no app to chat with; add one under apps: in fourways.yaml"
        raise NotFound(msg)
    return f"{app}:{way}" if way else app


async def _converse(house: "House", conversation: "Conversation") -> None:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives the prompt its history and editing
    OUT.print(f"[bold]{conversation.model}[/] answers with {house.ambient.model}. [dim]{HELP}[/]")
    while True:
        try:
            line = (await asyncio.to_thread(OUT.input, "\n[bold cyan]you ›[/] ")).strip()
        except EOFError:
            return
        if line in {"/quit", "/exit", "/q"}:
            return
        if line.startswith("/"):
            COMMANDS.get(line, Conversation.help)(conversation)
        elif line:
            try:
                await conversation.ask(line)
            except FourwaysError as error:
                ERR.print(f"[red]error:[/] {escape(error.message)}")


class Conversation:
    """The turns so far, and how each new one is asked and shown."""

    def __init__(self, house: "House", model: str, principal: Principal, *, quiet: bool) -> None:
        self.house = house
        self.model = model
        self.principal = principal
        self.quiet = quiet
        self.messages: list[dict[str, Any]] = []
        self.citations: tuple[Citation, ...] = ()
        self.trace = Trace()

    async def ask(self, question: str) -> None:
        """Ask, stream the answer, list its sources."""
        self.messages.append({"role": "user", "content": question})
        self.trace = Trace()
        request = ChatRequest(model=self.model, messages=list(self.messages), principal=self.principal, stream=True)
        self.citations = ()
        text: list[str] = []
        try:
            async for chunk in self.house.gateway(request, self.trace):
                text.append(chunk.text)
                self._take(chunk)
        except FourwaysError:
            self.messages.pop()
            raise
        self.messages.append({"role": "assistant", "content": "".join(text)})
        if not self.quiet:
            OUT.print()
            for number, place in self._places():
                OUT.print(f"  [dim][{number}][/] {escape(place)}", soft_wrap=True)
            OUT.print(f"  [dim]{milliseconds(self.trace.elapsed)} · trace {self.trace.id[:12]}[/]")

    def _places(self) -> list[tuple[int, str]]:
        """List the places cited, each once: an answer may quote several sentences of one."""
        return list(dict.fromkeys((citation.number, _place(citation)) for citation in self.citations))

    def _take(self, chunk: Chunk) -> None:
        if chunk.citations:
            self.citations = chunk.citations
        if chunk.text and not self.quiet:
            OUT.print(chunk.text, end="", markup=False, soft_wrap=True)
            OUT.file.flush()

    def last(self) -> dict[str, Any]:
        """Return the last turn, for programs."""
        answer = self.messages[-1]["content"]
        return {"model": self.model, "answer": answer, "citations": self.citations, "trace_id": self.trace.id}

    def new(self) -> None:
        """Forget the turns so far."""
        self.messages.clear()
        OUT.print("[dim]A new conversation.[/]")

    def sources(self) -> None:
        """Show the places that the last answer rests on, in full."""
        for citation in self.citations:
            OUT.print(f"[bold][{citation.number}][/] {escape(_place(citation))}")
            OUT.print(f"    {escape(citation.quote)}  [dim](characters {citation.start}–{citation.end})[/]")

    def show_trace(self) -> None:
        """Say how to see the last trace."""
        OUT.print(f"fourways trace {self.trace.id[:12]}")

    def help(self) -> None:
        """Say what can be typed."""
        OUT.print(f"[dim]{HELP}[/]")


COMMANDS = {"/new": Conversation.new, "/sources": Conversation.sources, "/trace": Conversation.show_trace}


def _place(citation: Citation) -> str:
    path = heading_path(citation.title, citation.headings)
    page = f", page {citation.page}" if citation.page else ""
    return f"{path}{page} ({citation.document})"
