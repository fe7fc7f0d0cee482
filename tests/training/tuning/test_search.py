"""A search ends with a front of trials, gives up the hopeless ones, and goes on where it was killed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("optuna")

from fourways.training.runs import Adapter, Data, Search, read_run  # noqa: E402
from fourways.training.search import Mark, hopeless, main  # noqa: E402

pytestmark = [pytest.mark.xdist_group("tuning")]


def test_what_is_worse_and_no_cheaper_than_half_is_given_up():
    others = [[Mark(share=0.5, loss=loss, seconds=loss), Mark(share=1.0, loss=0.1, seconds=9.0)] for loss in (1, 2, 3)]
    assert hopeless(Mark(share=0.5, loss=2.1, seconds=2.1), others)
    assert not hopeless(Mark(share=0.5, loss=2.1, seconds=1.9), others)
    assert not hopeless(Mark(share=0.5, loss=1.9, seconds=2.1), others)
    assert not hopeless(Mark(share=0.3, loss=2.1, seconds=2.1), others)
    assert not hopeless(Mark(share=0.5, loss=2.1, seconds=2.1), others[:2])


@pytest.mark.slow
def test_a_search_that_was_killed_ends_with_a_front(started, capsys):
    folder = started(adapter=Adapter(r=8), search=Search(trials=4), hyper={"epochs": 1.0})
    command = [sys.executable, "-m", "fourways.training.search", str(folder)]
    program = subprocess.Popen(command, env=os.environ)
    until = time.monotonic() + 100
    while not (folder / "trials" / "0001" / "steps.jsonl").exists():
        assert time.monotonic() < until
        assert program.poll() is None
        time.sleep(0.01)
    program.send_signal(signal.SIGKILL)
    program.wait()
    cut = read_run(folder / "trials" / "0001")
    assert main([str(folder)]) == 0
    found = json.loads((folder / "search.json").read_text())
    trials = {trial["trial"]: trial for trial in found["trials"]}
    assert len(trials) == 4
    assert 1 not in trials
    assert (trials[2]["batch"], trials[2]["learning_rate"]) == (cut.hyper.batch, cut.hyper.learning_rate)
    whole = [(each["valid_loss"], each["cpu_seconds"]) for each in trials.values() if not each["given_up"]]
    front = [(trials[number]["valid_loss"], trials[number]["cpu_seconds"]) for number in found["front"]]
    assert front == sorted(front)
    for loss, seconds in front:
        assert not any(one <= loss and other < seconds for one, other in whole if (one, other) != (loss, seconds))
    assert not list((folder / "trials").glob("*/model"))


def test_a_search_without_validation_rows_is_refused(started, capsys):
    folder = started(data=Data(train="train.jsonl"))
    assert main([str(folder)]) == 2
    assert "judges by validation rows" in capsys.readouterr().err
    assert main([]) == 2
