"""Folders of weights that our engine serves: what they are called, by what they hold, and the one in the package."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from fourways.config.ways import READER, SMALL
from fourways.core.errors import Unavailable
from fourways.core.ids import digest
from fourways.models.adapters import Wanted
from fourways.models.addresses import STARTED
from fourways.models.child import ServerSpec
from fourways.models.dialects import DIALECTS
from fourways.models.programs import OFFLINE, SILENT
from fourways.models.provider import ProviderClient
from fourways.models.serving import Served
from fourways.models.started import Servers

MADE_BY = MappingProxyType({SMALL: "small-model", READER: "small-reader"})
END = 65536
"""Bytes read at either end of a file of weights: training leaves its mark in them, and reading them costs nothing."""


def packaged_folder(name: str, root: Path | None = None) -> Path:
    """Return where weights of the package lie.

    Args:
        name: one of `PACKAGED`.
        root: the folder of all packaged weights; the package's own where not given.

    Raises:
        Unavailable: they are not there.
    """
    folder = (root or Path(__file__).parent.parent / "weights") / name
    if not (folder / "config.json").is_file() or not (folder / "model.safetensors").is_file():
        msg = (
            f"the model {name} is not part of this installation: {folder} holds no config.json and model.safetensors; "
            f"make it with `make {MADE_BY[name]}`, or name another model"
        )
        raise Unavailable(msg)
    return folder


def named_by_content(folder: Path) -> str:
    """Name a folder of weights: its own name and a digest of its configuration, its tokenizer and its weights.

    Raises:
        Unavailable: it holds no safetensors.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        msg = f"{folder} holds no .safetensors: give a folder of weights in that form (pickled ones are refused)"
        raise Unavailable(msg)
    seen = sha256()
    for path in sorted(folder.glob("*.json")):
        seen.update(path.name.encode() + path.read_bytes())
    for path in weights:
        seen.update(f"{path.name}:{path.stat().st_size}".encode())
        with path.open("rb") as file:
            seen.update(file.read(END))
            file.seek(max(0, path.stat().st_size - END))
            seen.update(file.read())
    return f"{folder.name}@{seen.hexdigest()[:12]}"


def weights_spec(folder: Path, program: Sequence[str]) -> ServerSpec:
    """Say how our engine is started for a folder of weights; it answers to the folder's name by its content.

    Raises:
        Unavailable: it holds no safetensors.
    """
    folder = folder.resolve()
    name = named_by_content(folder)
    command = (*program, "--model", str(folder), "--name", name, "--announce", "{announce}", "--port", "0")
    short = f"model-{digest([str(folder), name])[:12]}"
    return ServerSpec(name=short, command=command, env={**SILENT, **OFFLINE}, content=name, patience=180.0, grace=30.0)


def engine_client(servers: Servers, folder: Path, adapter: Path | None) -> tuple[ProviderClient, str]:
    """Return who is asked for a folder of weights, and the model's name there: the base's, or its adapter's.

    Raises:
        Unavailable: a folder holds no safetensors.
    """
    spec = weights_spec(folder, servers.engine)
    model, wanted = spec.content, None
    if adapter is not None:
        model = named_by_content(adapter)
        wanted = Wanted(name=model, source=str(adapter.resolve()), base=spec.content)
    transport = Served(servers.server(spec), "engine", {model: wanted})
    client = ProviderClient(
        name="engine", dialect=DIALECTS["engine"], base_url=STARTED, transport=transport, local=True
    )
    return client, model
