"""A Llama written as GGUF: its weights by llama.cpp's names and order, its tokens, and what rounding them cost."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
gguf = pytest.importorskip("gguf")

import torch  # noqa: E402
from tests.training.tuning.conftest import chats  # noqa: E402

from fourways.core.errors import InvalidRequest  # noqa: E402
from fourways.training.__main__ import main  # noqa: E402
from fourways.training.runs import Adapter  # noqa: E402
from fourways.training.tokenizer import CHAT_TEMPLATE, SPECIAL  # noqa: E402
from fourways.training.tuning.gguf_export import FILE, check, export_gguf  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


@pytest.fixture
def like_gpt2(base, tmp_path):
    """Return a base whose tokenizer llama.cpp can be told of."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder = tmp_path / "gpt2-like"
    shutil.copytree(base, folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([turn["content"] for row in chats(80) for turn in row], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize(("kind", "near"), [("f16", 1e-3), ("bf16", 1e-2), ("q8_0", 1e-2)])
def test_weights_and_tokens_are_llama_cpps(kind, near, like_gpt2):
    from transformers import AutoModelForCausalLM

    told = export_gguf(like_gpt2, kind)
    read = gguf.GGUFReader(like_gpt2 / FILE)
    tensors = {each.name: gguf.dequantize(each.data, each.tensor_type) for each in read.tensors}
    model = AutoModelForCausalLM.from_pretrained(like_gpt2, dtype=torch.float32)
    layer = model.model.layers[1]
    assert len(tensors) == 2 + 9 * 2
    assert told["bytes"] == (like_gpt2 / FILE).stat().st_size
    assert np.allclose(tensors["blk.1.ffn_gate.weight"], layer.mlp.gate_proj.weight.detach().numpy(), atol=near)
    query, key = (part.weight.detach().numpy() for part in (layer.self_attn.q_proj, layer.self_attn.k_proj))
    assert np.allclose(tensors["blk.1.attn_q.weight"][1], query[8], atol=near)
    assert np.allclose(tensors["blk.1.attn_q.weight"][18], query[17], atol=near)
    assert np.allclose(tensors["blk.1.attn_k.weight"][3], key[9], atol=near)
    assert tensors["output_norm.weight"].dtype == np.float32
    fields = {name: field.contents() for name, field in read.fields.items()}
    assert fields["llama.attention.head_count_kv"] == 2
    assert fields["llama.rope.freq_base"] == 10000.0
    assert fields["tokenizer.ggml.pre"] == "gpt-2"
    assert fields["tokenizer.ggml.tokens"][1] == "<|end|>"
    assert fields["tokenizer.ggml.token_type"][:6] == [3, 3, 3, 3, 3, 1]
    assert fields["tokenizer.ggml.eos_token_id"] == 1
    assert fields["tokenizer.chat_template"] == CHAT_TEMPLATE


def test_a_run_writes_it_and_says_what_it_cost(started, like_gpt2):
    folder = started(adapter=Adapter(r=8), hyper={"max_steps": 3}, base=str(like_gpt2), gguf="q8_0")
    assert main([str(folder)]) == 0
    told = json.loads((folder / "result.json").read_text())
    assert (folder / "model" / FILE).is_file()
    assert told["kind"] == "model"
    assert abs(told["gguf"]["loss"]["after"] - told["gguf"]["loss"]["before"]) < 0.05


def test_what_llama_cpp_would_read_otherwise_is_refused_before_anything_is_trained(base, started, tmp_path, capsys):
    folder = started(gguf="f16")
    assert main([str(folder)]) == 2
    assert "cut text into other tokens" in capsys.readouterr().err
    assert not (folder / "steps.jsonl").exists()
    other = tmp_path / "other"
    shutil.copytree(base, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"architectures": ["MambaForCausalLM"]}))
    with pytest.raises(InvalidRequest, match="MambaForCausalLM"):
        check(other)
