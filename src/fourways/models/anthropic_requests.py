"""OpenAI chat bodies into Anthropic's Messages bodies: tables of what is written otherwise, without I/O.

The Messages API: docs.claude.com, "Messages", "Structured outputs" (`output_config.format`), "Effort".
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from fourways.core.chat import Message
from fourways.core.errors import InvalidRequest

Json = dict[str, Any]

MAX_TOKENS = 8192
"""Sent where the request names no limit: Anthropic requires one."""

JSON_ONLY = "Answer with one JSON object and nothing else."
"""Added to the system text for `response_format: json_object`, which the wire has no field for."""

EFFORT: Mapping[str, str] = MappingProxyType({"minimal": "low"})
"""`reasoning_effort` values that Anthropic calls otherwise; the rest are the same words."""


def to_messages(body: Json) -> Json:
    """Return the Messages body of an OpenAI chat body; raises `InvalidRequest` for what it cannot say."""
    rest = dict(body)
    messages: list[Message] = rest.pop("messages")
    _refuse(rest)
    system = [
        block for m in messages if m.get("role") in {"system", "developer"} for block in _blocks(m.get("content"))
    ]
    limit = [rest.pop(name, None) for name in ("max_completion_tokens", "max_tokens")]
    out: Json = {
        "model": rest.pop("model"),
        "max_tokens": next((value for value in limit if value), MAX_TOKENS),
        "messages": _turns(messages),
    }
    for name, write in WRITERS.items():
        value = rest.pop(name, None)
        if value is not None:
            write(out, value)
    if out.pop("json_only", False):
        system.append({"type": "text", "text": JSON_ONLY})
    if system:
        out["system"] = system if len(system) > 1 or "cache_control" in system[0] else system[0]["text"]
    config = {**rest.pop("output_config", {}), **out.pop("output_config", {})}
    return {**out, **({"output_config": config} if config else {}), **rest}


def _refuse(body: Json) -> None:
    if (body.pop("n", None) or 1) != 1:
        raise InvalidRequest("Anthropic's models give one choice: leave n out, or set it to 1", param="n")
    if body.pop("logprobs", None):
        raise InvalidRequest("Anthropic's models give no logprobs: leave logprobs out", param="logprobs")
    body.pop("top_logprobs", None)


def _turns(messages: Sequence[Message]) -> list[Json]:
    """Return user and assistant turns; neighbours of one role become one turn, tool results the user's."""
    turns: list[Json] = []
    for message in messages:
        if message.get("role") in {"system", "developer"}:
            continue
        role = "assistant" if message.get("role") == "assistant" else "user"
        blocks = ROLES.get(str(message.get("role")), _said)(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _said(message: Message) -> list[Json]:
    return _blocks(message.get("content"))


def _replied(message: Message) -> list[Json]:
    calls = [
        {
            "type": "tool_use",
            "id": call["id"],
            "name": call["function"]["name"],
            "input": _arguments(call["function"].get("arguments")),
        }
        for call in message.get("tool_calls") or ()
    ]
    return [*(message.get("thinking_blocks") or ()), *_blocks(message.get("content")), *calls]


def _returned(message: Message) -> list[Json]:
    content = message.get("content")
    result = content if isinstance(content, str) else _blocks(content)
    return [{"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": result}]


ROLES: Mapping[str, Callable[[Message], list[Json]]] = MappingProxyType({"assistant": _replied, "tool": _returned})


def _arguments(text: str | None) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return msgspec.json.decode(text or "{}")
    except msgspec.DecodeError as error:
        msg = f"the arguments of a tool call must be JSON, and are not: {text!r:.200}"
        raise InvalidRequest(msg, param="messages") from error


def _blocks(content: object) -> list[Json]:
    """Return a content's blocks; Anthropic refuses empty text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    parts = content if isinstance(content, list) else []
    return [PARTS.get(str(part.get("type")), _as_it_is)(part) for part in parts if part.get("text") != ""]


def _as_it_is(part: Json) -> Json:
    return part


def _image(part: Json) -> Json:
    url = part["image_url"]["url"] if isinstance(part["image_url"], Mapping) else part["image_url"]
    return {"type": "image", "source": _source(url), **_cache(part)}


def _file(part: Json) -> Json:
    file = part["file"]
    if "file_data" not in file:
        raise InvalidRequest(
            "a file part needs file_data (a data: URL): file_id names a file of OpenAI's", param="file"
        )
    title = {"title": file["filename"]} if file.get("filename") else {}
    return {"type": "document", "source": _source(file["file_data"]), **title, **_cache(part)}


def _sound(part: Json) -> Json:  # noqa: ARG001 - one row of the table of parts
    raise InvalidRequest("Anthropic's models do not listen: leave input_audio out", param="messages")


PARTS: Mapping[str, Callable[[Json], Json]] = MappingProxyType(
    {"image_url": _image, "file": _file, "input_audio": _sound}
)


def _source(url: str) -> Json:
    """Return the source of a picture or document: a `data:` URL travels inside, any other is fetched by Anthropic."""
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    head, _, data = url.partition(",")
    return {"type": "base64", "media_type": head[5:].split(";")[0], "data": data}


def _cache(part: Json) -> Json:
    return {"cache_control": part["cache_control"]} if "cache_control" in part else {}


def _write_tools(out: Json, tools: Sequence[Json]) -> None:
    out["tools"] = [_tool(tool) for tool in tools]


def _tool(tool: Json) -> Json:
    if tool.get("type") != "function":
        return tool  # one of Anthropic's own
    function = tool["function"]
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    kept = {name: function[name] for name in ("description", "strict") if function.get(name) is not None}
    return {"name": function["name"], "input_schema": schema, **kept, **_cache(tool)}


def _write_choice(out: Json, choice: str | Json) -> None:
    kinds = {"auto": "auto", "none": "none", "required": "any"}
    if isinstance(choice, str):
        chosen: Json = {"type": kinds.get(choice, choice)}
    else:
        chosen = {"type": "tool", "name": choice["function"]["name"]} if choice.get("type") == "function" else choice
    out["tool_choice"] = {**out.get("tool_choice", {}), **chosen}


def _write_parallel(out: Json, parallel: bool) -> None:  # noqa: FBT001 - one row of a table of writers
    if not parallel and "tools" in out:
        out["tool_choice"] = {"type": "auto", **out.get("tool_choice", {}), "disable_parallel_tool_use": True}


def _write_stop(out: Json, stop: str | list[str]) -> None:
    out["stop_sequences"] = [stop] if isinstance(stop, str) else stop


def _write_user(out: Json, user: str) -> None:
    out["metadata"] = {"user_id": user}


def _write_format(out: Json, wanted: Json) -> None:
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"]["schema"]
        out["output_config"] = {**out.get("output_config", {}), "format": {"type": "json_schema", "schema": schema}}
    elif wanted.get("type") == "json_object":
        out["json_only"] = True


def _write_effort(out: Json, effort: str) -> None:
    if effort == "none":
        out["thinking"] = {"type": "disabled"}
    else:
        out["output_config"] = {**out.get("output_config", {}), "effort": EFFORT.get(effort, effort)}


WRITERS: Mapping[str, Callable[[Json, Any], None]] = MappingProxyType(
    {
        "tools": _write_tools,
        "tool_choice": _write_choice,
        "parallel_tool_calls": _write_parallel,
        "stop": _write_stop,
        "user": _write_user,
        "response_format": _write_format,
        "reasoning_effort": _write_effort,
    }
)
"""Fields of an OpenAI body that Anthropic writes otherwise."""
