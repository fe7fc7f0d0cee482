"""`python -m fourways.launch.ray_driver FOLDER`: a job's driver, which has Ray Train run a folder's training program.

Each of Ray Train's workers runs one process of the program, under a guard, as torch's launcher would on one machine:
it is told its rank and where the first one listens. What fails is tried again, and goes on from its checkpoint.
"""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fourways.launch.local import take_lock
from fourways.launch.outcomes import LOCK, LOG, PROGRAM, REFUSED
from fourways.launch.reports import result_of

TRIES = 3
"""How often the workers are started anew after one failed: a node that went away, memory that ran out."""
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; 0 once its result is there, 2 where it refused its input, 1 where it failed."""
    options = _parser().parse_args(arguments)
    folder: Path = options.folder
    lock = take_lock(folder / LOCK)
    if lock is None:
        sys.stderr.write(f"{folder} is being trained by a program outside the cluster; launch it there\n")
        return FAILED
    with lock:
        return _train(options, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fourways.launch.ray_driver", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--module", default=PROGRAM)
    parser.add_argument("--gpus", action="store_true", help="a GPU for each process")
    return parser


def _train(options: argparse.Namespace, folder: Path) -> int:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    trainer = DataParallelTrainer(
        work,
        train_loop_config={"folder": str(folder), "module": options.module},
        scaling_config=ScalingConfig(num_workers=options.processes, use_gpu=options.gpus),
        run_config=RunConfig(
            name="ray", storage_path=str(folder), failure_config=FailureConfig(max_failures=TRIES)
        ),
    )  # fmt: skip
    try:
        trainer.fit()
    except Exception as error:  # noqa: BLE001 - Ray's errors have no common root; the job's end says the rest
        sys.stderr.write(f"{error}\n")
        return FAILED
    return REFUSED if result_of(folder) is None else 0


def work(config: Mapping[str, Any]) -> None:
    """Run one process of the program, in one of Ray Train's workers; raises RuntimeError where it fails.

    One that refuses its input ends without an error: to try that again would change nothing.
    """
    folder = Path(config["folder"])
    with (folder / LOG).open("ab") as said:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "fourways.launch.guard", sys.executable, "-m", config["module"], str(folder)],
            stdin=subprocess.PIPE,  # closes with this worker
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_place(), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    code = process.wait()
    if code not in {0, REFUSED}:
        raise RuntimeError(f"{config['module']} ended with {code}; {folder / LOG} has what it said")


def _place() -> dict[str, str]:
    """Say which of the processes this is and where they meet, in the words of torch's launcher."""
    from ray import train
    from ray.train.collective import broadcast_from_rank_zero
    from ray.util import get_node_ip_address

    context, here = train.get_context(), str(get_node_ip_address())  # type: ignore[no-untyped-call]
    mine = {"MASTER_ADDR": here, "MASTER_PORT": str(_free_port())}
    world = context.get_world_size()
    alone = len(os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")) == 1  # then the GPU one sees is one's own
    return {
        **(broadcast_from_rank_zero(mine) if world > 1 else mine),
        "RANK": str(context.get_world_rank()),
        "WORLD_SIZE": str(world),
        "LOCAL_RANK": "0" if alone else str(context.get_local_rank()),
        "LOCAL_WORLD_SIZE": str(context.get_local_world_size()),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }


def _free_port() -> int:
    with socket.create_server(("", 0)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
