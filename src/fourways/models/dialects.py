"""What differs between providers, as data: where they are, how their key is sent, what they call a parameter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from fourways.core.errors import InvalidProject, NotFound

Operation = Literal["chat", "completions", "embeddings", "rerank", "models"]

PATHS: Mapping[str, str] = MappingProxyType(
    {
        "chat": "/chat/completions",
        "completions": "/completions",
        "embeddings": "/embeddings",
        "rerank": "/rerank",
        "models": "/models",
    }
)
"""Below the base URL; `{model}` is filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """How one field of an OpenAI body becomes the provider's. Fields without a rule pass through untouched.

    Attributes:
        name: the field.
        rename: what the provider calls it; an own value under that name goes before.
        drop: leave it out: the provider refuses the field, and the answer means the same without it.
        minimum, maximum: numbers outside are moved to the bound.
    """

    name: str
    rename: str = ""
    drop: bool = False
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one kind of server is spoken to.

    Attributes:
        base_url: where its API begins; "" where every customer has an own address.
        base_url_env: the environment variable that names the address instead.
        key_env: environment variables that may hold the key, first found first taken.
        key_header, key_prefix: how the key is sent.
        headers, query: sent with every request.
        paths: what differs from `PATHS`; an absolute URL stands for itself, "" means there is no such operation.
        parameters: what differs in a chat's body.
        wire: which codec reads and writes its chats.
        local: runs on the company's own machines: needs no key, costs nothing.
        default_model: asked where nobody names one.
        prices: its name in the genai-prices table.
        owned_by: what its `/models` says of every model: how a server found on a port is recognised.
    """

    name: str
    base_url: str = ""
    base_url_env: str = ""
    key_env: tuple[str, ...] = ()
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    wire: Literal["openai", "anthropic"] = "openai"
    local: bool = False
    default_model: str = ""
    prices: str = ""
    owned_by: str = ""

    def path(self, operation: Operation) -> str:
        """Return the operation's path template; "" where the provider has no such operation."""
        return self.paths.get(operation, PATHS[operation])


def _drop(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name=name, drop=True) for name in names)


_OLD_LIMIT = Parameter(name="max_completion_tokens", rename="max_tokens")

