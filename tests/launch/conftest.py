"""What tests of launchers share: folders of runs for a program of a second."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PROGRAM = "tiny_program"


@pytest.fixture
def environ() -> Mapping[str, str]:
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[..., Path]:
    def make(**run: Any) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        lines = [
            f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in run.items()
        ]
        (folder / "run.toml").write_text("\n".join(lines))
        return folder

    return make


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(true: Callable[[], bool], within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False
