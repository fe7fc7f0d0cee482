"""Folders of weights: named by what they hold, whole or not there, verified, and never pickled."""

import json
from pathlib import Path

import pytest

from fourways.core.errors import InvalidRequest, NotFound, Unavailable
from fourways.store.weights import MANIFEST, WeightsFolders


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "parts").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (folder / "parts" / "more.json").write_text("[]")
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> WeightsFolders:
    return WeightsFolders(tmp_path / "weights")


def test_equal_files_have_one_name_and_are_kept_once(folders, source):
    name = folders.keep(source)
    assert folders.keep(source) == name
    assert folders.digest_of(source) == name
    opened = folders.open(name)
    assert (opened / "model.safetensors").read_bytes() == b"weights"
    assert (opened / "parts" / "more.json").read_text() == "[]"
    assert [path.name for path in folders.folder.iterdir()] == [name]
    (source / "README.md").write_text("took 3 seconds")
    assert folders.keep(source) == name  # a card says how they came about, not what they are
    (source / "config.json").write_text('{"a": 1}')
    assert folders.digest_of(source) != name
    assert folders.keep(source) != name


@pytest.mark.parametrize("name", ["pytorch_model.bin", "optimizer.pt", "model.PTH", "parts/trainer.pkl", "run.py"])
def test_what_may_run_code_is_refused(folders, source, name):
    (source / name).write_bytes(b"\x80\x04.")
    with pytest.raises(InvalidRequest, match="safetensors alone are taken"):
        folders.keep(source)
    assert not folders.folder.exists()


def test_a_folder_without_weights_is_none(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidRequest, match=r"holds no \.safetensors"):
        folders.keep(tmp_path / "empty")
    with pytest.raises(NotFound):
        folders.keep(tmp_path / "nowhere")


def test_damage_is_seen_when_weights_are_opened(folders, source):
    name = folders.keep(source)
    (folders.folder / name / "model.safetensors").write_bytes(b"wEights")
    with pytest.raises(Unavailable, match=r"model\.safetensors of weights .* is damaged"):
        WeightsFolders(folders.folder).open(name)
    manifest = folders.folder / name / MANIFEST
    manifest.write_text(json.dumps({"model.safetensors": "0" * 64}))
    with pytest.raises(Unavailable, match="manifest"):
        WeightsFolders(folders.folder).open(name)


def test_what_a_killed_process_left_is_no_weights_and_is_swept(folders, source):
    name = folders.keep(source)
    half = folders.folder / "unfinished-x"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"we")
    assert folders.has(name)
    assert not folders.has("unfinished-x")
    assert folders.sweep(before=half.stat().st_mtime + 1) == 1
    assert folders.delete(name)
    with pytest.raises(NotFound):
        folders.open(name)
    with pytest.raises(NotFound, match="64 lower-case hex"):
        folders.open("../../etc")
