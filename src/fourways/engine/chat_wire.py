"""What a causal model is asked over HTTP: OpenAI's chat and completions, vLLM's additions to them, checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fourways.core.errors import InvalidRequest
from fourways.engine.sampling import Sampling

MAX_CHOICES, MAX_STOPS, MAX_LOGPROBS = 64, 16, 20


class StreamOptions(msgspec.Struct, kw_only=True):
    """`stream_options`."""

    include_usage: bool = False


class _Asked(msgspec.Struct, kw_only=True):
    """What both requests have."""

    model: str | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    min_tokens: int = 0
    n: int | None = None
    stop: str | list[str] | None = None
    include_stop_str_in_output: bool = False
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    ignore_eos: bool = False
    response_format: dict[str, Any] | None = None


class ChatRequest(_Asked, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: list[dict[str, Any]]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    chat_template_kwargs: dict[str, Any] | None = None


class CompletionRequest(_Asked, kw_only=True):
    """`POST /v1/completions`; a prompt may also be given as token numbers."""

    prompt: str | list[str | int | list[int]]
    logprobs: int | None = None
    echo: bool = False


class LoadAdapter(msgspec.Struct, kw_only=True):
    """`POST /v1/load_lora_adapter`, as vLLM has it."""

    lora_name: str
    lora_path: str
    load_inplace: bool = False


class UnloadAdapter(msgspec.Struct, kw_only=True):
    """`POST /v1/unload_lora_adapter`, as vLLM has it."""

    lora_name: str


Asked = ChatRequest | CompletionRequest


def choices_of(request: Asked) -> int:
    """Return how many answers are wanted; raises `InvalidRequest` outside 1 to `MAX_CHOICES`."""
    return int(_within("n", request.n if request.n is not None else 1, 1, MAX_CHOICES))


def stops_of(request: Asked) -> list[str]:
    """Return the stop strings; raises `InvalidRequest` for too many."""
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stops) > MAX_STOPS:
        raise InvalidRequest(f"stop has {len(stops)} strings; {MAX_STOPS} at most", param="stop")
    return stops


def limit_of(request: Asked, *, prompt: int, window: int) -> int:
    """Return how many tokens may be generated: what was asked for, or all that the window leaves.

    Args:
        prompt: tokens of the prompt.
        window: tokens the model reads.

    Raises:
        InvalidRequest: less than one was asked for, or more than there is room.
    """
    room = window - prompt
    if room < 1:
        msg = f"this model's maximum context length is {window} tokens; the prompt alone has {prompt}; shorten it"
        raise InvalidRequest(msg, param=_prompt_of(request), code="context_length_exceeded")
    chat = isinstance(request, ChatRequest) and request.max_completion_tokens is not None
    name = "max_completion_tokens" if chat else "max_tokens"
    asked = getattr(request, name)
    if asked is None:
        return room
    if asked < 1:
        raise InvalidRequest(f"{name} is {asked}; 1 or more would be right", param=name)
    if asked > room:
        msg = (
            f"this model's maximum context length is {window} tokens; you asked for {prompt + asked}: {prompt} in the "
            f"prompt and {asked} in the answer; shorten the prompt or ask for {room} at most"
        )
        raise InvalidRequest(msg, param=name, code="context_length_exceeded")
    return int(asked)


def _prompt_of(request: Asked) -> str:
    return "messages" if isinstance(request, ChatRequest) else "prompt"


def sampling_of(request: Asked, *, seed: int, vocabulary: int, choice: int = 0) -> Sampling:
    """Return how tokens are drawn.

    Args:
        request: as asked.
        seed: where the request gives none.
        vocabulary: numbers in a row of logits.
        choice: which of a prompt's answers it is; each has a seed of its own.

    Raises:
        InvalidRequest: a value is out of its range.
    """
    top_k = request.top_k if request.top_k is not None and request.top_k > 0 else 0
    return Sampling(
        temperature=_within("temperature", _or(request.temperature, 1.0), 0, 2),
        top_p=_within("top_p", _or(request.top_p, 1.0), 1e-6, 1),
        top_k=top_k,
        seed=choice + (request.seed if request.seed is not None else seed),
        presence=_within("presence_penalty", _or(request.presence_penalty, 0.0), -2, 2),
        frequency=_within("frequency_penalty", _or(request.frequency_penalty, 0.0), -2, 2),
        bias=_bias(request.logit_bias or {}, vocabulary),
        top_logprobs=_logprobs(request),
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _logprobs(request: Asked) -> int | None:
    if isinstance(request, CompletionRequest):
        return None if request.logprobs is None else int(_within("logprobs", request.logprobs, 0, MAX_LOGPROBS))
    if not request.logprobs:
        if request.top_logprobs:
            raise InvalidRequest("top_logprobs needs logprobs: true", param="top_logprobs")
        return None
    return int(_within("top_logprobs", request.top_logprobs or 0, 0, MAX_LOGPROBS))


def _bias(given: Mapping[str, float], vocabulary: int) -> dict[int, float]:
    try:
        bias = {int(token): _within("logit_bias", value, -100, 100) for token, value in given.items()}
    except ValueError as error:
        raise InvalidRequest("logit_bias goes by token numbers, written as strings", param="logit_bias") from error
    if any(not 0 <= token < vocabulary for token in bias):
        raise InvalidRequest(f"logit_bias names a token outside 0 to {vocabulary - 1}", param="logit_bias")
    return bias


def _within(name: str, value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise InvalidRequest(f"{name} is {value}; {least:g} to {most:g} would be right", param=name)
    return value


def prompts_of(prompt: str | Sequence[str | int | list[int]]) -> list[str | list[int]]:
    """Return a completion's prompts, each a text or token numbers; raises `InvalidRequest` for none, or a mixture."""
    if isinstance(prompt, str):
        return [prompt]
    numbers = [one for one in prompt if isinstance(one, int)]
    if not prompt or (numbers and len(numbers) < len(prompt)):
        msg = "prompt is empty or mixed; a text, token numbers, or a list of either would be right"
        raise InvalidRequest(msg, param="prompt")
    return [numbers] if numbers else [one for one in prompt if not isinstance(one, int)]
