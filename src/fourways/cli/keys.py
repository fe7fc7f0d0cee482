"""`fourways key`: API keys, shown once."""

import time
from typing import Annotated

import typer

from fourways.cli.terminal import OUT, AsJson, folder_of, moment, print_json, table


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
    family.command("create")(create)
    family.command("list")(list_all)
    family.command("revoke")(revoke)
    app.add_typer(family, name="key")


def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who or what it is for.")],
    app: Annotated[
        list[str] | None, typer.Option(help="An app it may use; repeat for several. Every app otherwise.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="A label (ACL) whose documents it may read; repeatable.")
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days until it expires; never otherwise.", min=0)] = None,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Let it use /api.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key, and show its secret this once.

    Examples:  fourways key create intranet --app helpdesk   ·   fourways key create hr-portal --label hr --days 90
    """
    from fourways.control.keys import make_key

    key = make_key(folder_of(context), name=name, apps=app, labels=label or [], admin=admin, days=days, now=time.time())
    if as_json:
        print_json({"id": key.id, "secret": key.secret})
        return
    OUT.print(f"{key.secret}", style="bold", soft_wrap=True)
    OUT.print(f"This is key {key.id}. Keep it now: it is kept only as a hash and cannot be shown again.", style="dim")


def list_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the keys, without their secrets.

    Example:  fourways key list
    """
    from fourways.control.keys import list_keys

    keys = list_keys(folder_of(context))
    if as_json:
        print_json(keys)
        return
    if not keys:
        OUT.print("There is no key yet; while there is none, this machine may use the server without one.")
        return
    rows = [
        (
            key.id,
            key.name,
            f"{key.prefix}…",
            "every app" if key.apps is None else ", ".join(sorted(key.apps)),
            ", ".join(sorted(key.labels)),
            "yes" if key.admin else "",
            "revoked" if key.revoked_at else moment(key.expires_at) or "never expires",
            moment(key.last_used_at),
        )
        for key in keys
    ]
    OUT.print(table("Keys", ["id", "name", "begins", "apps", "labels", "admin", "until", "last used"], rows))


def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="The key's id, as `fourways key list` shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Revoke a key: running servers refuse it within a second.

    Example:  fourways key revoke key_3f9c0a…
    """
    from fourways.control.keys import revoke_key

    key = revoke_key(folder_of(context), key_id, now=time.time())
    if as_json:
        print_json(key)
        return
    OUT.print(f"Key {key.id} ({key.name}) is revoked.")
