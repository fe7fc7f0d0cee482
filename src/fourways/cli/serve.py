"""`fourways up`: the server, with what to try next."""

import logging
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fourways.cli.terminal import ERR, AsJson, folder_of, print_json

if TYPE_CHECKING:
    from fourways.bootstrap import House

LOG_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("up")(up)


def up(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on; the project file's otherwise.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 for any free one.")] = None,
    *,
    sync: Annotated[bool, typer.Option(help="Bring knowledge up to date at the start.")] = True,
    as_json: AsJson = False,
) -> None:
    """Serve the project's apps on an OpenAI-compatible API, until interrupted.

    Examples:  fourways up   ·   fourways up --port 9000   ·   fourways up --host 0.0.0.0 --no-sync
    """
    from fourways.bootstrap import open_house

    house = open_house(folder_of(context))
    house.sync_at_start = sync
    serve_house(house, host, port, as_json=as_json)


def serve_house(house: "House", host: str | None, port: int | None, *, as_json: bool = False) -> None:
    """Serve a house until interrupted; say where, with which model and why, and what to try."""
    from fourways.web.server import run

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=LOG_LINE)
    server = house.project.server
    asked = port if port is not None else server.port

    def ready(address: str, bound: int) -> None:
        url = _url(address, bound)
        if as_json:
            print_json({"url": url, "project": house.project.project, "model": house.ambient.model})
            sys.stdout.flush()
        else:
            _announce(house, url)

    run(house, host=host or server.host, port=asked, ready=ready)


def _url(host: str, port: int) -> str:
    """Return where a client of this machine finds the server."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - a name, not a bind
    return f"http://{name}:{port}"


def _announce(house: "House", url: str) -> None:
    app = next(iter(house.project.apps), "APP")
    key = "" if not house.keys.ring.locked else ' -H "Authorization: Bearer $FOURWAYS_KEY"'
    ERR.print(f"\n[bold green]fourways serves {house.project.project} on {url}[/]")
    ERR.print(f"  model    {house.ambient.model} [dim]({house.ambient.why})[/]", soft_wrap=True)
    if not house.keys.ring.locked:
        keyless = "none yet: this machine may ask without one; [bold]fourways key create NAME[/] ends that"
        ERR.print(f"  keys     {keyless}", soft_wrap=True)
    ERR.print("  try      ", end="")
    body = f'{{"model": "{app}", "messages": [{{"role": "user", "content": "How do I reset my password?"}}]}}'
    ERR.print(
        f"curl {url}/v1/chat/completions{key} -H 'Content-Type: application/json' -d '{body}'",
        markup=False,
        soft_wrap=True,
    )
    ERR.print("  or       ", end="")
    secret = "…" if key else "none"
    client = f'OpenAI(base_url="{url}/v1", api_key="{secret}").chat.completions.create(model="{app}", messages=[…])'
    ERR.print(client, markup=False, soft_wrap=True)
    ERR.print(f"  see      {url}/docs · {url}/metrics · [bold]fourways trace[/]   (Ctrl-C ends)\n", soft_wrap=True)
