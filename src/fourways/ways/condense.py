"""From a conversation to one search query: by the model where one can rewrite, by rule where none can."""

import re
from collections.abc import Sequence
from dataclasses import replace

from fourways.core.chat import Answerer, ChatRequest, Message, collect, question_of, text_of
from fourways.core.errors import FourwaysError
from fourways.core.trace import Trace

POINTS_BACK = re.compile(
    r"\b(it|its|they|them|their|that|this|those|these|he|she|his|her|one|ones|there|then|same|else"
    r"|instead|er|sie|es|das|dies|diese[rsnm]?|dort|ello|eso|esa|ese|esto|allí)\b"
    r"|^\s*(and|or|but|what about|how about|und|y)\b",
    re.IGNORECASE,
)
FEW_WORDS = 4
EARLIER_TURNS = 6
LONGEST_QUERY = 600

REWRITE = """\
Rewrite the last question of this conversation so that it can be understood, and searched for, without the rest.
Keep its language. Answer with the rewritten question and nothing else.\
"""


def needs_condensing(messages: Sequence[Message]) -> bool:
    """Whether there are earlier turns that the last question may lean on."""
    return len([message for message in messages if message.get("role") == "user"]) > 1


def condense_by_rule(messages: Sequence[Message]) -> str:
    """Put the question before in front of a question that points back to it or is only a few words long."""
    questions = [text_of(message) for message in messages if message.get("role") == "user"]
    if not questions:
        return ""
    last = questions[-1]
    leans = bool(POINTS_BACK.search(last)) or len(last.split()) <= FEW_WORDS
    earlier = questions[-2] if leans and len(questions) > 1 else ""
    return f"{earlier} {last}".strip()[-LONGEST_QUERY:]


async def condense_by_model(model: Answerer, request: ChatRequest, trace: Trace) -> str:
    """Have the model rewrite the last question to stand alone; the rule's query where it cannot."""
    turns = [m for m in request.messages if m.get("role") in ("user", "assistant")][-EARLIER_TURNS:]
    shown = "\n".join(f"{message['role']}: {text_of(message)}" for message in turns)
    asked = replace(
        request,
        messages=[{"role": "system", "content": REWRITE}, {"role": "user", "content": shown}],
        options={"temperature": 0, "max_tokens": 100},
        stream=False,
    )
    with trace.span("condense") as span:
        try:
            answer = await collect(model(asked, trace))
        except FourwaysError as error:
            span.set(failed=str(error))
            return condense_by_rule(request.messages)
        query = answer.text.strip()[:LONGEST_QUERY] or question_of(request.messages)
        span.set(query=query)
    return query
