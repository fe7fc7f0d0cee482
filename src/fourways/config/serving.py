"""The part of the project file that says which model servers fourways starts itself, and how."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from fourways.config.node import Duration, Node

STARTED = ("engine", "vllm", "llamacpp", "ollama")
"""The dialects whose servers fourways can start."""

At = tuple[str | int, ...]


class Serve(Node):
    """A model server that fourways starts when it is asked and ends when it is idle."""

    model: str
    """A folder of weights (engine, vllm), a .gguf file (llamacpp, ollama), relative to the project; or a hub's name."""
    name: str | None = None
    """What it answers to, as `provider/NAME`; the folder's, file's or hub's own name where not given."""
    adapters: dict[str, str] = {}
    """LoRA adapters on it by name, each asked as `provider/NAME`: folders (engine, vllm) or .gguf files."""
    program: list[str] = []
    """The program and what stands before our arguments, where it is not found on PATH: [/path/to/vllm]."""
    options: list[str] = []
    """Further arguments of its command line, after ours: [--max-model-len, "8192"]."""
    env: dict[str, str] = Field(default={}, repr=False)
    """Added to its environment."""
    gpus: list[int] = []
    """The GPUs it may use, by number; all of them where none is given."""
    idle: Duration = timedelta(minutes=10)
    """How long after its last answer it is ended."""
    keep: Literal[0, 1] = 0
    """1: it stays up once it was started, however idle it is."""
    replicas: int = Field(default=1, ge=1)
    """How many of it Ray Serve runs at most; on one machine there is one."""
    start: Duration = timedelta(minutes=10)
    """How long it may take to load."""

    @property
    def served(self) -> str:
        """What it answers to."""
        return self.name or _own_name(self.model)


def _own_name(model: str) -> str:
    """Return a folder's, a file's or a hub's own name; a tag such as llama3.2:1b stays whole."""
    last = model.rstrip("/").rpartition("/")[2]
    return last.removesuffix(".gguf")


def check_serve(dialect: str, base_url: str | None, serve: Serve, folder: Path) -> Iterator[tuple[At, str]]:
    """Yield what is wrong with a provider that fourways is to start: where below it, and what would be right."""
    if dialect not in STARTED:
        wrong = f"fourways does not start servers of dialect '{dialect}'; it starts {', '.join(STARTED)}"
        yield ("dialect",), wrong
    if base_url is not None:
        yield ("base_url",), "a server that fourways starts has an address of its own: give base_url or serve, not both"
    if _is_path(serve.model) and not (folder / Path(serve.model).expanduser()).exists():
        yield ("serve", "model"), f"there is no {serve.model} (looked in {folder})"
    for name, path in serve.adapters.items():
        if not (folder / Path(path).expanduser()).exists():
            yield ("serve", "adapters", name), f"there is no {path} (looked in {folder})"
        if name == serve.served:
            yield ("serve", "adapters", name), f"'{name}' is what the model itself answers to; name it otherwise"


def _is_path(model: str) -> bool:
    """Whether it can only be a place on this machine: a hub's names do not begin or end so."""
    return model.startswith(("/", ".", "~")) or model.endswith((".gguf", "/"))
