"""OpenAI's chat wire as types: requests are checked by them, the OpenAPI document is made of them."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from fourways.core.errors import InvalidRequest

Body = TypeVar("Body")
Positive = Annotated[int, Meta(ge=1)]


class MessageBody(msgspec.Struct, kw_only=True):
    """One message of a conversation; further fields (`tool_calls`, `name` …) pass through."""

    role: str
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(msgspec.Struct, kw_only=True):
    """What a stream carries besides its text."""

    include_usage: bool | None = None


class ChatExtras(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What only fourways knows.

    `variables` are values for the app's prompt template. `labels` narrow what the key may read, never widen it.
    """

    variables: dict[str, Any] = {}
    labels: list[str] | None = None


class ChatBody(msgspec.Struct, kw_only=True):
    """The body of POST /v1/chat/completions. Fields that are not listed pass through to the model."""

    model: str
    messages: Annotated[list[MessageBody], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stop: str | list[str] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    seed: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    user: str | None = None
    fourways: ChatExtras | None = None


class UsageBody(msgspec.Struct, kw_only=True):
    """Tokens of an answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int] | None = None
    completion_tokens_details: dict[str, int] | None = None


class UrlCitation(msgspec.Struct, kw_only=True):
    """OpenAI's citation: which characters of the answer stand on which source."""

    url: str
    title: str
    start_index: int
    end_index: int


class CitedPlace(msgspec.Struct, kw_only=True):
    """The place in the document, exactly: `quote` is its text from character `start` to `end`."""

    number: int
    knowledge: str
    document: str
    title: str
    quote: str
    start: int
    end: int
    headings: list[str]
    page: int | None
    link: str


class Annotation(msgspec.Struct, kw_only=True):
    """A citation on a message: OpenAI's `url_citation`, and beside it the place in our document."""

    url_citation: UrlCitation
    citation: CitedPlace
    type: str = "url_citation"


class AnswerMessage(msgspec.Struct, kw_only=True):
    """The assistant's message."""

    content: str | None
    role: str = "assistant"
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    annotations: list[Annotation] | None = None


class ChoiceBody(msgspec.Struct, kw_only=True):
    """One of the `n` choices."""

    index: int
    message: AnswerMessage
    finish_reason: str
    logprobs: dict[str, Any] | None = None


class AnswerExtras(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What fourways says of an answer. `cost_usd` is absent where no price is known, `release` where none served it."""

    trace_id: str
    app: str | None = None
    way: str | None = None
    candidate: str | None = None
    release: str | None = None
    abstained: bool = False
    cost_usd: float | None = None


class ChatCompletion(msgspec.Struct, kw_only=True):
    """A whole answer. `model` is what really answered; what was asked for stands in `fourways`."""

    id: str
    created: int
    model: str
    choices: list[ChoiceBody]
    usage: UsageBody | None = None
    fourways: AnswerExtras | None = None
    object: str = "chat.completion"


def checked(body: bytes, decoder: "msgspec.json.Decoder[Body]") -> Body:
    """Decode a body by its type.

    Raises:
        InvalidRequest: it is no JSON, too deep, or a field is wrong: the message and `param` name it.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").removeprefix(".") or None
        if param is None and reason.startswith("Object missing required field `"):
            param = reason.rpartition(" `")[2].rstrip("`")
        message = f"{param}: {reason[:1].lower()}{reason[1:]}" if param else reason
        raise InvalidRequest(message, param=param) from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deep to be read", code="invalid_json") from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8: {error}", code="invalid_json") from None
    except ValueError as error:
        raise InvalidRequest(f"the body is no JSON: {error}", code="invalid_json") from None
