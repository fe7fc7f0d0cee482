"""Files are listed whole, within their folders, and each is read on its own."""

import os
from pathlib import Path

import pytest

from fourways.config.tree import FileSource
from fourways.core.errors import InvalidProject, Unavailable, UnreadableDocument
from fourways.knowledge.sources import base, open_source
from fourways.knowledge.sources.files import Files
from fourways.knowledge.sources.globs import Glob


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("docs/a.md", "docs/sub/b.txt", "docs/sub/c.png", "docs/.hidden.md", "docs/.git/d.md", "notes/e.md"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"text of {name}")
    (root / ".fourways").mkdir()
    (root / ".fourways" / "f.md").write_text("state")
    return root


async def uris(root: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    source = Files(FileSource(paths=list(paths), exclude=list(exclude)), root)
    return [item.uri async for item in source.list()]


async def test_a_folder_means_its_readable_files_that_are_not_hidden(project: Path) -> None:
    assert await uris(project, "docs") == ["docs/a.md", "docs/sub/b.txt"]
    assert await uris(project, ".") == ["docs/a.md", "docs/sub/b.txt", "notes/e.md"]


@pytest.mark.parametrize(
    ("paths", "exclude", "found"),
    [
        (("docs/*.md",), (), ["docs/a.md"]),
        (("**/*.md",), (), ["docs/a.md", "notes/e.md"]),
        (("docs/**",), (), ["docs/a.md", "docs/sub/b.txt"]),
        (("docs/*",), (), ["docs/a.md", "docs/sub/b.txt"]),
        (("docs", "docs/a.md", "./docs/../docs"), (), ["docs/a.md", "docs/sub/b.txt"]),
        (("docs/sub/c.png",), (), ["docs/sub/c.png"]),
        (("docs", "notes"), ("*.txt",), ["docs/a.md", "notes/e.md"]),
        (("docs", "notes"), ("docs/sub",), ["docs/a.md", "notes/e.md"]),
        (("docs", "notes"), ("**/a.md", "notes/**"), ["docs/sub/b.txt"]),
        (("docs", "notes"), ("sub",), ["docs/a.md", "notes/e.md"]),
    ],
)
async def test_paths_and_globs_mean_what_people_expect(
    project: Path, paths: tuple[str, ...], exclude: tuple[str, ...], found: list[str]
) -> None:
    assert await uris(project, *paths, exclude=exclude) == found


@pytest.mark.parametrize("path", ["doc", "docs/none.md", "nowhere/*.md"])
async def test_a_path_that_is_not_there_stops_the_listing(project: Path, path: str) -> None:
    with pytest.raises(InvalidProject):
        await uris(project, path)


async def test_links_that_lead_out_are_passed_over_and_circles_end(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.md").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.md").write_text("secret")
    (project / "docs" / "out.md").symlink_to(tmp_path / "outside.md")
    (project / "docs" / "away").symlink_to(tmp_path / "elsewhere")
    (project / "docs" / "circle").symlink_to(project / "docs")
    (project / "docs" / "in.md").symlink_to(project / "notes" / "e.md")
    (project / "docs" / "dead.md").symlink_to(project / "none.md")
    assert await uris(project, "docs") == ["docs/a.md", "docs/in.md", "docs/sub/b.txt"]


async def test_a_folder_outside_is_read_where_it_is_named(project: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "x.md").write_text("x")
    assert await uris(project, "../shared") == ["../shared/x.md"]
    assert await uris(project, str(tmp_path / "shared" / "*.md")) == ["../shared/x.md"]


async def test_items_carry_labels_metadata_and_a_token_that_changes_with_the_file(project: Path) -> None:
    source = open_source(FileSource(paths=["docs/a.md"], acl=["hr"], metadata={"area": "it"}), project)
    (first,) = [item async for item in source.list()]
    assert (first.acl, first.metadata, first.link) == (frozenset({"hr"}), {"area": "it"}, "docs/a.md")
    assert await source.read(first) == b"text of docs/a.md"
    (project / "docs" / "a.md").write_text("longer text of docs/a.md")
    (second,) = [item async for item in source.list()]
    assert second.token != first.token


def _write_odd_name(folder: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md")).write_text("coffee")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")


async def test_a_name_that_is_no_utf8_is_listed_and_read(project: Path) -> None:
    _write_odd_name(project / "docs")
    source = Files(FileSource(paths=["docs"]), project)
    found = {item.uri: item async for item in source.list()}
    assert await source.read(found["docs/caf%E9.md"]) == b"coffee"


async def test_a_file_that_cannot_be_read_is_its_own_trouble(project: Path) -> None:
    source = Files(FileSource(paths=["docs"]), project)
    items = [item async for item in source.list()]
    (project / "docs" / "a.md").unlink()
    with pytest.raises(UnreadableDocument, match=r"docs/a.md.*check that it is there"):
        await source.read(items[0])
    assert await source.read(items[1]) == b"text of docs/sub/b.txt"


async def test_a_huge_file_is_refused_with_its_size(project: Path) -> None:
    with (project / "docs" / "a.md").open("wb") as file:
        file.truncate(base.MAX_BYTES + 1)
    source = Files(FileSource(paths=["docs/a.md"]), project)
    (item,) = [item async for item in source.list()]
    with pytest.raises(UnreadableDocument, match="200 MB"):
        await source.read(item)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
async def test_a_folder_that_cannot_be_listed_stops_the_listing(project: Path) -> None:
    (project / "docs" / "sub").chmod(0)
    try:
        with pytest.raises(Unavailable, match="nothing can be taken for deleted"):
            await uris(project, "docs")
    finally:
        (project / "docs" / "sub").chmod(0o755)


def test_a_glob_of_many_stars_ends() -> None:
    assert not Glob("/".join([*["**", "a"] * 30, "z"])).matches("/".join(["a"] * 200))
