"""Answers held to a JSON schema, token by token, by llguidance."""

import threading
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fourways.core.errors import InvalidRequest, MissingPackage
from fourways.engine.texts import Words

ANY_OBJECT = {"type": "object"}
"""What `json_object` asks for."""

_LAYOUT: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As Python writes JSON: a small model given the choice fills its window with blanks."""


class Grammars:
    """Makes constraints for one tokenizer; the tokenizer's own table is made at the first.

    Args:
        vocabulary: numbers in a row of logits, at least as many as the tokenizer has tokens.
    """

    def __init__(self, words: Words, vocabulary: int) -> None:
        self._words, self._vocabulary = words, vocabulary
        self._table: Any = None
        self._lock = threading.Lock()

    def constraint(self, form: Mapping[str, Any] | None) -> "Grammar | None":
        """Return what holds an answer to OpenAI's `response_format`; None where it asks for plain text.

        Raises:
            InvalidRequest: the schema is wrong, or uses what llguidance has not.
        """
        kind = (form or {}).get("type", "text")
        if kind == "text":
            return None
        schema = ANY_OBJECT if kind == "json_object" else _schema(form or {})
        try:
            import llguidance
            import llguidance.numpy
        except ImportError as error:
            raise MissingPackage("llguidance", "engine") from error
        with self._lock:
            if self._table is None:
                self._table = llguidance.LLTokenizer(
                    self._words.tokenizer.to_str(),
                    n_vocab=self._vocabulary,
                    eos_token=sorted(self._words.ends) or None,
                )
        try:
            grammar = llguidance.LLMatcher.grammar_from_json_schema(
                msgspec.json.encode(schema).decode(), defaults=_LAYOUT
            )
        except ValueError as error:
            raise InvalidRequest(f"the schema is wrong: {error}", param="response_format") from error
        matcher = llguidance.LLMatcher(self._table, grammar)
        if matcher.is_error():
            raise InvalidRequest(f"the schema is wrong: {matcher.get_error()}", param="response_format")
        return Grammar(matcher, self._vocabulary)


def _schema(form: Mapping[str, Any]) -> Mapping[str, Any]:
    if form.get("type") != "json_schema":
        msg = f"response_format.type is '{form.get('type')}'; text, json_object or json_schema would be right"
        raise InvalidRequest(msg, param="response_format")
    schema = (form.get("json_schema") or {}).get("schema")
    if not isinstance(schema, Mapping):
        raise InvalidRequest(
            "response_format.json_schema.schema is no object; a JSON schema would be right", param="response_format"
        )
    return schema


class Grammar:
    """One answer's way through a schema; see `Constraint`."""

    def __init__(self, matcher: Any, vocabulary: int) -> None:  # noqa: ANN401 - llguidance has no types of its own here
        from llguidance.numpy import allocate_token_bitmask

        self._matcher = matcher
        self._mask = allocate_token_bitmask(1, vocabulary)
        self._vocabulary = vocabulary

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens may come next."""
        from llguidance.numpy import fill_next_token_bitmask

        fill_next_token_bitmask(self._matcher, self._mask, 0)
        bits = np.unpackbits(self._mask[0].view(np.uint8), bitorder="little")
        return bits[: self._vocabulary].astype(np.bool_)

    def take(self, token: int) -> bool:
        """Go on by a token; returns whether nothing more may come."""
        self._matcher.consume_token(token)
        return bool(self._matcher.is_stopped())
