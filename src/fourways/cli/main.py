"""`fourways`: the verbs, and how an error ends: one line that says what was wrong and what would be right."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fourways.cli import (
    chat,
    compare,
    config,
    data,
    demo,
    doctor,
    evaluate,
    init,
    keys,
    knowledge,
    plan,
    release,
    serve,
    traces,
    tune,
    weights,
)
from fourways.cli.terminal import ERR, FAILED, WRONG_USE
from fourways.core.errors import FourwaysError, InvalidProject, InvalidRequest, InvalidSuite, NotFound
from fourways.core.trace import describe

WRONG_USES = (InvalidProject, InvalidRequest, InvalidSuite, NotFound)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A company's documents and questions, answered by a language model in each of four ways, measured and shipped "
    "behind one API.\n\nBegin with: [bold]fourways init my-project --sample helpdesk[/], then in that folder "
    "[bold]fourways ingest[/], [bold]fourways chat[/], [bold]fourways up[/].",
)


@app.callback()
def _options(
    context: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project", "-p", help="The project's folder; otherwise the nearest one upwards.", file_okay=False
        ),
    ] = None,
) -> None:
    context.obj = project


FAMILIES = (
    *(init, demo, doctor, knowledge, serve, chat, evaluate, compare, release),
    *(data, plan, tune, weights, traces, keys, config),
)
for family in FAMILIES:
    family.register(app)


def main() -> None:
    """Run the command line; exit 0 done, 1 failed, 2 wrong use."""
    try:
        app()
    except FourwaysError as error:
        for line in error.message.splitlines():
            ERR.print("[red]error:[/] ", end="")
            ERR.print(line, markup=False, soft_wrap=True)
        sys.exit(WRONG_USE if isinstance(error, WRONG_USES) else FAILED)
    except Exception as error:
        if os.environ.get("FOURWAYS_TRACEBACK"):
            raise
        ERR.print(f"[red]error:[/] {escape(describe(error))}", soft_wrap=True)
        ERR.print("That is a fault of fourways itself; FOURWAYS_TRACEBACK=1 shows where.", style="dim")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
