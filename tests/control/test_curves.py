"""Step reports become a job's progress: one curve a stage, thinned, gone back on where a run was."""

from typing import Any

from fourways.control.curves import POINTS, Curves, thinned


def told(*reports: dict[str, Any]) -> dict[str, Any]:
    notes: list[Any] = []
    curves = Curves(notes.append)
    for report in reports:
        curves.report(report)
    return dict(notes[-1])


def step(number: int, loss: float | None = None, stage: str = "sft", **more: Any) -> dict[str, Any]:
    return {"step": number, "of": 100, "stage": stage, "at": 10.0 * number, **({"loss": loss} if loss else {}), **more}


def test_loss_speed_and_what_is_left_are_told():
    shown = told(step(1, 2.0), step(2, 1.5, tokens_per_second=99.0), step(3, 1.0, valid_loss=1.25))
    assert (shown["done"], shown["total"], shown["loss"], shown["valid_loss"]) == (3, 100, 1.0, 1.25)
    assert shown["curve"] == [[1, 2.0], [2, 1.5], [3, 1.0]]
    assert shown["valid_curve"] == [[3, 1.25]]
    assert shown["eta"] == 970.0  # ten seconds a step


def test_a_run_that_went_back_to_a_checkpoint_is_drawn_from_there():
    shown = told(step(1, 2.0), step(2, 1.5), step(3, 1.2), step(2, 1.5), step(3, 1.1))
    assert shown["curve"] == [[1, 2.0], [2, 1.5], [3, 1.1]]


def test_another_stage_is_another_curve():
    shown = told(step(1, 2.0, "pretrain"), step(1, 5.0, "instruct"))
    assert (shown["stage"], shown["curve"]) == ("instruct", [[1, 5.0]])


def test_a_long_curve_is_kept_in_few_points_its_ends_among_them():
    points = [(number, float(number)) for number in range(1000)]
    few = thinned(points)
    assert len(few) == POINTS
    assert (few[0], few[-1]) == ([0, 0.0], [999, 999.0])
