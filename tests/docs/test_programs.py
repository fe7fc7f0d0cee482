"""The programs that the README and the documentation show are run, against the sample project and a real server."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.docs.blocks import PAGES, SHELLS, Block, blocks

SHOWN_ADDRESS = "127.0.0.1:8080"
PROGRAMS = {page: found for page in PAGES if (found := blocks(page, "python")) and "architecture" not in page.name}
CURLS = [block for page in PAGES for block in blocks(page, *SHELLS) if "curl" in block.text]
CHATTING = [block for page in PAGES for block in blocks(page, *SHELLS) if "fourways chat -m" in block.text]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("documentation")]


@dataclass(frozen=True, slots=True)
class Running:
    """The sample project's folder, what it stands in, and where it is served."""

    home: Path
    address: str

    def shown(self, text: str) -> str:
        return text.replace(SHOWN_ADDRESS, self.address)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("documentation")
    project = home / "helpdesk"
    _fourways("init", str(project), "--sample", "helpdesk")
    _fourways("--project", str(project), "ingest")
    command = [sys.executable, "-m", "fourways", "--project", str(project), "up", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
        try:
            yield Running(home, told["url"].partition("://")[2])
        finally:
            server.terminate()


def _fourways(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "fourways", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.name)
def test_the_programs_of_a_page_run(page: Path, running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    before = Path.cwd()
    os.chdir(running.home)
    try:
        for block in PROGRAMS[page]:
            exec(compile(running.shown(block.text), str(block), "exec"), names)
            assert capsys.readouterr().out.strip(), f"{block} says nothing"
    finally:
        os.chdir(before)


@pytest.mark.parametrize("block", CURLS, ids=str)
def test_what_is_asked_with_curl_is_answered(block: Block, running: Running) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    lines = running.shown(block.text).replace("\\\n", " ").splitlines()
    for line in (line for line in lines if line.startswith("curl ")):
        done = subprocess.run(
            [*shlex.split(line), "--silent", "--show-error", "--fail-with-body"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert done.stdout


def test_a_question_of_the_pages_is_answered_with_its_source(running: Running) -> None:
    told = json.loads(
        _fourways(
            "--project", str(running.home / "helpdesk"), "chat", "--json",
            "-m", "How long is a guest Wi-Fi voucher valid in Corvale?",
        )
    )  # fmt: skip
    assert CHATTING
    assert "24 hours" in told["answer"]
    assert "docs/wifi-guests-corvale.md" in {citation["document"] for citation in told["citations"]}
