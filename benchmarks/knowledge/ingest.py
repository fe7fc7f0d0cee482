"""Documents a CPU second at ingest: the pipeline alone (words are hashed), and with the real engine."""

import os
import resource
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fourways.config.tree import Knowledge
from fourways.knowledge.library import Library
from fourways.models.embedders import Embedder, HashEmbedder
from fourways.models.supervisor import EngineProcess
from fourways.store.database import open_database

TICK = os.sysconf("SC_CLK_TCK")
DIMENSIONS = 384
DELETED = "docs/0700.md"


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cpu_of(pid: int) -> float:
    """User and system seconds of another process, as the kernel counts them."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def open_library(work: Path, name: str, embed: Embedder) -> Library:
    node = Knowledge.model_validate({"sources": [{"paths": ["docs"]}]})
    state = work / name
    database = open_database(f"sqlite:///{state}/fourways.db")
    return Library(name, node, folder=work, state=state, database=database, embed=embed)


async def pipeline(work: Path) -> dict[str, float]:
    """Everything but the embedding model, imports included in none of the figures."""
    import lancedb  # noqa: F401 - its three seconds are start-up, not ingest

    library = open_library(work, "pipeline", HashEmbedder(DIMENSIONS))
    figures = await _ingested(library, own_cpu)
    figures["unchanged sync, s"] = await _timed(library.sync)
    (work / "docs" / "0001.md").write_text("# Changed\n\nOne page of many has other words now.")
    figures["sync of one changed document, s"] = await _timed(library.sync)
    figures["deletion of one document, s"] = await _timed(lambda: library.delete(DELETED))
    shutil.rmtree(work / "pipeline")
    return figures


async def with_engine(work: Path) -> dict[str, float]:
    """With the packaged MiniLM in the engine's process."""
    import lancedb  # noqa: F401 - as above

    engine = EngineProcess(work / "engine")
    await engine.start()
    try:
        embed = await engine.embedder()
        await embed(["warm"])
        at = engine.server.at
        assert at is not None
        return await _ingested(open_library(work, "with-engine", embed), lambda: own_cpu() + cpu_of(at.pid))
    finally:
        await engine.stop()


async def _ingested(library: Library, cpu: Callable[[], float]) -> dict[str, float]:
    used, began = cpu(), time.perf_counter()
    report = await library.sync()
    used, took = cpu() - used, time.perf_counter() - began
    return {
        "documents": report.documents,
        "passages": report.passages,
        "CPU s": used,
        "documents / CPU s": report.documents / used,
        "documents / s": report.documents / took,
    }


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return round(time.perf_counter() - began, 3)
