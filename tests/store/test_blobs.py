"""Blobs are there whole or not at all, and say so when their file was changed."""

import hashlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fourways.core.errors import NotFound, Unavailable
from fourways.store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=100), max_size=5))
def test_a_content_put_whole_or_in_pieces_is_one_blob(blobs, pieces):
    content = b"".join(pieces)
    assert blobs.put(content) == blobs.put(iter(pieces)) == hashlib.sha256(content).hexdigest()
    assert blobs.read(hashlib.sha256(content).hexdigest()) == content


def test_a_put_that_fails_leaves_nothing(blobs):
    def pieces():
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put(pieces())
    assert [path for path in blobs.folder.rglob("*") if path.is_file()] == []


def test_a_changed_file_is_not_read(blobs):
    digest = blobs.put(b"weights")
    blobs.path(digest).write_bytes(b"Weights")
    with pytest.raises(Unavailable, match="damaged"):
        blobs.read(digest)
    blobs.put(b"weights")
    assert blobs.read(digest) == b"weights"


def test_a_deleted_one_is_gone(blobs):
    digest, other = blobs.put(b"a"), blobs.put(b"b")
    assert blobs.delete(digest)
    assert not blobs.delete(digest)
    assert list(blobs.digests()) == [other]
    with pytest.raises(NotFound):
        blobs.read(digest)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "a" * 63, "a" * 64 + "\n", "a" * 64])
def test_a_name_that_is_none_finds_nothing(blobs, name):
    with pytest.raises(NotFound):
        blobs.read(name)


def test_what_killed_processes_left_is_swept(blobs):
    digest = blobs.put(b"whole")
    left = blobs.folder / "unfinished" / "tmpleft"
    left.write_bytes(b"ha")
    os.utime(left, (1000.0, 1000.0))
    assert blobs.sweep(before=999.0) == 0
    assert blobs.sweep(before=1001.0) == 1
    assert blobs.sweep(before=1001.0) == 0
    assert blobs.read(digest) == b"whole"
