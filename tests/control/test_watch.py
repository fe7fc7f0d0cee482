"""Releases on their way, looked after: started, walked through their steps, taken back, on evidence from traces."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fourways.config.tree import Project
from fourways.control import releases, showing
from fourways.control.judging import Opinions, replayed
from fourways.control.watch import Watch
from fourways.core.errors import Refused, UpstreamError
from fourways.core.ids import DEFAULT_TENANT as TENANT
from fourways.core.rollout import Standing
from fourways.core.specs import Candidate
from fourways.core.trace import Trace
from fourways.core.verdict import Passed, RuleResult, Verdict
from fourways.store import candidates, traces
from fourways.store import releases as rows
from fourways.store.database import Database, open_database
from fourways.store.releases import ReleaseRow

GOOD = Verdict(rules=(RuleResult(rule="passed", passed=True, figure=0.9),))
CANARY = {
    "steps": [{"setWeight": 10}, {"pause": 60}, {"setWeight": 50}, {"analysis": {}}],
    "analysis": {"requests": 200, "minimum": 50, "max_error_increase": 0.05},
}


class World:
    """A store, a clock, a watch over both, and people who ask."""

    def __init__(self, database: Database, canary: Mapping[str, Any] = CANARY) -> None:
        app = {"ways": {"prompt": {"model": "echo"}}, "release": {"approval": "none", "canary": canary}}
        self.project = Project.model_validate({"project": "testing", "apps": {"desk": app, "other": app}})
        self.database = database
        self.now = 1000.0
        self.moves = 0
        self.watch = Watch(database=database, tenant=TENANT, moved=self.moved, now=lambda: self.now)

    async def moved(self) -> None:
        self.moves += 1

    def release(self, system: str = "hello", app: str = "desk") -> None:
        """Make a release that passes its gate."""
        made = Candidate(app=app, way="prompt", parts={"prompt": {"system": system}})
        with self.database.transaction() as connection:
            candidates.save_candidate(connection, TENANT, made, now=self.now)
        row = releases.create(self.database, TENANT, self.project, made, stage="production", actor="ann", now=self.now)
        releases.gated(self.database, TENANT, row, GOOD, report="rep", now=self.now)

    def asked(self, arm: str, count: int, *, failures: int = 0, seconds: float = 0.5, release: str = "r1") -> None:
        """Let people ask one arm, just now."""
        batch = []
        for number in range(count):
            trace = Trace(clock=iter([0.0, seconds + number / 1000]).__next__, now=lambda: self.now)
            trace.tenant, trace.app, trace.attributes["arm"] = TENANT, "desk", arm
            trace.release = release if arm == "canary" else None
            trace.end(UpstreamError("broke") if number < failures else None)
            batch.append(trace)
        with self.database.transaction() as connection:
            traces.record_traces(connection, batch)

    async def after(self, seconds: float, looks: int = 1) -> Standing:
        """Let time pass, look, and return where r1 stands."""
        self.now += seconds
        for _ in range(looks):
            await self.watch.look()
        return self.standing()

    def standing(self, number: int = 1, app: str = "desk") -> Standing:
        return showing.show(self.database, TENANT, app, number).standing

    def events(self) -> list[str]:
        with self.database.reading() as connection:
            return [event.event for event in rows.events(connection, TENANT)]


@pytest.fixture
def database() -> Iterator[Database]:
    opened = open_database("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def world(database: Database) -> World:
    made = World(database)
    made.release()
    return made


async def test_what_is_approved_starts_and_takes_its_first_step(world: World):
    standing = await world.after(1, looks=2)
    assert (standing.state, [shift.weight for shift in standing.shifts]) == ("canary", [0.0, 0.1])
    assert world.moves == 2


async def test_it_goes_on_when_its_pause_is_over_and_not_before(world: World):
    await world.after(1, looks=2)
    assert (await world.after(59)).shifts[-1].weight == 0.1
    assert (await world.after(2)).shifts[-1].weight == 0.5


async def test_a_release_that_cannot_be_looked_after_holds_no_other_app_up(world: World, monkeypatch, caplog):
    monkeypatch.setattr("fourways.control.releases.proof_of", broken_for("desk"))
    world.release(app="other")
    await world.after(1)
    assert world.standing().state == "approved"
    assert world.standing(app="other").state == "canary"
    assert "desk in production" in caplog.text


def broken_for(app: str):
    """Return a `proof_of` that finds no proof of one app's releases."""

    def proof_of(release: ReleaseRow, standing: Standing) -> Passed:
        if release.app == app:
            raise Refused("fail", ["what the log says cannot be read"])
        return real(release, standing)

    real = releases.proof_of
    return proof_of


