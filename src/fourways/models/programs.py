"""How the model servers that fourways starts are called on the command line: our engine, vLLM, llama.cpp, Ollama."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import msgspec

from fourways.config.serving import Serve
from fourways.core.errors import InvalidProject
from fourways.models.child import ServerSpec

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "LLAMA_ARG_OFFLINE": "1"}
"""Nothing is asked of a hub: what lies here, or was fetched before, is served."""
SILENT = {"HF_HUB_DISABLE_TELEMETRY": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""No server tells its makers how it is used."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Those that vLLM makes room for."""
GPU_ADAPTERS = 8
"""Adapters that vLLM may compute with at a time, at most, unless the options say another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A server that is to be started.

    Attributes:
        provider: whose server it is.
        model: a file or folder, absolute; or a hub's name.
        adapters: where each lies, by name.
        offline: whether nothing may be fetched from elsewhere.
        engine: our engine's program.
    """

    provider: str
    serve: Serve
    model: str
    adapters: Mapping[str, str]
    offline: bool
    engine: Sequence[str]

    def spec(self, program: Sequence[str], arguments: Sequence[str], **env: str) -> ServerSpec:
        """Make the spec of a program that does not watch who started it."""
        serve = self.serve
        gpus = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, serve.gpus))} if serve.gpus else {}
        return ServerSpec(
            name=f"server-{self.provider}",
            command=(*(serve.program or program), *arguments, *serve.options),
            env={**SILENT, **(OFFLINE if self.offline else {}), **gpus, **env, **serve.env},
            guarded=True,
            patience=serve.start.total_seconds(),
            grace=30.0,
        )


def engine(order: Order) -> ServerSpec:
    """Start our engine; it ends by itself with whoever started it."""
    _require_folder(order)
    announced = ("--announce", "{announce}", "--port", "0")
    spec = order.spec(order.engine, ("--model", order.model, "--name", order.serve.served, *announced))
    return replace(spec, guarded=False)


def vllm(order: Order) -> ServerSpec:
    """Start vLLM; adapters come over its API, which it offers on loopback alone."""
    serve = order.serve
    arguments = ["serve", order.model, "--served-model-name", serve.served, "--host", "127.0.0.1", "--port", "{port}"]
    arguments += ["--enable-prefix-caching", "--enable-lora"]
    if order.adapters:
        arguments += ["--max-loras", str(min(len(order.adapters), GPU_ADAPTERS))]
        arguments += ["--max-lora-rank", str(_room_for([_rank(path) for path in order.adapters.values()]))]
    if len(serve.gpus) > 1:
        arguments += ["--tensor-parallel-size", str(len(serve.gpus))]
    return order.spec(("vllm",), arguments, VLLM_ALLOW_RUNTIME_LORA_UPDATING="True")


def llamacpp(order: Order) -> ServerSpec:
    """Start a llama-server with all its adapters, none of them applied unless a request says so."""
    source = _gguf(order.model) if Path(order.model).exists() else None
    arguments = ["--model", source] if source else ["--hf-repo", order.model]
    arguments += ["--alias", order.serve.served, "--host", "127.0.0.1", "--port", "{port}"]
    if order.adapters:
        arguments += ["--lora", ",".join(order.adapters.values()), "--lora-init-without-apply"]
    return order.spec(("llama-server",), arguments)


def ollama(order: Order) -> ServerSpec:
    """Start an Ollama of the project's own; the model stays in memory as long as the server is up."""
    own = {"OLLAMA_HOST": "127.0.0.1:{port}", "OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_NO_CLOUD": "1"}
    return replace(order.spec(("ollama",), ("serve",), **own), health="/api/version")


PROGRAMS: Mapping[str, Callable[[Order], ServerSpec]] = MappingProxyType(
    {"engine": engine, "vllm": vllm, "llamacpp": llamacpp, "ollama": ollama}
)


def _require_folder(order: Order) -> None:
    folder = Path(order.model)
    if not any(folder.glob("*.safetensors")):
        msg = f"{order.model} is no folder of .safetensors, and our engine serves nothing else"
        raise InvalidProject(msg, key=f"providers.{order.provider}.serve.model")


def _gguf(model: str) -> str:
    """Return the .gguf that is meant: the file, or the only one in a folder."""
    path = Path(model)
    found = [path] if path.is_file() else sorted(path.glob("*.gguf"))
    if len(found) != 1:
        said = "no .gguf" if not found else f"several: {', '.join(each.name for each in found)}"
        raise InvalidProject(f"{model} holds {said}; llama-server needs one: name the file", key="serve.model")
    return str(found[0])


def _rank(adapter: str) -> int:
    """Return an adapter's rank; 0 where its configuration does not say it."""
    try:
        config = msgspec.json.decode((Path(adapter) / "adapter_config.json").read_bytes())
        return int(config["r"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        return 0


def _room_for(ranks: Sequence[int]) -> int:
    return next((room for room in RANKS[1:] if room >= max(ranks)), RANKS[-1])
