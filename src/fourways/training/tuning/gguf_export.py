"""Writes a Llama's folder as one GGUF file, which llama.cpp and Ollama serve."""

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from fourways.core.errors import InvalidRequest, MissingPackage

FILE = "model.gguf"
_LAYER: Mapping[str, str] = MappingProxyType(
    {
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
)
_WHOLE: Mapping[str, str] = MappingProxyType(
    {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
)
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_ROUNDED = 32
"""Weights that share a scale in Q8_0."""


def export_gguf(folder: Path, kind: str) -> dict[str, Any]:
    """Write `model.gguf` beside a Llama's safetensors.

    Args:
        folder: in HF format, weights not rounded.
        kind: f16, bf16 or q8_0; norms are float32 whatever it is.

    Returns:
        `bytes` of the file, and its `kind`.

    Raises:
        InvalidRequest: the architecture is no Llama, or llama.cpp would cut text into other tokens.
        MissingPackage: gguf is not installed.
    """
    cut = check(folder)
    import gguf
    from transformers import AutoModelForCausalLM

    tokenizer = json.loads((folder / "tokenizer.json").read_bytes())
    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    writer = gguf.GGUFWriter(folder / FILE, "llama")
    _describe(writer, model.config, kind, gguf)
    _tell_tokens(writer, tokenizer, cut, folder, gguf)
    form = {"f16": gguf.GGMLQuantizationType.F16, "bf16": gguf.GGMLQuantizationType.BF16}
    for name, weight in _weights(model):
        fits = weight.ndim > 1 and weight.shape[-1] % _ROUNDED == 0
        short = form.get(kind, gguf.GGMLQuantizationType.Q8_0 if fits else gguf.GGMLQuantizationType.F16)
        kept = short if weight.ndim > 1 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quantize(weight.numpy(), kept), raw_dtype=kept)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {"kind": kind, "bytes": (folder / FILE).stat().st_size}


def check(folder: Path) -> str:
    """Look whether a folder can be written as GGUF; return llama.cpp's name for how its tokenizer cuts text.

    Raises:
        InvalidRequest: the architecture is no Llama, or llama.cpp would cut text into other tokens.
        MissingPackage: gguf is not installed.
    """
    if importlib.util.find_spec("gguf") is None:
        raise MissingPackage("gguf", "train")
    config = json.loads((folder / "config.json").read_bytes())
    if config.get("architectures") != ["LlamaForCausalLM"]:
        raise InvalidRequest(
            f"GGUF is written of LlamaForCausalLM, and {folder} is {config.get('architectures')}; right would be a "
            "Llama, or llama.cpp's own converter"
        )
    return pre_tokenizer(json.loads((folder / "tokenizer.json").read_bytes()))


def rounded(model: Any, kind: str) -> Any:  # noqa: ANN401 - any causal model
    """Return the model with its matrices rounded as the file's are: to measure what that costs."""
    import gguf

    form = {"f16": gguf.GGMLQuantizationType.F16, "bf16": gguf.GGMLQuantizationType.BF16}
    short = form.get(kind, gguf.GGMLQuantizationType.Q8_0)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding) and module.weight.shape[-1] % _ROUNDED == 0:
            plain = module.weight.detach().float().cpu().numpy()
            back = torch.from_numpy(gguf.dequantize(gguf.quantize(plain, short), short).copy())
            module.weight.data.copy_(back)
    return model


def _weights(model: Any) -> list[tuple[str, Tensor]]:  # noqa: ANN401
    """Return the weights by llama.cpp's names; of queries and keys the rotary pairs lie side by side there."""
    heads, few = model.config.num_attention_heads, model.config.num_key_value_heads
    found = []
    for name, weight in model.state_dict().items():
        part = name.removesuffix(".weight")
        if part == "lm_head" and model.config.tie_word_embeddings:
            continue
        if part in _WHOLE:
            found.append((f"{_WHOLE[part]}.weight", weight))
            continue
        number, _, inner = part.removeprefix("model.layers.").partition(".")
        if inner not in _LAYER:
            raise InvalidRequest(f"a Llama of GGUF has no {name}")
        turned = {"self_attn.q_proj": heads, "self_attn.k_proj": few}.get(inner)
        found.append((f"blk.{number}.{_LAYER[inner]}.weight", _paired(weight, turned) if turned else weight))
    return [(name, weight.contiguous()) for name, weight in found]


def _paired(weight: Tensor, heads: int) -> Tensor:
    """Reorder rows from halves (first all first coordinates, then all second ones) to pairs, head by head."""
    return weight.view(heads, 2, weight.shape[0] // heads // 2, -1).transpose(1, 2).reshape(weight.shape)


def _describe(writer: Any, config: Any, kind: str, gguf: Any) -> None:  # noqa: ANN401
    """Write the model's measures."""
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    known = gguf.LlamaFileType
    writer.add_file_type({"f16": known.MOSTLY_F16, "bf16": known.MOSTLY_BF16}.get(kind, known.MOSTLY_Q8_0))


def pre_tokenizer(tokenizer: Mapping[str, Any]) -> str:
    """Return llama.cpp's name for how a `tokenizer.json` cuts text before it looks for pieces.

    Raises:
        InvalidRequest: llama.cpp cuts in no such way.
    """
    cut = tokenizer.get("pre_tokenizer") or {}
    steps = cut.get("pretokenizers", [cut])
    kinds = [step.get("type") for step in steps]
    plain = tokenizer["model"].get("type") == "BPE" and tokenizer.get("normalizer") is None
    if plain and kinds == ["ByteLevel"] and steps[0].get("use_regex", True) and not steps[0].get("add_prefix_space"):
        return "gpt-2"
    if plain and kinds == ["Split", "ByteLevel"] and steps[0]["pattern"].get("Regex") == _LLAMA3:
        return "llama-bpe"
    raise InvalidRequest(
        "llama.cpp would cut text into other tokens than this tokenizer does, so its answers would be others; right "
        "would be a tokenizer of GPT-2's or Llama 3's kind, or to serve the folder by fourways' own engine"
    )


def _tell_tokens(writer: Any, tokenizer: Mapping[str, Any], cut: str, folder: Path, gguf: Any) -> None:  # noqa: ANN401
    """Write the vocabulary, its merges, and the chat template."""
    settings = json.loads((folder / "tokenizer_config.json").read_bytes())
    pieces = dict(tokenizer["model"]["vocab"])
    added = {each["content"]: each for each in tokenizer.get("added_tokens", ())}
    pieces |= {content: each["id"] for content, each in added.items()}
    ordered = sorted(pieces, key=lambda piece: pieces[piece])
    if [pieces[piece] for piece in ordered] != list(range(len(ordered))):
        raise InvalidRequest(f"the vocabulary of {folder} has gaps; GGUF has none")
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut)
    writer.add_token_list(ordered)
    writer.add_token_types(
        [kinds.CONTROL if added.get(piece, {}).get("special") else kinds.NORMAL for piece in ordered]
    )
    writer.add_token_merges(
        [each if isinstance(each, str) else " ".join(each) for each in tokenizer["model"]["merges"]]
    )
    for name, add in (("eos_token", writer.add_eos_token_id), ("pad_token", writer.add_pad_token_id)):
        token = settings.get(name)
        token = token["content"] if isinstance(token, dict) else token
        if token in pieces:
            add(pieces[token])
    bos = settings.get("bos_token")
    bos = bos["content"] if isinstance(bos, dict) else bos
    if bos in pieces:
        writer.add_bos_token_id(pieces[bos])
    writer.add_add_bos_token(False)
    if settings.get("chat_template"):
        writer.add_chat_template(settings["chat_template"])
