"""Any other causal model, by transformers itself: one sequence after the other, slower, always the same answers."""

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fourways.core.errors import MissingPackage
from fourways.engine.decoders import BASE, Logits, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fourways.engine.adapters import Adapter


class TransformersDecoder:
    """See `Decoder`. A slot is a cache of transformers' own.

    Args:
        model: of `AutoModelForCausalLM`.
        window: tokens of a sequence at most.
    """

    def __init__(self, model: Any, *, slots: int, window: int) -> None:  # noqa: ANN401 - transformers' classes are many
        import transformers

        library: Any = transformers
        self._model = model.eval()
        self._new: Callable[[], Any] = lambda: library.DynamicCache(config=model.config)
        self.name = f"transformers, {str(model.dtype).removeprefix('torch.')}"
        self.build = library.__version__
        self.vocabulary, self.window, self.slots = int(model.config.vocab_size), window, slots
        self._caches: list[Any] = [self._new() for _ in range(slots)]
        self.reuses = all(type(layer).__name__ == "DynamicLayer" for layer in self._caches[0].layers)
        self._numbers, self._folders = count(), {BASE: ""}

    @torch.inference_mode()
    def forward(self, rows: Rows) -> Logits:
        """Read the rows, a slot at a time; returns the wanted ones' logits."""
        wanted = set(rows.wanted)
        found = []
        for start, end in rows.runs():
            asked = [at for at in range(start, end) if at in wanted]
            self._choose(rows.adapters[start])
            ids = torch.tensor([rows.tokens[start:end]])
            cache = self._caches[rows.slots[start]]
            out = self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=end - start)
            if asked:
                found.append(out.logits[0, [at - start for at in asked]].float().numpy())
        return np.concatenate(found) if found else np.empty((0, self.vocabulary), np.float32)

    def keep(self, slot: int, length: int) -> None:
        """Cut a slot's cache; one that cannot be cut begins anew."""
        if length:
            _cut(self._caches[slot], length)
        else:
            self._caches[slot] = self._new()

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy a slot's cache."""
        from copy import deepcopy

        self._caches[target] = deepcopy(self._caches[source])
        _cut(self._caches[target], length)

    def load(self, adapter: "Adapter") -> int:
        """Take an adapter in, by peft."""
        try:
            from peft import PeftModel
        except ImportError as error:
            raise MissingPackage("peft", "train") from error
        number = next(self._numbers)
        name, folder = f"a{number}", str(adapter.folder)
        if isinstance(self._model, PeftModel):
            self._model.load_adapter(folder, adapter_name=name, torch_device="cpu")
        else:
            self._model = PeftModel.from_pretrained(self._model, folder, adapter_name=name, torch_device="cpu").eval()
        self._folders[number] = name
        return number

    def unload(self, number: int) -> None:
        """Let an adapter go."""
        name = self._folders.pop(number)
        if len(self._folders) > 1:
            self._model.delete_adapter(name)
        else:
            self._model = self._model.unload()

    def _choose(self, number: int) -> None:
        if len(self._folders) == 1:
            return
        layers = self._model.base_model
        if number == BASE:
            layers.disable_adapter_layers()
        else:
            layers.enable_adapter_layers()
            self._model.set_adapter(self._folders[number])


def _cut(cache: Any, length: int) -> None:  # noqa: ANN401 - transformers' own class
    over = cache.get_seq_length() - length
    if over > 0:
        cache.crop(-over)


def open_fallback(
    folder: Path, tensors: "Mapping[str, torch.Tensor] | None", *, dtype: str, slots: int, window: int | None
) -> TransformersDecoder:
    """Open a folder by transformers: safetensors only, nothing from outside, no code of the model's own.

    Args:
        folder: of the model.
        tensors: its weights where they are not as transformers reads them (our own quantisation).
        dtype: `auto`, `float32`, `bfloat16`.
        slots: sequences at once.
        window: tokens of a sequence; None for all that the model reads.
    """
    transformers = _transformers()
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if tensors is None:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
    else:
        config.quantization_config = None
        kind = torch.bfloat16 if dtype == "auto" else getattr(torch, dtype)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=kind, trust_remote_code=False)
        model.load_state_dict(tensors, strict=False)
        model.tie_weights()
    limit = int(getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 2048)
    return TransformersDecoder(model, slots=slots, window=min(window or limit, limit))


def open_float32(folder: Path, tensors: "Mapping[str, torch.Tensor]") -> Any:  # noqa: ANN401 - transformers' own class
    """Return the model as transformers computes it in float32, with the weights given."""
    transformers = _transformers()
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    config.quantization_config = None
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    model.tie_weights()
    return model.eval()


def _transformers() -> Any:  # noqa: ANN401 - a module
    try:
        import transformers
    except ImportError as error:
        raise MissingPackage("transformers", "train") from error
    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    return library
