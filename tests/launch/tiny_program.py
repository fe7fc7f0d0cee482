"""A training program of a second: `python -m tiny_program FOLDER`, with the manners of `fourways.training`.

`run.toml` says what happens: `steps`, `pause` (seconds a step), `refuse` or `fail` (what it says, ending so), `die_at`
(a step before which it kills itself, once), `deaf` (whether it overhears SIGTERM).
"""

import json
import os
import signal
import sys
import time
import tomllib
from pathlib import Path


def main(folder: Path) -> int:
    run = tomllib.loads((folder / "run.toml").read_text())
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    (folder / f"pid-{rank}").write_text(str(os.getpid()))
    with (folder / "starts").open("a") as starts:
        starts.write(f"{rank}/{world}\n")
    if run.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if run.get("refuse"):
        sys.stderr.write(f"a warning\nfourways.training: {run['refuse']}\n")
        return 2
    total = gathered(rank + 1, world)
    path = folder / "steps.jsonl"
    kept = [] if rank or not path.exists() else path.read_text().splitlines()[: resumed_at(folder)]
    if rank == 0:
        path.write_text("".join(f"{line}\n" for line in kept))
    for step in range(len(kept) + 1 if rank == 0 else 1, run["steps"] + 1):
        time.sleep(run.get("pause", 0))
        if step == run.get("die_at") and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if rank == 0:
            with path.open("a") as file:
                file.write(json.dumps({"step": step, "of": run["steps"], "loss": run.get("scale", 1) / step}) + "\n")
            if step % 2 == 0:
                (folder / "checkpoint").write_text(str(step))
    if run.get("fail"):
        sys.stderr.write(f"{run['fail']}\n")
        return 1
    if rank == 0:
        unfinished = folder / "result.unfinished"
        unfinished.write_text(json.dumps({"steps": run["steps"], "total": total, "world": world}))
        unfinished.replace(folder / "result.json")
    return 0


def resumed_at(folder: Path) -> int:
    checkpoint = folder / "checkpoint"
    return int(checkpoint.read_text()) if checkpoint.exists() else 0


def gathered(mine: int, world: int) -> int:
    """The sum of what every process brings, over gloo: shows that they found each other."""
    if world == 1:
        return mine
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    value = torch.tensor([mine])
    dist.all_reduce(value)
    dist.destroy_process_group()
    return int(value)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
