"""What a base's chat template makes of a row: the very text that is trained on, with the learned spans in it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fourways.core.chat import Message, text_of
from fourways.core.errors import InvalidRequest
from fourways.models.folders import reads
from fourways.training.data.rows import Row

if TYPE_CHECKING:
    from jinja2 import Template

_OPEN, _SHUT = "\ue0f0", "\ue0f1"
"""Stand around what is learned while a row is rendered: of Unicode's private use, so that no text has them."""
_GENERATION = re.compile(r"\{%(-?)\s*(?:end)?generation\s*(-?)%\}")
"""A tag of transformers' own that marks what is learned; it writes nothing."""
OF_READERS = "{% for message in messages %}{{ message.content }}\n\n{% endfor %}"
"""Of a base that only reads and has none: its rows as they are. It reads windows, so that no row is too long for it."""
NO_WINDOW = 10**9
"""tokenizers write huge numbers where a model has no window of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A row as a model is shown it.

    Attributes:
        learned: places in the text that are learned from, from the front.
        exact: False where the template changes the answer's own text, so that the places are only about right.
    """

    text: str
    learned: tuple[tuple[int, int], ...]
    exact: bool = True


@dataclass(frozen=True, kw_only=True)
class ChatTemplate:
    """A base's chat template.

    Attributes:
        source: Jinja, as it stands in the base's folder.
        tokens: the special tokens that it may name: bos_token, eos_token ….
        window: tokens that the base reads at a time; None where it does not say.
    """

    source: str
    tokens: Mapping[str, str]
    window: int | None = None

    @cached_property
    def template(self) -> "Template":
        """The compiled template; it can reach nothing but what it is given."""
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now(UTC).strftime(form)
        environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
        return environment.from_string(_GENERATION.sub(r"{%\1 set _ = 0 \2%}", self.source))

    def rendered(self, row: Row) -> Rendered:
        """Render a row; of two answers that are judged, the one that is wanted.

        Raises:
            ValueError: the template does not take such a conversation, and says why.
        """
        if row.text is not None:
            return Rendered(text=row.text, learned=((0, len(row.text)),))
        messages = list(row.messages)
        if row.kind != "sft":
            messages.append({"role": "assistant", "content": row.answer})
        last = len(messages) - 1
        learned = [row.kind == "sft" or number == last for number in range(len(messages))]
        marked = self._render([_marked(one) if own else one for one, own in zip(messages, learned, strict=True)], row)
        text = self._render(messages, row)
        bare, places = _unmarked(marked)
        return Rendered(text=bare, learned=places, exact=bare == text)

    def _render(self, messages: Sequence[Message], row: Row) -> str:
        from jinja2 import TemplateError

        given: dict[str, Any] = {"messages": messages, "tools": list(row.tools) or None, "add_generation_prompt": False}
        try:
            return self.template.render({**self.tokens, **given})
        except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            msg = f"the base's chat template does not take it: {error}"
            raise ValueError(msg) from error


def read_template(base: Path) -> ChatTemplate:
    """Read the chat template of a base's folder, and how much it reads at a time; a reader needs none.

    Raises:
        InvalidRequest: the folder has none, or it is no template.
    """
    from jinja2 import TemplateError

    settings = _json(base / "tokenizer_config.json")
    if reads(_json(base / "config.json")):
        return ChatTemplate(source=OF_READERS, tokens={})
    beside = base / "chat_template.jinja"
    source = beside.read_text(encoding="utf-8") if beside.is_file() else settings.get("chat_template")
    if isinstance(source, list):  # several, by name
        named = {one.get("name"): one.get("template") for one in source if isinstance(one, Mapping)}
        source = named.get("default") or next(iter(named.values()), None)
    if not isinstance(source, str):
        raise InvalidRequest(
            f"{base} has no chat template, in chat_template.jinja or in tokenizer_config.json; "
            "take a base that was tuned for chats, or write one beside it"
        )
    tokens = {name: _token(value) for name, value in settings.items() if name.endswith("_token") and value is not None}
    window = _json(base / "config.json").get("max_position_embeddings") or settings.get("model_max_length")
    found = ChatTemplate(
        source=source,
        tokens=tokens,
        window=int(window) if isinstance(window, int | float) and window < NO_WINDOW else None,
    )
    try:
        _ = found.template
    except TemplateError as error:
        raise InvalidRequest(f"the chat template of {base} is no Jinja: {error}") from error
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, OSError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}") from error
    return value if isinstance(value, dict) else {}


def _token(value: Any) -> str:  # noqa: ANN401 - text, or an object with it
    return str(value.get("content", "")) if isinstance(value, Mapping) else str(value)


def _refuse(message: str) -> NoReturn:
    """Be what templates call where a conversation does not suit them."""
    from jinja2 import TemplateError

    raise TemplateError(message)


def _marked(message: Message) -> Message:
    text = text_of(message)
    learned = message.get("role") == "assistant" and text
    return {**message, "content": f"{_OPEN}{text}{_SHUT}"} if learned else message


def _unmarked(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Take the marks out of a rendered row, and say where they stood."""
    places: list[tuple[int, int]] = []
    parts: list[str] = []
    at = 0
    for part in text.split(_OPEN):
        inside, shut, behind = part.partition(_SHUT)
        if shut:
            places.append((at, at + len(inside)))
        parts += [inside, behind]
        at += len(inside) + len(behind)
    return "".join(parts), tuple(places)
