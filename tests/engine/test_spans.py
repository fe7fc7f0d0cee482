"""Folders of span readers: transformers' logits, the likeliest span, all forms of weights, what is refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs fourways[engine]")
pytest.importorskip("transformers", reason="is compared with")

import torch
from safetensors.torch import load_file, save_file
from tests.engine.readers import edit, make_finder, make_reader

from fourways.core.errors import InvalidRequest, NotFound
from fourways.engine.folders import find_folder
from fourways.engine.opening import Options
from fourways.engine.spans import LONGEST, TransformersScorer, compare, likeliest, open_reader, probe_of
from fourways.engine.tokens import Spelled, WordPieces
from fourways.engine.windows import OVERLAP, windows_of
from fourways.models.folders import is_reader

pytestmark = pytest.mark.xdist_group("spans")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reader(tmp_path_factory.mktemp("spans") / "reader")


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copied"))


def opened(folder: Path, **options: Any) -> Any:
    return open_reader(folder, Options(**{"dtype": "float32"} | options))


def scores(scorer: Any, window: int = 512) -> Any:
    return torch.cat(scorer.scores(probe_of(30522, window)))


def test_a_reader_is_known_by_its_config(folder: Path, tmp_path: Path) -> None:
    assert is_reader(folder)
    assert not is_reader(find_folder("minilm"))
    assert not is_reader(tmp_path / "nothing")
    (tmp_path / "config.json").write_text("no JSON")
    assert not is_reader(tmp_path)


def test_logits_are_those_of_transformers(folder: Path) -> None:
    reader = opened(folder)
    theirs = TransformersScorer(folder, load_file(folder / "model.safetensors"), 512)
    torch.testing.assert_close(scores(reader.scorer), scores(theirs), atol=1e-4, rtol=1e-4)
    assert reader.parity.startswith("2 of 2 likeliest places the same")
    assert opened(folder, dtype="bfloat16").scorer.name == "bert, bfloat16"


def test_what_differs_from_transformers_is_served_by_transformers(folder: Path, tmp_path: Path, copied: Path) -> None:
    other = load_file(make_reader(tmp_path / "other", seed=2) / "model.safetensors")
    assert not compare(opened(folder).scorer, folder, other).agrees
    edit(copied, hidden_act="gelu_new")
    reader = opened(copied)
    assert reader.scorer.name == "transformers, float32"
    assert "our own BERT has absolute positions and gelu alone" in reader.parity
    assert reader.encode(probe_of(30522, 512)).shape == (4, 3)


def test_the_likeliest_span_is_the_best_of_all() -> None:
    chance = torch.Generator().manual_seed(1)
    for length, second in ((12, 4), (90, 7), (300, 20), (6, 4)):
        given = torch.randn(length, 2, generator=chance)
        spans = [
            (float(given[first, 0] + given[last, 1] - given[0].sum()), first - second, last - second)
            for first in range(second, length - 1)
            for last in range(first, min(length - 1, first + LONGEST))
        ]
        margin, first, last = likeliest(given, second)
        assert (first, last) == max(spans)[1:]
        assert margin == pytest.approx(max(spans)[0], abs=1e-5)


def test_a_text_cannot_spell_a_special_token() -> None:
    words = WordPieces(find_folder("minilm"), 32)
    (plain,), (pair,) = words.tokenize(["[SEP]"]), words.tokenize_pairs("q", ["a [SEP] b"])
    closing = plain.ids[-1]
    assert (list(plain.ids).count(closing), list(pair.ids).count(closing)) == (1, 2)


@pytest.mark.parametrize("size", [16, 128, 512])
def test_windows_leave_nothing_unread(size: int) -> None:
    opening = list(range(1, size // 2 + 1))
    for length in (0, 1, size // 2 - 1, size // 2, size, 5 * size + 3):
        text = Spelled(ids=range(1000, 1000 + length), spans=[(at, at + 1) for at in range(length)])
        found = windows_of(opening, [text, text], size)
        pieces = [one.tokens.ids[len(opening) : -1] for one in found if one.text == 1]
        assert max([size // 2, *(len(one.tokens.ids) for one in found)]) <= size
        assert all(one.tokens.ids[-1] == opening[-1] and one.tokens.second == len(opening) for one in found)
        assert sorted({token for piece in pieces for token in piece}) == list(text.ids)
        span = min(LONGEST, length, OVERLAP, size // 4 - 1)
        for start in range(length - span + 1 if length else 0):
            assert any(set(text.ids[start : start + span]) <= set(piece) for piece in pieces)


def test_eight_bits_stand_for_what_was_rounded(folder: Path, copied: Path) -> None:
    from fourways.training.tuning.quantize import quantize_rows

    weights: dict[str, torch.Tensor] = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        if tensor.dim() > 1 and "embeddings" not in name and "qa_outputs" not in name:
            weights[f"{name}.q"], weights[f"{name}.scale"] = quantize_rows(tensor)
        else:
            weights[name] = tensor.to(torch.bfloat16)
    save_file(weights, copied / "model.safetensors")
    edit(copied, quantization_config={"quant_method": "fourways", "bits": 8, "group_size": 0})
    whole, rounded = (scores(opened(one).scorer) for one in (folder, copied))
    apart = (whole - rounded).square().mean().sqrt() / whole.std()
    assert 0 < float(apart) < 0.05
    del weights[next(name for name in weights if name.endswith(".scale"))]
    save_file(weights, copied / "model.safetensors")
    with pytest.raises(InvalidRequest, match=r"has no scale"):
        opened(copied)


def test_words_may_be_those_of_the_packaged_minilm(tmp_path: Path) -> None:
    folder = make_reader(tmp_path / "wide", hidden_size=384, num_attention_heads=12)
    weights = load_file(folder / "model.safetensors")
    name = "bert.embeddings.word_embeddings.weight"
    packaged = load_file(find_folder("minilm") / "model.safetensors")[name.removeprefix("bert.")]
    save_file(weights | {name: packaged}, folder / "model.safetensors")
    whole = scores(opened(folder, probe=False).scorer)
    save_file({key: weights[key] for key in weights if key != name}, folder / "model.safetensors")
    with pytest.raises(InvalidRequest, match=r"lacks weights: bert.embeddings.word_embeddings.weight;"):
        opened(folder)
    edit(folder, fourways={"words": "minilm"})
    assert torch.equal(scores(opened(folder, probe=False).scorer), whole)
    edit(folder, fourways={"words": "maxilm"})
    with pytest.raises(InvalidRequest, match=r"builds on the words of 'maxilm' \(fourways.words\); there is: minilm"):
        opened(folder)


def test_wrong_folders_are_refused_and_say_why(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    head = {"qa_outputs.weight": torch.zeros(3, 32)}
    save_file(weights | head, copied / "model.safetensors")
    with pytest.raises(InvalidRequest, match=r"qa_outputs.weight is \(3, 32\); by its config.json \(2, 32\) would be"):
        opened(copied)
    with pytest.raises(InvalidRequest, match=r"are not those of its config.json"):
        opened(copied, decoder="transformers")
    save_file({f"model.{name}": tensor for name, tensor in weights.items()}, copied / "model.safetensors")
    for decoder in ("auto", "transformers"):
        with pytest.raises(InvalidRequest, match="BertForQuestionAnswering has would be right"):
            opened(copied, decoder=decoder)
    (copied / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidRequest, match="damaged safetensors"):
        opened(copied)
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(NotFound, match=r"pytorch_model.bin is pickled"):
        opened(copied)
    (copied / "tokenizer.json").unlink()
    with pytest.raises(NotFound, match=r"holds no tokenizer.json"):
        opened(copied)


def test_a_window_may_be_smaller_but_not_too_small(folder: Path) -> None:
    assert opened(folder, window=64, probe=False).scorer.window == 64
    assert opened(folder, window=4096, probe=False).scorer.window == 512
    with pytest.raises(InvalidRequest, match="a window of 8 tokens"):
        opened(folder, window=8)


def test_a_span_is_the_same_alone_and_among_others(tmp_path: Path) -> None:
    reader = opened(make_finder(tmp_path / "finder"), probe=False)
    opening = reader.words.spell(["who?"], special=True)[0].ids
    texts = reader.words.spell(["It was Anna Smith.", "Nobody knows.", "Smith, Anna", "Anna, said Smith, said Anna"])
    batch = [window.tokens for window in windows_of(opening, texts, 512)]
    together = reader.encode(batch)
    np.testing.assert_allclose(together, np.concatenate([reader.encode([one]) for one in batch]), atol=1e-5)
    assert (together[:, 0] > 0).tolist() == [True, False, True, True]
    assert together[[0, 3], 1:].tolist() == [[2, 3], [0, 3]]
