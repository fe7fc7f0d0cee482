"""How long answers take and what they keep busy: asked one at a time, afresh, the ways taking turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fourways.core.chat import Answerer
from fourways.core.report import Estimate, Report
from fourways.core.trace import Clock
from fourways.core.traits import Traits
from fourways.evals.asking import ask, request_of
from fourways.evals.cases import Case
from fourways.evals.comparing.comparison import Timing
from fourways.evals.statistics import quantile_estimate

CASES = 25
"""Cases that are timed, spread over the suite."""
LEAST = 5
"""Rounds that are made whatever they take."""

Told = Callable[[int, int], None]
"""Told how many rounds of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocked:
    """One answer by the clock.

    Attributes:
        seconds, first_token: to the end, to the first token; None where none came by itself.
        busy: CPU seconds that this machine's processes spent on it; None where that cannot be seen, or one ended.
        failed: whether it broke off.
    """

    case: str
    seconds: float
    first_token: float | None
    busy: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Racer:
    """A way that takes part: the name it is asked by, and what answers."""

    way: str
    model: str
    answerer: Answerer


def spread(cases: Sequence[Case], count: int = CASES) -> list[Case]:
    """Return so many cases, spread evenly over all of them."""
    if len(cases) <= count:
        return list(cases)
    return [cases[place * len(cases) // count] for place in range(count)]


async def take_turns(
    racers: Sequence[Racer],
    cases: Sequence[Case],
    *,
    clock: Clock,
    busy: Callable[[], float | None],
    temperature: float | None,
    within: float,
    patience: float,
    told: Told,
) -> Mapping[str, list[Clocked]]:
    """Ask every case of every way, one answer at a time: A B A B, then B A, so that no way always goes first.

    What is asked first, and not counted, is one question each: starting and loading is no part of an answer.

    Args:
        racers: the ways.
        cases: what is asked.
        clock: monotonic seconds.
        busy: CPU seconds that this machine's processes have spent so far.
        temperature: sent along; the candidates' own where None.
        within: seconds for one answer.
        patience: seconds after which no new round begins, once there are a few.
        told: how far it is.
    """

    async def one(racer: Racer, case: Case) -> Clocked:
        before = busy()
        request = request_of(case, racer.model, temperature=temperature)
        answered = await ask(racer.answerer, request, within=within, clock=clock)
        after = busy()
        return Clocked(
            case=case.id,
            seconds=answered.seconds,
            first_token=answered.first_token,
            busy=None if before is None or after is None or after < before else after - before,
            failed=bool(answered.error),
        )

    found: dict[str, list[Clocked]] = {racer.way: [] for racer in racers}
    for racer in racers if cases else ():
        await one(racer, cases[0])
    begun = clock()
    for number, case in enumerate(cases):
        if number >= LEAST and clock() - begun > patience:
            break
        for racer in racers if number % 2 == 0 else reversed(racers):
            found[racer.way].append(await one(racer, case))
        told(number + 1, len(cases))
    return found


# ---------------------------------------------------------------- what it comes to


def timing_of(clocked: Sequence[Clocked], traits: Traits, report: Report, *, cores: int) -> Timing | None:
    """Sum up what was clocked of a way; None where every answer broke off.

    Args:
        clocked: its answers.
        traits: tells whether a model server of one's own answers.
        report: the evaluation, whose questions were under way together.
        cores: CPU cores of this machine.
    """
    whole = [one for one in clocked if not one.failed]
    if not whole:
        return None
    seconds = [one.seconds for one in whole]
    first = [one.first_token for one in whole if one.first_token is not None]
    machine = _own_server(seconds, report) if _has_server(traits) else _cpu_share(whole, cores)
    return Timing(
        n=len(whole),
        first_p50=_quantile(first, 0.5),
        first_p95=_quantile(first, 0.95),
        whole_p50=quantile_estimate(seconds, 0.5),
        whole_p95=quantile_estimate(seconds, 0.95),
        machine_seconds=machine.seconds,
        how=machine.how,
        failed=len(clocked) - len(whole),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """Seconds of a whole machine that one answer takes, and how that was found."""

    seconds: float
    how: str


def _quantile(values: Sequence[float], q: float) -> Estimate | None:
    return quantile_estimate(values, q) if values else None


def _has_server(traits: Traits) -> bool:
    """Whether a model server of one's own answers: its accelerator's work is not seen among CPU seconds."""
    return any(
        receiver.address and receiver.place != "outside" and receiver.does.startswith("answers")
        for receiver in traits.receivers
    )


def _own_server(seconds: Sequence[float], report: Report) -> _Machine:
    """An answer keeps the server busy for all its time when asked alone; less, where several are under way together."""
    alone = sum(seconds) / len(seconds)
    fresh = sum(not result.reused for result in report.results)
    if fresh == len(report.results) > 0 and report.seconds / fresh < alone:
        together = report.seconds / fresh
        how = f"the model server's seconds an answer, {report.at_once} under way together; more together carry more"
        return _Machine(seconds=together, how=how)
    return _Machine(seconds=alone, how="the whole time of an answer asked alone; a server that batches carries more")


def _cpu_share(clocked: Sequence[Clocked], cores: int) -> _Machine:
    busy = [one.busy for one in clocked if one.busy is not None]
    if not busy:
        mean = sum(one.seconds for one in clocked) / len(clocked)
        return _Machine(seconds=mean, how="the whole time of an answer, as CPU seconds cannot be seen on this system")
    cpu = sum(busy) / len(busy)
    how = f"{cpu * 1000:.3g} ms of CPU an answer (this process and the project's engines), shared by {cores} cores"
    return _Machine(seconds=cpu / cores, how=how)
