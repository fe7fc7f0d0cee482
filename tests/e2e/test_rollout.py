"""Releases over HTTP with real processes: good ones go to live by themselves, bad ones come back by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e import rollouts
from tests.e2e.personas import Personas, personas
from tests.e2e.processes import ProjectFolder, Server, serving, wait_until
from tests.e2e.rollouts import asking, release, state, until, use

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("rollout")]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Personas]:
    with personas() as found:
        yield found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, upstream: Personas) -> ProjectFolder:
    return rollouts.make(tmp_path_factory.mktemp("rollout") / "desk", upstream.url)


@pytest.fixture(scope="module")
def server(project: ProjectFolder) -> Iterator[Server]:
    with serving(project) as running:
        running.forgive("was rolled back")
        yield running


@pytest.fixture(scope="module")
def live(project: ProjectFolder, server: Server) -> str:
    """The first release, gone to live by itself while people asked."""
    first = release(project)
    with asking(server) as crowd:
        until(project, first, "live")
    assert crowd.failed == []
    assert {name for names in crowd.served.values() for name in names} == {None, first}
    return first


def test_a_good_candidate_goes_to_live_by_itself_and_nobody_is_sent_back_and_forth(
    project: ProjectFolder, server: Server, live: str
):
    use(project, "right", "also-right")
    try:
        second = release(project)
        with asking(server) as crowd:
            until(project, second, "live")
    finally:
        use(project, "also-right", "right")
    assert crowd.failed == []
    assert all(names in ([live], [live, second], [second]) for names in crowd.served.values())
    assert state(project, live) == "superseded"
    assert answering(server) == second


@pytest.mark.parametrize(
    ("persona", "said", "thumbs"),
    [("slow", "slower", False), ("failing", "errors", False), ("two-faced", "thumbs down", True)],
)
def test_a_bad_candidate_is_taken_back_and_the_log_says_why(
    project: ProjectFolder, server: Server, live: str, persona: str, said: str, *, thumbs: bool
):
    serving_now = answering(server)
    use(project, "right", persona)
    try:
        bad = release(project)
        with asking(server, thumbs=thumbs) as crowd:
            until(project, bad, "rolled_back")
    finally:
        use(project, persona, "right")
    judged = project.done("release", "status", bad, "--json").json["standing"]["judged"]
    assert said in judged
    assert all(set(names) <= {serving_now, bad} for names in crowd.served.values())
    assert len(crowd.failed) == 0 or persona == "failing", "no failed request but the canary's own"
    assert answering(server) == serving_now


def test_a_candidate_that_answers_wrong_never_meets_anybody(project: ProjectFolder, server: Server, live: str):
    use(project, "right", "wrong")
    try:
        ended = project.run("release", "create", "--json", seconds=rollouts.PATIENCE)
    finally:
        use(project, "wrong", "right")
    assert ended.code == 3, "the gate said no"
    assert ended.json["standing"]["state"] == "rejected"
    assert "passed at least 90 %" in ended.json["standing"]["judged"]


def answering(server: Server) -> str | None:
    """The release that answers somebody whom nobody knows."""
    hello = [{"role": "user", "content": "Hello"}]
    found: str | None = server.client().chat.completions.create(model="desk", messages=hello).fourways.get("release")
    return found


def test_rolling_back_by_hand_is_in_force_within_a_second(project: ProjectFolder, server: Server, live: str):
    before = answering(server)
    project.done("release", "rollback", "-m", "wrong prices")
    wait_until(lambda: answering(server) != before, "another release to answer", seconds=1)
    log = project.done("release", "log", "--json").json
    assert log["broken"] == ""
    assert (log["rows"][-1]["event"], log["rows"][-1]["reason"]) == ("roll_back", "wrong prices")


def test_an_exported_release_is_served_by_another_machine(project: ProjectFolder, live: str, tmp_path: Path):
    told = project.done("release", "export", live, "--to", str(tmp_path / "bundle"), "--json").json
    elsewhere = ProjectFolder(folder=tmp_path)
    strange = elsewhere.run("release", "import", "bundle", "--into", "desk")
    assert strange.code == 2
    assert told["signer"] in strange.err
    done = elsewhere.done(
        "release", "import", "bundle", "--into", "desk", "--trust", told["signer"], "--json", seconds=rollouts.PATIENCE
    ).json
    assert done["standing"]["state"] == "approved"
    assert (
        done["release"]["candidate"] == project.done("release", "status", live, "--json").json["release"]["candidate"]
    )
