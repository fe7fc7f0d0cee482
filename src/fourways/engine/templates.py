"""Messages into a prompt, by the model's own chat template in jinja's sandbox, as transformers renders it."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
import jinja2.sandbox
import msgspec

from fourways.core.errors import InvalidRequest

Message = Mapping[str, Any]


class _Generation(jinja2.ext.Extension):
    """The tag `generation`, which marks what training learns from; here its body is rendered and nothing more."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _complain(message: str) -> str:
    raise jinja2.TemplateError(message)


def _json(value: object, indent: int | None = None, **_: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


class ChatTemplate:
    """A compiled chat template.

    Args:
        source: as it stands in `tokenizer_config.json` or `chat_template.jinja`.
        specials: `bos_token`, `eos_token` and their like, which templates write.
        today: for templates that say the date.
    """

    def __init__(
        self, source: str, specials: Mapping[str, str], today: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
        )
        environment.filters["tojson"] = _json
        environment.globals["raise_exception"] = _complain
        environment.globals["strftime_now"] = lambda form: today().strftime(form)
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise InvalidRequest(f"the model's chat template is no jinja: {error}") from error
        self._specials = specials

    def render(self, messages: Sequence[Message], *, tools: object = None, **more: object) -> str:
        """Return the prompt that ends where the assistant is to speak.

        Raises:
            InvalidRequest: the template refuses these messages.
        """
        try:
            return self._template.render(
                messages=[plain(message) for message in messages],
                tools=tools,
                add_generation_prompt=True,
                **{**self._specials, **more},
            )
        except jinja2.TemplateError as error:
            raise InvalidRequest(
                f"the model's chat template refuses these messages: {error}", param="messages"
            ) from error
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            msg = f"the model's chat template cannot render these messages: {type(error).__name__}: {error}"
            raise InvalidRequest(msg, param="messages") from error


def plain(message: Message) -> dict[str, Any]:
    """Join a message's parts of text; raises `InvalidRequest` for parts of another kind."""
    content = message.get("content")
    if not isinstance(content, list):
        return dict(message) | {"content": content or ""}
    kinds = {part.get("type") for part in content if isinstance(part, Mapping)}
    if kinds - {"text"}:
        raise InvalidRequest(f"content has parts of {', '.join(sorted(map(str, kinds)))}; text alone is read here")
    return dict(message) | {"content": "".join(str(part.get("text", "")) for part in content)}


@lru_cache(maxsize=4)
def read_template(folder: Path) -> ChatTemplate | None:
    """Return the folder's chat template, None where it has none."""
    settings = read_settings(folder)
    path = folder / "chat_template.jinja"
    source = path.read_text(encoding="utf-8") if path.is_file() else settings.get("chat_template")
    if isinstance(source, list):  # several by name, in older folders
        source = next((one["template"] for one in source if one.get("name") == "default"), None)
    if not source:
        return None
    specials = {name: text for name, value in settings.items() if name.endswith("_token") and (text := text_of(value))}
    return ChatTemplate(source, specials)


def read_settings(folder: Path) -> dict[str, Any]:
    """Return `tokenizer_config.json`, empty where there is none."""
    path = folder / "tokenizer_config.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) if path.is_file() else {}


def text_of(value: object) -> str | None:
    """Return a special token's text, which stands alone or in an object with its flags."""
    found = value.get("content") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else None
