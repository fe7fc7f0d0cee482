"""The ways take turns, one answer at a time, and what it is to start is no part of an answer."""

from collections.abc import AsyncIterator

from fourways.core.chat import Answerer, ChatRequest, Chunk
from fourways.core.errors import UpstreamError
from fourways.core.trace import Trace
from fourways.evals.cases import Case
from fourways.evals.comparing.timing import CASES, LEAST, Racer, spread, take_turns


class Track:
    """A clock that answers move on, and what was asked of whom."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cpu = 0.0
        self.asked: list[str] = []

    def answerer(self, way: str, seconds: float, *, first: float = 0.0, fails: bool = False) -> Answerer:
        async def answer(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
            self.asked.append(f"{way} {request.messages[0]['content']}")
            loading = first if sum(one.startswith(way) for one in self.asked) == 1 else 0.0
            self.now += seconds / 2 + loading
            if fails:
                raise UpstreamError("gone")
            yield Chunk(text="a")
            self.now += seconds / 2
            self.cpu += seconds / 10
            yield Chunk(text="b", finish="stop")

        return answer


def cases(count: int) -> list[Case]:
    return [Case(id=f"c{number}", messages=({"role": "user", "content": str(number)},)) for number in range(count)]


async def race(track: Track, racers: dict[str, Answerer], count: int = 4, patience: float = 1e9):
    told: list[tuple[int, int]] = []
    found = await take_turns(
        [Racer(way=way, model=f"a:{way}", answerer=answerer) for way, answerer in racers.items()],
        cases(count),
        clock=lambda: track.now,
        busy=lambda: track.cpu,
        temperature=0.0,
        within=60.0,
        patience=patience,
        told=lambda done, total: told.append((done, total)),
    )
    return found, told


async def test_they_take_turns_and_none_always_goes_first() -> None:
    track = Track()
    _, told = await race(track, {"prompt": track.answerer("prompt", 1), "rag": track.answerer("rag", 2)}, 3)
    assert track.asked[2:] == ["prompt 0", "rag 0", "rag 1", "prompt 1", "prompt 2", "rag 2"]
    assert told == [(1, 3), (2, 3), (3, 3)]


async def test_what_loading_takes_is_in_no_answer() -> None:
    track = Track()
    found, _ = await race(track, {"rag": track.answerer("rag", 2, first=30)})
    assert [one.seconds for one in found["rag"]] == [2.0] * 4
    assert [one.first_token for one in found["rag"]] == [1.0] * 4
    assert [round(one.busy or 0, 6) for one in found["rag"]] == [0.2] * 4


async def test_an_answer_that_breaks_off_is_noted_as_such() -> None:
    track = Track()
    found, _ = await race(track, {"rag": track.answerer("rag", 2, fails=True)})
    assert all(one.failed for one in found["rag"])


async def test_of_a_server_that_ended_meanwhile_it_is_not_known_what_the_answer_kept_busy() -> None:
    """What it had spent is no longer seen: the machine would seem to have worked backwards."""
    track = Track()
    whole = track.answerer("rag", 2)

    async def answer(request: ChatRequest, trace: Trace, /) -> AsyncIterator[Chunk]:
        async for chunk in whole(request, trace):
            yield chunk
        track.cpu -= 100.0 if len(track.asked) == 3 else 0.0

    found, _ = await race(track, {"rag": answer})
    assert [one.busy is None for one in found["rag"]] == [False, True, False, False]


async def test_slow_ways_are_asked_fewer_times_yet_a_few_times_in_any_case() -> None:
    track = Track()
    found, _ = await race(track, {"rag": track.answerer("rag", 10)}, 20, patience=60.0)
    assert len(found["rag"]) == 7
    track = Track()
    found, _ = await race(track, {"rag": track.answerer("rag", 10)}, 20, patience=0.0)
    assert len(found["rag"]) == LEAST


def test_the_cases_are_spread_over_the_whole_suite() -> None:
    assert [case.id for case in spread(cases(100), 4)] == ["c0", "c25", "c50", "c75"]
    assert len(spread(cases(1190))) == CASES
    assert len(spread(cases(3))) == 3
