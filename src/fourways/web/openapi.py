"""The OpenAPI document and a page of what there is, both made from the table of endpoints."""

from functools import cache
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from fourways.web.asgi import Exchange
from fourways.web.errors import STATUS, ErrorBody
from fourways.web.house import House

if TYPE_CHECKING:
    from fourways.web.endpoints import Endpoint

HTML_TYPE = (b"content-type", b"text/html; charset=utf-8")
SCHEMAS = "#/components/schemas/{name}"


@cache
def described() -> dict[str, Any]:
    """Build the OpenAPI 3.1 document of `ENDPOINTS`."""
    from fourways.web.endpoints import ENDPOINTS

    kinds = [kind for each in ENDPOINTS for kind in (each.request, each.response) if kind is not None]
    unique = list(dict.fromkeys([*kinds, ErrorBody]))
    schemas, components = msgspec.json.schema_components(unique, ref_template=SCHEMAS)
    refs = dict(zip(unique, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in ENDPOINTS:
        paths.setdefault(each.path.replace("...}", "}"), {})[each.method.lower()] = _operation(each, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fourways",
            "version": version("fourways"),
            "summary": "A company's documents and questions, answered by a language model, on OpenAI's wire.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: "Endpoint", refs: dict[Any, Any]) -> dict[str, Any]:
    open_to_all = endpoint.access.value == "anybody"
    operation: dict[str, Any] = {
        "operationId": endpoint.handle.__name__,
        "summary": endpoint.summary,
        "tags": [endpoint.path.split("/")[1]],
        "parameters": _parameters(endpoint),
        "responses": {str(endpoint.status): _good(endpoint, refs)},
        "security": [] if open_to_all else [{"key": []}],
    }
    if endpoint.request is not None:
        content = {"application/json": {"schema": refs[endpoint.request]}}
        operation["requestBody"] = {"required": True, "content": content}
    if not open_to_all:
        error = {"application/json": {"schema": refs[ErrorBody]}}
        for status in sorted({row.status for row in STATUS.values()}):
            operation["responses"][str(status)] = {"description": _kinds(status), "content": error}
    return operation


def _good(endpoint: "Endpoint", refs: dict[Any, Any]) -> dict[str, Any]:
    schema = refs[endpoint.response] if endpoint.response is not None else {}
    content: dict[str, Any] = {endpoint.kind: {"schema": schema}}
    if endpoint.path.endswith("completions"):
        content["text/event-stream"] = {
            "schema": {"type": "string", "description": "with `stream`: server-sent events"}
        }
    return {"description": "as asked", "content": content}


def _kinds(status: int) -> str:
    """Name the errors that have a status."""
    return ", ".join(sorted({row.code for row in STATUS.values() if row.status == status}))


def _parameters(endpoint: "Endpoint") -> list[dict[str, Any]]:
    found = [
        {"name": piece.strip("{.}"), "in": "path", "required": True, "schema": {"type": "string"}}
        for piece in endpoint.path.split("/")
        if piece.startswith("{")
    ]
    if endpoint.query is not None:
        _, components = msgspec.json.schema_components([endpoint.query], ref_template=SCHEMAS)
        properties = components[endpoint.query.__name__]["properties"]
        found += [{"name": name, "in": "query", "required": False, "schema": node} for name, node in properties.items()]
    return found


async def document(house: House, exchange: Exchange) -> None:
    """Show this document."""
    del house
    await exchange.reply(200, msgspec.json.encode(described()))


async def page(house: House, exchange: Exchange) -> None:
    """List the endpoints on a page."""
    del house
    rows = "".join(
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td><td>{escape(operation['summary'])}</td></tr>"
        for path, operations in described()["paths"].items()
        for method, operation in operations.items()
    )
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>fourways: the API</title>'
        "<style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:60rem;padding:0 1rem}"
        "td{padding:.2rem 1rem .2rem 0}</style><h1>fourways</h1>"
        '<p>OpenAI\'s wire: point any OpenAI client at <code>/v1</code>. The whole of it: <a href="/openapi.json">'
        f"openapi.json</a>.</p><table>{rows}</table></html>"
    )
    await exchange.reply(200, html.encode(), HTML_TYPE)