async def walked(world: World) -> None:
    """Bring r1 to its last step."""
    await world.after(1, looks=2)
    await world.after(61)


async def test_it_becomes_live_once_it_is_shown_to_be_no_worse(world: World):
    await walked(world)
    world.asked("canary", 200)
    world.asked("control", 200)
    standing = await world.after(1, looks=3)
    assert standing.state == "live"
    assert standing.judged == "shown to be no worse: every rule of its analysis holds"
    assert standing.verdict is not None
    assert standing.verdict["outcome"] == "pass"


@pytest.mark.parametrize("count", [0, 20])
async def test_too_few_answers_never_promote_however_long_it_takes(world: World, count: int):
    await walked(world)
    world.asked("canary", count)
    world.asked("control", count)
    assert (await world.after(1e7, looks=3)).state == "canary"


async def test_one_that_fails_is_taken_back_at_the_next_look_and_the_log_says_why(world: World):
    await walked(world)
    world.asked("canary", 30, failures=12)
    world.asked("control", 30)
    standing = await world.after(0.5)
    assert (standing.state, world.events()[-1]) == ("rolled_back", "roll_back")
    assert "errors" in standing.judged
    assert standing.verdict is not None
    assert standing.verdict["outcome"] == "fail"


async def test_one_that_is_slow_is_taken_back_at_a_look(world: World):
    await walked(world)
    world.asked("canary", 100, seconds=2.0)
    world.asked("control", 100)
    standing = await world.after(1, looks=2)
    assert standing.state == "rolled_back"
    assert "slower" in standing.judged


async def test_looks_are_written_down_with_their_verdict(world: World):
    await walked(world)
    world.asked("canary", 80)
    world.asked("control", 80)
    await world.after(1)
    assert (world.events()[-1], world.standing().looks) == ("look", 2)


async def test_a_watch_that_was_killed_is_followed_by_one_that_goes_on(database: Database):
    first = World(database)
    first.release()
    await walked(first)
    second = World(database)
    second.now = first.now
    second.asked("canary", 200)
    second.asked("control", 200)
    assert (await second.after(1, looks=3)).state == "live"
    assert second.events().count("start_canary") == 1
    assert second.events().count("shift") == 2


async def test_two_that_watch_at_once_move_it_once(world: World, database: Database):
    other = World(database)
    other.now = world.now
    standings = world.watch._standings.now()
    await other.watch.look()
    row, seen = standings.release("desk", 1), standings.lines["desk", "production"].standings[1]
    with pytest.raises(Exception, match="moved by somebody else"):
        world.watch._start(row, seen)
    assert world.events().count("start_canary") == 1


async def test_the_next_one_waits_for_the_canary_before_it(world: World):
    await world.after(1, looks=2)
    world.release("good day")
    await world.after(1, looks=2)
    assert world.standing(2).state == "approved"
    releases.roll_back(world.database, TENANT, "desk", 1, actor="ann", now=world.now, reason="x")
    await world.after(1, looks=2)
    assert world.standing(2).state == "canary"


async def test_a_policy_without_steps_has_nothing_to_wait_for(database: Database):
    world = World(database, {"steps": []})
    world.release()
    assert (await world.after(1, looks=2)).state == "live"
    assert world.events() == ["create", "gate_passed", "approve", "start_canary", "promote"]


async def test_it_holds_as_long_as_it_is_told_to(database: Database):
    world = World(database, {**CANARY, "hold": 300})
    world.release()
    await walked(world)
    world.asked("canary", 200)
    world.asked("control", 200)
    assert (await world.after(1, looks=3)).state == "canary"
    assert (await world.after(300, looks=3)).state == "live"


@pytest.mark.parametrize(
    ("canary", "control", "passed"),
    [
        ([1.0] * 40, [1.0] * 40, True),
        ([0.0] * 20 + [1.0] * 20, [1.0] * 40, False),
        ([1.0] * 5, [1.0] * 5, None),
        ([1.0, 0.0] * 10, [0.0, 1.0] * 10, None),
    ],
)
def test_a_paired_replay_is_judged_by_the_bound_of_the_difference(
    canary: list[float], control: list[float], *, passed: bool | None
):
    opinions = Opinions(judged={}, canary=canary, control=control, wanted=40)
    assert replayed(opinions, 0.10).passed is passed