# In the order in which the ambient choice looks for keys.
_ALL = (
    Dialect(
        name="openai",
        base_url="https://api.openai.com/v1",
        key_env=("OPENAI_API_KEY",),
        default_model="gpt-6.1-terra",
        prices="openai",
    ),
    Dialect(
        name="anthropic",
        base_url="https://api.anthropic.com/v1",
        key_env=("ANTHROPIC_API_KEY",),
        key_header="x-api-key",
        key_prefix="",
        headers={"anthropic-version": "2023-06-01"},
        paths={"chat": "/messages", "completions": "", "embeddings": "", "rerank": ""},
        wire="anthropic",
        parameters=(Parameter(name="temperature", minimum=0.0, maximum=1.0),),
        default_model="claude-sonnet-5-5",
        prices="anthropic",
    ),
    Dialect(
        name="azure",
        base_url_env="AZURE_OPENAI_ENDPOINT",
        key_env=("AZURE_OPENAI_API_KEY",),
        key_header="api-key",
        key_prefix="",
        query={"api-version": "2024-10-21"},
        paths={
            "chat": "/openai/deployments/{model}/chat/completions",
            "completions": "/openai/deployments/{model}/completions",
            "embeddings": "/openai/deployments/{model}/embeddings",
            "rerank": "",
            "models": "/openai/models",
        },
        prices="azure",
    ),
    Dialect(
        name="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        default_model="gemini-3.8-flash",
        prices="google",
    ),
    Dialect(
        name="mistral",
        base_url="https://api.mistral.ai/v1",
        key_env=("MISTRAL_API_KEY",),
        # Answers 422 to a field it does not know; usage comes with the last frame unasked.
        parameters=(
            Parameter(name="seed", rename="random_seed"),
            _OLD_LIMIT,
            *_drop("stream_options", "user", "store"),
        ),
        default_model="mistral-medium-latest",
        prices="mistral",
    ),
    Dialect(
        name="cohere",
        base_url="https://api.cohere.ai/compatibility/v1",
        key_env=("COHERE_API_KEY", "CO_API_KEY"),
        paths={"rerank": "https://api.cohere.com/v2/rerank", "models": "https://api.cohere.com/v1/models"},
        parameters=(_OLD_LIMIT, *_drop("user", "store", "metadata", "service_tier", "parallel_tool_calls")),
        default_model="command-a-03-2025",
        prices="cohere",
    ),
    Dialect(
        name="groq",
        base_url="https://api.groq.com/openai/v1",
        key_env=("GROQ_API_KEY",),
        default_model="openai/gpt-oss-120b",
        prices="groq",
    ),
    Dialect(
        name="deepseek",
        base_url="https://api.deepseek.com/v1",
        key_env=("DEEPSEEK_API_KEY",),
        parameters=(_OLD_LIMIT,),
        default_model="deepseek-flash",
        prices="deepseek",
    ),
    Dialect(
        name="xai",
        base_url="https://api.x.ai/v1",
        key_env=("XAI_API_KEY",),
        default_model="grok-4.7",
        prices="x-ai",
    ),
    Dialect(
        name="together",
        base_url="https://api.together.xyz/v1",
        key_env=("TOGETHER_API_KEY",),
        parameters=(_OLD_LIMIT,),
        default_model="openai/gpt-oss-120b",
        prices="together",
    ),
    Dialect(
        name="fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        key_env=("FIREWORKS_API_KEY",),
        parameters=(_OLD_LIMIT,),
        default_model="accounts/fireworks/models/gpt-oss-120b",
        prices="fireworks",
    ),
    Dialect(
        name="cerebras",
        base_url="https://api.cerebras.ai/v1",
        key_env=("CEREBRAS_API_KEY",),
        default_model="gpt-oss-120b",
        prices="cerebras",
    ),
    Dialect(
        name="perplexity",
        base_url="https://api.perplexity.ai",
        key_env=("PERPLEXITY_API_KEY",),
        parameters=(_OLD_LIMIT,),
        default_model="sonar",
        prices="perplexity",
    ),
    Dialect(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        key_env=("OPENROUTER_API_KEY",),
        default_model="openrouter/auto",
        prices="openrouter",
    ),
    Dialect(
        name="engine", base_url_env="FOURWAYS_ENGINE_URL", local=True, owned_by="fourways"
    ),  # ours, where one is run
    Dialect(name="ollama", base_url="http://127.0.0.1:11434/v1", local=True, owned_by="library"),
    Dialect(name="vllm", base_url="http://127.0.0.1:8000/v1", local=True, owned_by="vllm"),
    Dialect(name="llamacpp", base_url="http://127.0.0.1:8080/v1", local=True, owned_by="llamacpp"),
    Dialect(name="tgi", base_url="http://127.0.0.1:3000/v1", local=True, default_model="tgi"),
    Dialect(name="lmstudio", base_url="http://127.0.0.1:1234/v1", local=True, owned_by="organization_owner"),
    Dialect(name="sglang", base_url="http://127.0.0.1:30000/v1", local=True, owned_by="sglang"),
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({dialect.name: dialect for dialect in _ALL})


def dialect_named(name: str) -> Dialect:
    """Return a dialect; raises `InvalidProject` for one that does not exist, and lists those that do."""
    if name not in DIALECTS:
        raise InvalidProject(NotFound.named("dialect", name, DIALECTS).message, key="dialect")
    return DIALECTS[name]


def speak(dialect: Dialect, body: dict[str, Any]) -> tuple[str, ...]:
    """Turn an OpenAI body into the dialect's, in place; return the names of the fields that were left out."""
    dropped: list[str] = []
    for rule in dialect.parameters:
        if rule.name not in body:
            continue
        value = body[rule.name]
        if rule.drop or rule.rename:
            del body[rule.name]
        if rule.drop:
            dropped.append(rule.name)
        elif rule.rename:
            body.setdefault(rule.rename, value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            body[rule.name] = _within(value, rule)
    return tuple(dropped)


def _within(value: float, rule: Parameter) -> float:
    if rule.minimum is not None and value < rule.minimum:
        return rule.minimum
    if rule.maximum is not None and value > rule.maximum:
        return rule.maximum
    return value
