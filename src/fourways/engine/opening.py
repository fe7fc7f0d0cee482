"""A folder of a causal model, opened: our own decoder where it covers the model and agrees with transformers."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourways.core.errors import FourwaysError, NotFound
from fourways.engine.adapters import Adapter, read_adapter, read_adapter_config
from fourways.engine.chat_service import LoadedModel
from fourways.engine.checkpoints import digest_of, files_of, folder_digest, read_tensors
from fourways.engine.decoders import Decoder
from fourways.engine.parity import Agreement, compare, remembered
from fourways.engine.shapes import Shape, read_config, shape_of
from fourways.engine.texts import Words

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a model is opened.

    Attributes:
        dtype: `auto` (as the weights are stored), `float32`, `bfloat16`.
        slots: sequences at once.
        window: tokens a sequence may have; None for all that the model reads.
        threads: cores.
        decoder: `auto`, or one by name: `native`, `torch`, `transformers`.
        probe: whether our own decoder is compared with transformers first.
    """

    dtype: str = "auto"
    slots: int = 16
    window: int | None = None
    threads: int = 1
    decoder: str = "auto"
    probe: bool = True


def open_model(folder: Path, options: Options) -> LoadedModel:
    """Open a folder of weights.

    Raises:
        NotFound: it is none, or holds no safetensors.
    """
    import torch

    torch.set_num_threads(options.threads)
    if not folder.is_dir():
        raise NotFound(f"there is no folder '{folder}'; give a folder of a causal model, in transformers' format")
    config = read_config(folder)
    words, shape = Words(folder), shape_of(config)
    digests = (digest_of(files_of(folder)), folder_digest(folder))
    if shape is None or options.decoder == "transformers":
        kind = config.get("model_type")
        reason = "asked for" if shape else f"our own decoder does not cover '{kind}'"
        return _fallen_back(folder, config, options, words, digests, reason)
    tensors = read_tensors(folder, config)
    decoder = _own(tensors, shape, options)
    agreement = Agreement(agrees=True, found="not compared")
    if options.probe:
        whole = f"{digests[0]} {sorted(config.items())}"
        agreement = remembered(decoder, whole, lambda: compare(decoder, folder, tensors))
    if not agreement.agrees:
        return _fallen_back(folder, config, options, words, digests, agreement.found)
    log.info("%s serves %s; compared with transformers: %s", decoder.name, folder, agreement.found)
    return LoadedModel(
        decoder=decoder,
        words=words,
        parity=agreement.found,
        read_adapter=lambda path: read_adapter(path, shape, digests),
    )


def _own(tensors: "Mapping[str, torch.Tensor]", shape: Shape, options: Options) -> Decoder:
    """Return our own decoder: the compiled one where there is a compiler and it covers the shape, else torch's."""
    import torch

    from fourways.engine.llama import TorchDecoder, Weights

    stored = tensors["model.norm.weight"].dtype
    name = options.dtype if options.dtype != "auto" else str(stored).removeprefix("torch.")
    weights = Weights(tensors, shape, torch.float32 if name == "float32" else torch.bfloat16)
    window = min(options.window or shape.window, shape.window)
    if options.decoder != "torch":
        from fourways.engine.native import NativeDecoder, covers

        try:
            if covers(shape):
                return NativeDecoder(weights, slots=options.slots, window=window, threads=options.threads)
            log.warning("the compiled decoder does not cover heads of %d; torch goes on", shape.head)
        except FourwaysError as error:
            if options.decoder == "native":
                raise
            log.warning("%s", error.message)
    return TorchDecoder(weights, slots=options.slots, window=window)


def _fallen_back(
    folder: Path, config: Mapping[str, Any], options: Options, words: Words, digests: Sequence[str], reason: str
) -> LoadedModel:
    """Open the folder by transformers, and say why."""
    from fourways.engine.fallback import open_fallback

    log.warning("transformers itself serves %s, one sequence at a time: %s", folder, reason)
    tensors = read_tensors(folder, config) if config.get("quantization_config") else None
    decoder = open_fallback(folder, tensors, dtype=options.dtype, slots=options.slots, window=options.window)

    def read(path: Path) -> Adapter:
        read_adapter_config(path, digests)
        files_of(path, "adapter_model")
        return Adapter(folder=path, pairs={})

    return LoadedModel(decoder=decoder, words=words, parity=f"served by transformers: {reason}", read_adapter=read)
