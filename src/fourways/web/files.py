"""/v1/files, for admin keys: rows to fine-tune on, sent, listed, fetched, deleted. OpenAI's shape."""

import asyncio
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import msgspec

from fourways.core.errors import InvalidRequest
from fourways.store.files import FileRow
from fourways.web.admin import query_of
from fourways.web.asgi import Exchange
from fourways.web.house import House

TEXT = (b"content-type", b"application/octet-stream")


class FileCard(msgspec.Struct, kw_only=True):
    """One file."""

    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: str = "processed"
    object: str = "file"


class FileList(msgspec.Struct, kw_only=True):
    """All files, newest first."""

    data: list[FileCard]
    has_more: bool = False
    object: str = "list"


class FileDeleted(msgspec.Struct, kw_only=True):
    """What was deleted."""

    id: str
    deleted: bool = True
    object: str = "file"


class FileQuery(msgspec.Struct, kw_only=True):
    """Which files."""

    purpose: str | None = None


class FileForm(msgspec.Struct, kw_only=True):
    """The form of POST /v1/files, as multipart/form-data."""

    file: bytes
    purpose: str


_encode = msgspec.json.Encoder().encode


async def create_file(house: House, exchange: Exchange) -> None:
    """Keep a file of rows to fine-tune on."""
    parts = form_of(await exchange.body(), exchange.asked.get(b"content-type", b""))
    if "file" not in parts or "purpose" not in parts:
        raise InvalidRequest("a file is sent as multipart/form-data with `file` and `purpose`", param="file")
    sent = parts["file"]
    purpose = parts["purpose"].content.decode(errors="replace")
    row = await asyncio.to_thread(house.files.keep, sent.filename or "rows.jsonl", purpose, sent.content)
    await exchange.reply(200, _encode(card(row)))


async def list_files(house: House, exchange: Exchange) -> None:
    """List the files."""
    query = query_of(exchange, FileQuery)
    rows = await asyncio.to_thread(house.files.list, query.purpose)
    await exchange.reply(200, _encode(FileList(data=[card(row) for row in rows])))


async def show_file(house: House, exchange: Exchange) -> None:
    """Show one file."""
    row = await asyncio.to_thread(house.files.get, exchange.params["file_id"])
    await exchange.reply(200, _encode(card(row)))


async def file_content(house: House, exchange: Exchange) -> None:
    """Send a file's bytes back."""
    content = await asyncio.to_thread(house.files.content, exchange.params["file_id"])
    await exchange.reply(200, content, TEXT)


async def delete_file(house: House, exchange: Exchange) -> None:
    """Delete a file; what was tuned on it stays as it is."""
    name = exchange.params["file_id"]
    await asyncio.to_thread(house.files.delete, name)
    await exchange.reply(200, _encode(FileDeleted(id=name)))


def card(row: FileRow) -> FileCard:
    """Describe a file."""
    return FileCard(
        id=row.id, bytes=row.bytes, created_at=int(row.created_at), filename=row.filename, purpose=row.purpose
    )


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a form."""

    content: bytes
    filename: str = ""


def form_of(body: bytes, content_type: bytes) -> dict[str, Part]:
    """Read multipart/form-data, as browsers and clients send it (RFC 7578).

    Raises:
        InvalidRequest: it is none.
    """
    if not content_type.lower().startswith(b"multipart/form-data"):
        raise InvalidRequest("the body must be multipart/form-data with `file` and `purpose`", param="file")
    message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + content_type + b"\r\n\r\n" + body)
    if not message.is_multipart():
        raise InvalidRequest("the body's parts cannot be told apart: its boundary is missing", param="file")
    found: dict[str, Part] = {}
    for one in message.iter_parts():
        name = one.get_param("name", header="content-disposition")
        payload: Any = one.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found[name] = Part(content=payload, filename=one.get_filename() or "")
    return found
