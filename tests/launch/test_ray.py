"""A Ray cluster of two nodes does what this machine's processes do: the same folder, the same reports and result."""

import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest
from tests.launch.conftest import HERE, PROGRAM

from fourways.launch.base import Program
from fourways.launch.local import LocalLauncher
from fourways.launch.ray import RayLauncher

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("ray")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    command = [sys.executable, "-m", "fourways.launch.guard", sys.executable, str(HERE / "ray_cluster.py")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    address = process.stdout.readline().strip()
    yield address
    process.terminate()
    process.communicate()


@pytest.fixture
def launcher(cluster: str, environ: Mapping[str, str]) -> RayLauncher:
    told = {"PYTHONPATH": environ["PYTHONPATH"], "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
    return RayLauncher(cluster, module=PROGRAM, python=sys.executable, environ=told, pause=0.2)


async def test_a_folder_gives_what_it_gives_here(launcher, environ, run_folder, tmp_path):
    told: dict[str, list[int]] = {"ray": [], "local": []}
    folder = run_folder(steps=5)
    program = Program(folder=folder, processes=2)
    result = await launcher.run(program, lambda report: told["ray"].append(report["step"]))
    assert (folder / "starts").read_text().split() in (["0/2", "1/2"], ["1/2", "0/2"])
    beside = tmp_path / "local"
    beside.mkdir()
    (beside / "run.toml").write_text((folder / "run.toml").read_text())
    local = LocalLauncher(module=PROGRAM, environ=environ)
    here = await local.run(Program(folder=beside, processes=2), lambda report: told["local"].append(report["step"]))
    assert result == here == {"steps": 5, "total": 3, "world": 2}
    assert told["ray"] == told["local"] == [1, 2, 3, 4, 5]
