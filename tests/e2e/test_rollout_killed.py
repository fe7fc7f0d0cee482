"""kill -9 at every step of a rollout: the next start goes on from the log, nobody is served two releases in turn."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e import rollouts
from tests.e2e.personas import FACTS, Personas, personas
from tests.e2e.processes import ProjectFolder, Server, wait_until
from tests.e2e.rollouts import PATIENCE, USERS, asking, state, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("rollout-killed")]

CANARY = {
    "steps": [{"setWeight": 20}, {"pause": "1s"}, {"setWeight": 50}, {"analysis": {}}],
    "analysis": {"requests": 60, "looks": 3, "minimum": 20, "max_error_increase": 0.25},
}


@pytest.fixture
def upstream() -> Iterator[Personas]:
    with personas() as found:
        yield found


@pytest.fixture
def project(tmp_path: Path, upstream: Personas) -> ProjectFolder:
    return rollouts.make(tmp_path / "desk", upstream.url, canary=CANARY)


def events(project: ProjectFolder) -> list[str]:
    return [str(row["event"]) for row in project.rows("select event from release_log order by number")]


def weight(project: ProjectFolder) -> float:
    rows = project.rows("select detail from release_log where event = 'shift' order by number desc limit 1")
    return float(rows[0]["detail"].partition('"weight":')[2].partition("}")[0].partition(",")[0]) if rows else 0.0


def served(server: Server) -> dict[str, str | None]:
    """Which release each user is served, asked once."""
    client = server.client()
    found: dict[str, str | None] = {}
    for number in range(USERS):
        messages = [{"role": "user", "content": f"Please: {list(FACTS)[number % len(FACTS)]}"}]
        answer = client.chat.completions.create(model="desk", messages=messages, user=f"user-{number}")
        found[f"user-{number}"] = answer.fourways.get("release")
    return found


def started(project: ProjectFolder) -> Server:
    server = Server(project)
    server.ready()
    return server


STEPS: dict[str, Callable[[ProjectFolder], bool]] = {
    "while it is evaluated": lambda project: bool(project.rows("select 1 from jobs where state = 'running'")),
    "as soon as it passed": lambda project: "gate_passed" in events(project),
    "as its canary starts": lambda project: "start_canary" in events(project),
    "at its first weight": lambda project: events(project).count("shift") == 1,
    "at its second weight": lambda project: events(project).count("shift") == 2,
    "after a look": lambda project: "look" in events(project),
}


def test_killed_at_every_step_it_goes_on_and_everybody_stays_where_they_were(project: ProjectFolder):
    server = started(project)
    server.post("/api/releases", {"app": "desk"})
    for step, reached in STEPS.items():
        with asking(server) if step == "after a look" else asking(server, at_once=1):
            wait_until(lambda reached=reached: reached(project), step, seconds=PATIENCE)  # type: ignore[misc]
        before = served(server) if weight(project) else {}
        at = weight(project)
        server.kill()
        server = started(project)
        after = served(server)
        if before and at == weight(project) and state(project, "r1") == "canary":
            assert after == before, f"killed {step}"
    with asking(server):
        until(project, "r1", "live")
    told = events(project)
    assert [told.count(event) for event in ("create", "gate_passed", "approve", "start_canary", "promote")] == [1] * 5
    assert told.count("shift") == 2
    assert project.done("release", "log", "--json").json["broken"] == ""
    server.forgive("")
    assert server.stop() == 0
