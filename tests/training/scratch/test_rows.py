"""Tokens on disk come back as they were; every row is full, every token is read once an epoch, all by the seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourways.core.errors import InvalidRequest
from fourways.training.scratch.epochs import Reader, Stream, Whole
from fourways.training.scratch.shards import SKIP, open_shards, write_shards

DOCUMENTS = st.lists(st.lists(st.integers(5, 300), min_size=1, max_size=40), min_size=1, max_size=12)


def shards(folder, documents, pieces=512):
    write_shards([(each, None) for each in documents], folder, pieces)
    return open_shards(folder)


@given(documents=DOCUMENTS, pieces=st.sampled_from([512, 100_000]))
def test_what_is_written_is_read(documents, pieces, tmp_path_factory):
    read = shards(tmp_path_factory.mktemp("s"), documents, pieces)
    assert [read.piece(at, 0, len(each))[0].tolist() for at, each in enumerate(documents)] == documents
    assert read.total == sum(map(len, documents))
    for at, each in enumerate(documents):
        assert read.piece(at, 0, len(each))[1].tolist() == [*each[1:], SKIP]


def test_two_bytes_a_token_where_the_vocabulary_allows_it(tmp_path):
    shards(tmp_path / "few", [[7] * 100], 512)
    shards(tmp_path / "many", [[7] * 100], 100_000)
    assert (tmp_path / "few/00000.tokens.bin").stat().st_size == 200
    assert (tmp_path / "many/00000.tokens.bin").stat().st_size == 400


@given(marks=st.lists(st.booleans(), min_size=1, max_size=60), data=st.data())
def test_only_what_is_marked_is_learned(marks, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    write_shards([([9] * 3, None), (list(range(10, 10 + len(marks))), marks)], folder, 512)
    first = data.draw(st.integers(0, len(marks) - 1))
    last = data.draw(st.integers(first + 1, len(marks)))
    tokens, targets = open_shards(folder).piece(1, first, last)
    following = [10 + at + 1 if at + 1 < len(marks) and marks[at + 1] else SKIP for at in range(first, last)]
    assert tokens.tolist() == list(range(10 + first, 10 + last))
    assert targets.tolist() == following


@given(documents=DOCUMENTS)
def test_a_stream_reads_each_token_once_an_epoch_and_pads_none(documents, tmp_path_factory):
    read = shards(tmp_path_factory.mktemp("s"), documents)
    stream = Stream(read, 4, seed=1)
    packed = Reader(stream).rows(0, stream.count(0))
    left = read.total % 4 if read.total >= 4 else 0
    everything = sorted(token for each in documents for token in each)
    seen = sorted(packed.tokens[packed.documents >= 0].tolist())
    assert len(seen) == len(everything) - left
    if read.total >= 4:
        assert (packed.documents >= 0).all()


@given(documents=DOCUMENTS)
def test_whole_documents_stay_whole(documents, tmp_path_factory):
    whole = Whole(shards(tmp_path_factory.mktemp("s"), documents), 40, seed=3)
    packed = Reader(whole).rows(0, whole.count(0))
    found = []
    for row, owners in zip(packed.tokens, packed.documents, strict=True):
        found += [row[owners == number].tolist() for number in sorted(set(owners[owners >= 0].tolist()))]
    assert sorted(found) == sorted(documents)


def test_epochs_differ_and_a_row_is_its_seed_and_number(tmp_path):
    read = shards(tmp_path, [[10 + at] * 4 for at in range(16)])
    one, same, other = (Reader(Stream(read, 4, seed)) for seed in (1, 1, 2))
    assert one.rows(0, 16).tokens.tolist() != one.rows(16, 16).tokens.tolist()
    assert one.rows(20, 3).tokens.tolist() == same.rows(20, 3).tokens.tolist()
    assert one.rows(0, 16).tokens.tolist() != other.rows(0, 16).tokens.tolist()
    assert np.unique(one.rows(16, 16).tokens).size == 16


def test_a_folder_without_shards_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="no shards"):
        open_shards(tmp_path)
