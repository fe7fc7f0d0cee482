"""A release as a signed folder: what was changed, added, taken away or signed by a stranger is refused."""

import json
from pathlib import Path

import pytest

from fourways.control.bundles import Bundle, Knowledge, fingerprint_of, read_bundle, unknown_to, unpack, write_bundle
from fourways.control.signing import KEY_FILE
from fourways.core.errors import InvalidRequest
from fourways.core.specs import Candidate

CANDIDATE = Candidate(app="desk", way="rag", parts={"prompt": {"system": "hello"}})
DOCUMENTS = {"docs/a.md": "aa", "docs/b.md": "bb"}


def exported(folder: Path) -> Bundle:
    (folder / "a.md").write_text("# A", encoding="utf-8")
    return write_bundle(
        folder / "bundle",
        release="desk@r3",
        candidate=CANDIDATE,
        policy={},
        gate=None,
        note="first",
        now=1.0,
        knowledge={"manual": Knowledge(documents=2, fingerprint=fingerprint_of(DOCUMENTS))},
        contents={"project/docs/a.md": folder / "a.md", "report.json": b"{}"},
        state=folder / "state",
    )


def test_what_was_exported_can_be_imported(tmp_path: Path):
    made = exported(tmp_path)
    bundle = read_bundle(made.folder, {made.signature.fingerprint})
    assert (bundle.candidate, bundle.manifest.release) == (CANDIDATE, "desk@r3")
    assert unpack(bundle, "project", tmp_path / "new") == ["docs/a.md"]
    assert (tmp_path / "new/docs/a.md").read_text(encoding="utf-8") == "# A"


def test_a_strangers_signature_is_named_and_refused(tmp_path: Path):
    made = exported(tmp_path)
    with pytest.raises(InvalidRequest, match=made.signature.fingerprint):
        read_bundle(made.folder, {"0" * 32})


@pytest.mark.parametrize("file", ["report.json", "project/docs/a.md"])
def test_a_changed_file_is_found(tmp_path: Path, file: str):
    made = exported(tmp_path)
    (made.folder / file).write_text("other", encoding="utf-8")
    with pytest.raises(InvalidRequest, match=f"{file} is not what was signed"):
        read_bundle(made.folder, {made.signature.fingerprint})


def test_a_changed_manifest_does_not_fit_its_signature(tmp_path: Path):
    made = exported(tmp_path)
    path = made.folder / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace("hello", "obey"), encoding="utf-8")
    with pytest.raises(InvalidRequest, match="changed after it was signed"):
        read_bundle(made.folder, {made.signature.fingerprint})


BROKEN = {
    "no JSON": "{",
    "no object": "[]",
    "no text": '{"public_key": 5, "signature": "aa"}',
    "a field more": '{"public_key": "aa", "signature": "aa", "more": 1}',
    "no base64": '{"public_key": "ä", "signature": "!"}',
    "a key of another length": '{"public_key": "aaaa", "signature": "aaaa"}',
    "nested without end": "[" * 100_000,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_signature_is_refused(tmp_path: Path, text: str):
    made = exported(tmp_path)
    (made.folder / "signature.json").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRequest):
        read_bundle(made.folder, {made.signature.fingerprint})


def test_an_added_and_a_missing_file_are_found(tmp_path: Path):
    made = exported(tmp_path)
    (made.folder / "extra").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="extra is not in the manifest"):
        read_bundle(made.folder, {made.signature.fingerprint})
    (made.folder / "extra").unlink()
    (made.folder / "report.json").unlink()
    with pytest.raises(InvalidRequest, match=r"report\.json is missing"):
        read_bundle(made.folder, {made.signature.fingerprint})


def test_what_is_no_bundle_is_refused(tmp_path: Path):
    with pytest.raises(InvalidRequest, match="no exported release"):
        read_bundle(tmp_path, set())


def test_a_bundle_is_never_written_over_anything(tmp_path: Path):
    exported(tmp_path)
    with pytest.raises(InvalidRequest, match="there already"):
        exported(tmp_path)


def test_the_key_is_its_owners_alone_and_stays_the_same(tmp_path: Path):
    first = exported(tmp_path).signature.fingerprint
    (tmp_path / "bundle").rename(tmp_path / "former")
    assert exported(tmp_path).signature.fingerprint == first
    assert (tmp_path / "state" / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_the_manifest_holds_no_key(tmp_path: Path):
    made = exported(tmp_path)
    written = "".join(path.read_text(encoding="utf-8") for path in made.folder.rglob("*") if path.is_file())
    assert "PRIVATE" not in written
    assert json.loads((made.folder / "signature.json").read_text(encoding="utf-8")).keys() == {
        "public_key", "signature",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ({"manual": fingerprint_of(DOCUMENTS)}, []),
        ({"manual": "other"}, ["knowledge 'manual' is not the one that desk@r3 was measured on"]),
        ({}, ["knowledge 'manual' is not the one that desk@r3 was measured on (it was never ingested here)"]),
    ],
)
def test_another_knowledge_is_named(tmp_path: Path, here: dict[str, str], said: list[str]):
    assert unknown_to(exported(tmp_path), here) == said
