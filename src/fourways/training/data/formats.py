"""The forms in which people keep rows: each known by its keys, each with what a right row would be."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from fourways.core.chat import Message
from fourways.training.data.conversations import conversation, final_answer, shared_start, sharegpt_turns, wrong
from fourways.training.data.rows import Row, Source, asked_and_answered, reading

QUESTIONS = ("question", "input", "prompt", "query", "instruction", "user", "text")
ANSWERS = (
    "answer",
    "answers",
    "output",
    "expected_output",
    "completion",
    "response",
    "assistant",
    "label",
    "category",
    "intent",
)
CONTEXTS = ("context", "passage")
GROUPS = ("group", "document", "source", "customer", "user_id")
"""How pairs and tables call their columns, the likeliest first."""
GOOD: Mapping[str, bool] = dict.fromkeys(("true", "1", "+1", "up", "good", "yes", "positive", "thumbs_up"), True) | (
    dict.fromkeys(("false", "0", "-1", "down", "bad", "no", "negative", "thumbs_down"), False)
)
"""How people write a thumb."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A form of rows.

    Attributes:
        example: a right row, for messages.
        fits: whether a row with these keys is one.
        read: makes a row of what stands there; raises ValueError, which says what is wrong and what would be right.
    """

    name: str
    example: str
    fits: Callable[[Collection[str]], bool]
    read: Callable[[Values, Source], Row]


# ---------------------------------------------------------------- conversations


def _chat(values: Values, source: Source) -> Row:
    messages = conversation(values["messages"], "messages")
    if not any(one["role"] == "assistant" and one["content"].strip() for one in messages):
        raise wrong('no turn is the assistant\'s, with text; an answer would be {"role": "assistant", "content": "…"}')
    while messages[-1]["role"] != "assistant" or not messages[-1]["content"].strip():
        messages = messages[:-1]
    return Row(source=source, messages=messages, tools=_tools(values))


def _sharegpt(values: Values, source: Source) -> Row:
    turns = sharegpt_turns(values.get("conversations", values.get("conversation")))
    system = values.get("system")
    leading = ({"role": "system", "content": system},) if isinstance(system, str) and system else ()
    return _chat({"messages": [*leading, *turns], "tools": values.get("tools")}, source)


def _alpaca(values: Values, source: Source) -> Row:
    more = values.get("input")
    asked = _said(values, "instruction") + (f"\n\n{more}" if isinstance(more, str) and more.strip() else "")
    system = values.get("system")
    turns: list[Message] = [{"role": "system", "content": system}] if isinstance(system, str) and system else []
    for pair in values.get("history") or ():
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:  # noqa: PLR2004 - question, answer
            raise wrong(f'`history` should be pairs such as [["question", "answer"]], not {pair!r:.60}')
        turns += asked_and_answered(str(pair[0]), str(pair[1]))
    return Row(source=source, messages=(*turns, *asked_and_answered(asked, _said(values, "output"))))


# ---------------------------------------------------------------- judged answers


def _preference(values: Values, source: Source) -> Row:
    better, worse = values["chosen"], values["rejected"]
    if "prompt" in values or "messages" in values or "question" in values:
        key = next(name for name in ("prompt", "messages", "question") if name in values)
        return _preferred(_asked(values[key], key), better, worse, values, source)
    start = shared_start(better, worse)
    if start is None:
        raise wrong("has no `prompt`, and `chosen` and `rejected` are no conversations that begin alike")
    return _preferred(start, better[len(start) :], worse[len(start) :], values, source)


def _openai_preference(values: Values, source: Source) -> Row:
    asked = values["input"]
    messages = asked.get("messages") if isinstance(asked, Mapping) else None
    tools = asked.get("tools") if isinstance(asked, Mapping) else None
    asked_messages = _asked(messages, "input.messages")
    return _preferred(
        asked_messages, values["preferred_output"], values["non_preferred_output"], {"tools": tools}, source
    )


def _preferred(asked: tuple[Message, ...], better: Any, worse: Any, values: Values, source: Source) -> Row:  # noqa: ANN401
    chosen, rejected = final_answer(better, "chosen"), final_answer(worse, "rejected")
    if chosen.split() == rejected.split():
        raise wrong("`chosen` and `rejected` are the same; nothing can be learned from that")
    return Row(source=source, messages=asked, chosen=chosen, rejected=rejected, tools=_tools(values))


def _thumbs(values: Values, source: Source) -> Row:
    key = next((name for name in ("prompt", "messages", *QUESTIONS) if name in values), None)
    if key is None:
        raise wrong("has a `label` and a `completion`, but no `prompt` that was answered")
    said = next(values[name] for name in ("completion", "answer", "response") if name in values)
    mark = next(values[name] for name in ("label", "thumb", "rating") if name in values)
    label = GOOD.get(str(mark).strip().lower())
    if label is None:
        raise wrong(f"label is {mark!r}; right would be true or false (or 1, -1, up, down, good, bad)")
    asked = _asked(values[key], key)
    return Row(source=source, messages=asked, completion=final_answer(said, "completion"), label=label)


# ---------------------------------------------------------------- pairs, and text as such


def _pair(values: Values, source: Source) -> Row:
    asked, answered = first_of(values, QUESTIONS), first_of(values, ANSWERS)
    if asked is None or answered is None or asked == answered:
        raise wrong(
            f"has no {'question' if asked is None else 'answer'}; there is: {', '.join(values)}. "
            'Name the columns: columns: {question: "…", answer: "…"}'
        )
    question, answer = _said(values, asked), values[answered]
    context = next((values[name] for name in CONTEXTS if isinstance(values.get(name), str)), "")
    if isinstance(answer, Mapping):  # SQuAD's {"text": [...], "answer_start": [...]}
        answer = answer.get("text")
    if isinstance(answer, list):
        answer = next((one for one in answer if isinstance(one, str) and one.strip()), "")
    if not isinstance(answer, str | int | float) or not str(answer).strip():
        raise wrong(f"`{answered}` is {answer!r:.60}; an answer should be text")
    shown = reading(context, question) if context.strip() else question
    system = values.get("system")
    row = Row(source=source, messages=asked_and_answered(shown, str(answer)), passage=context)
    if isinstance(system, str) and system.strip():
        row = replace(row, messages=({"role": "system", "content": system}, *row.messages))
    return row


def _text(values: Values, source: Source) -> Row:
    return Row(source=source, text=_said(values, "text"))


def first_of(values: Collection[str], names: Sequence[str]) -> str | None:
    """Return the first of the names that is there, whatever its case."""
    plain = {name.lower(): name for name in values}
    return next((plain[name] for name in names if name in plain), None)


def _asked(value: Any, key: str) -> tuple[Message, ...]:  # noqa: ANN401 - whatever stands in the file
    if isinstance(value, str):
        if not value.strip():
            raise wrong(f"`{key}` is empty; it should be what was asked")
        return ({"role": "user", "content": value},)
    messages = conversation(value, key)
    if messages[-1]["role"] == "assistant":
        raise wrong(f"`{key}` ends with an answer; it should end with what was asked")
    return messages


def _said(values: Values, key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise wrong(f"`{key}` is {value!r:.60}; it should be text")
    return str(value)


def _tools(values: Values) -> tuple[Mapping[str, Any], ...]:
    tools = values.get("tools")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools)
        except ValueError as error:
            raise wrong(f"`tools` is no JSON: {error}") from error
    if tools and not (isinstance(tools, list) and all(isinstance(one, Mapping) for one in tools)):
        raise wrong(f'`tools` should be a list such as [{{"type": "function", …}}], not {tools!r:.60}')
    return tuple(tools or ())


def group_of(values: Values) -> str:
    """Return what a row says of the group that it belongs to."""
    key = first_of(values, GROUPS)
    value = values[key] if key is not None else None
    return value if isinstance(value, str) else ""


def _paired(keys: Collection[str]) -> bool:
    asked, answered = first_of(keys, QUESTIONS), first_of(keys, ANSWERS)
    return asked is not None and answered is not None


def _has(*names: str) -> Callable[[Collection[str]], bool]:
    return lambda keys: set(names) <= set(keys)


_LABELS, _COMPLETIONS = {"label", "thumb", "rating"}, {"completion", "answer", "response"}

FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            name="preference",
            example='{"prompt": "Which port?", "chosen": "51820", "rejected": "I do not know."}',
            fits=_has("chosen", "rejected"),
            read=_preference,
        ),
        Format(
            name="openai_preference",
            example='{"input": {"messages": […]}, "preferred_output": […], "non_preferred_output": […]}',
            fits=_has("input", "preferred_output", "non_preferred_output"),
            read=_openai_preference,
        ),
        Format(
            name="kto",
            example='{"prompt": "Which port?", "completion": "51820", "label": true}',
            fits=lambda keys: bool(_LABELS & set(keys) and _COMPLETIONS & set(keys)),
            read=_thumbs,
        ),
        Format(
            name="chat",
            example='{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
            fits=_has("messages"),
            read=_chat,
        ),
        Format(
            name="sharegpt",
            example='{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}',
            fits=lambda keys: bool({"conversations", "conversation"} & set(keys)),
            read=_sharegpt,
        ),
        Format(
            name="alpaca",
            example='{"instruction": "…", "input": "", "output": "…"}',
            fits=_has("instruction", "output"),
            read=_alpaca,
        ),
        Format(
            name="pairs",
            example='{"question": "Which port does the VPN use?", "answer": "51820"}',
            fits=_paired,
            read=_pair,
        ),
        Format(name="text", example='{"text": "…"}', fits=_has("text"), read=_text),
    )
}
"""Looked at in this order: the first that fits a file's rows is its format."""


def format_named(name: str) -> Format:
    """Return a format by its name.

    Raises:
        ValueError: there is none; says which there are.
    """
    if name in FORMATS:
        return FORMATS[name]
    close = get_close_matches(name, FORMATS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there is: {', '.join(FORMATS)}"
    raise wrong(f"there is no format '{name}'; {hint}")
