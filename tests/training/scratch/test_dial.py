"""One dial sets all measures: by published rules, within the budget, each with its source, each to be overridden."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fourways.core.errors import InvalidRequest
from fourways.training.scratch import scaling
from fourways.training.scratch.asked import Dial
from fourways.training.scratch.dial import OVERHEAD, Machine, Text, derive, machine_of

MACHINE = Machine(name="a", flops=1e12, utilisation=0.4, usd_per_hour=2.0, watts=100.0, source="given")
LIBRARY = Text(characters=4e9)
HANDBOOK = Text(characters=120_000, chat_characters=60_000)


@pytest.mark.parametrize(
    ("dial", "text", "name", "low", "high"),
    [
        # a size is met within a fifth, and reads 20 tokens a parameter
        (Dial(size="124M"), Text(characters=4e10), "parameters", 1.0e8, 1.5e8),
        (Dial(size="124M"), Text(characters=4e10), "tokens", 2.0e9, 3.0e9),
        (Dial(size="base"), Text(characters=4e10), "parameters", 1.0e8, 1.5e8),
        # GPT-2's shape, about
        (Dial(size="124M"), Text(characters=4e10), "layers", 11, 15),
        (Dial(size="124M"), Text(characters=4e10), "width", 700, 900),
        # no more than four epochs of what there is
        (Dial(size="124M"), Text(characters=4e8), "epochs", 3.9, 4.1),
        # an hour, ten minutes: what it buys
        (Dial(minutes=60), LIBRARY, "seconds", 3500, 3700),
        (Dial(minutes=10), LIBRARY, "seconds", 570, 630),
        # two dollars at two an hour is an hour
        (Dial(usd=2), LIBRARY, "seconds", 3500, 3700),
        (Dial(usd=2), LIBRARY, "usd", 1.95, 2.05),
        # a handbook is learned by heart: a bit of it a parameter, a hundred exposures
        (Dial(), HANDBOOK, "parameters", 1e5, 6e5),
        (Dial(), HANDBOOK, "seconds", 1, 3600),
        # a corpus alone decides too
        (Dial(), Text(characters=4e9), "epochs", 0.5, 4.1),
    ],
)
def test_a_dial_means(dial, text, name, low, high):
    assert low <= derive(dial, text, MACHINE).plain()[name] <= high


@settings(max_examples=60, deadline=None)
@given(minutes=st.floats(1, 1e5), characters=st.floats(1e4, 1e12), speed=st.floats(1e9, 1e16))
def test_what_is_derived_fits_together(minutes, characters, speed):
    machine = Machine(name="a", flops=speed, utilisation=1.0, usd_per_hour=1.0, watts=1.0, source="given")
    derived = derive(Dial(minutes=minutes), Text(characters=characters), machine)
    shape = derived.shape
    assert shape.width == shape.heads * shape.head
    assert derived.batch % shape.length == 0
    assert derived.tokens == derived.steps * derived.batch
    step = derived.batch / derived.tokens_per_second
    assert derived.seconds <= minutes * 60 + step + 1


@pytest.mark.parametrize("budget", [1e18, 1e19, 1e20, 1e21])
def test_with_text_enough_parameters_and_tokens_grow_as_chinchilla_says(budget):
    best = scaling.best_parameters(budget, unique=1e15)
    assert 5 < budget / (6 * best) / best < 80
    assert scaling.best_parameters(4 * budget, unique=1e15) == pytest.approx(2 * best, rel=0.1)


def test_with_little_text_computing_goes_into_epochs_rather_than_parameters():
    rich, poor = scaling.best_parameters(1e20, unique=1e15), scaling.best_parameters(1e20, unique=1e9)
    assert poor < rich


def test_a_token_read_for_the_fourth_time_is_nearly_as_good_as_new_and_for_the_fortieth_is_not():
    fit = scaling.Fit()
    fresh, fourth = fit.loss(1e8, 4e9, unique=4e9), fit.loss(1e8, 4e9, unique=1e9)
    assert fourth - fresh < 0.03
    assert fit.loss(1e8, 4e10, unique=1e9) > fit.loss(1e8, 4e10, unique=4e10) + 0.1


def test_each_override_is_taken_and_says_so():
    dial = Dial.read(
        {"minutes": 5, "set": {"layers": 3, "width": 96, "heads": 3, "vocabulary": 777, "length": 128, "batch": 1024}}
    )
    derived = derive(dial, HANDBOOK, MACHINE)
    plain = derived.plain()
    for name in ("layers", "width", "heads", "vocabulary", "length", "batch"):
        assert plain[name] == getattr(dial.set, name)
        assert derived.why[name] == "given"


def test_every_figure_of_the_table_is_for_people_and_has_its_rule():
    table = derive(Dial(minutes=2), HANDBOOK, MACHINE).table()
    assert {"parameters", "layers", "tokens", "adam_rate", "seconds", "usd", "joules"} <= {name for name, _, _ in table}
    assert all(value for _, value, _ in table)
    assert all(rule for _, _, rule in table)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"size": "124M", "minutes": 3}, "size and minutes; right would be one of them"),
        ({"sise": "124M"}, "sise"),
        ({"size": "huge"}, "65B"),
        ({"minutes": 0.01}, "too few"),
        ({"set": {"width": 100, "heads": 3}}, "even number"),
        ({"set": {"batch": 1000, "length": 512}}, "multiple of 512"),
        ({"clean": {"personal": "sell"}}, "personal"),
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(table, says):
    with pytest.raises(InvalidRequest, match=says):
        derive(Dial.read(table), HANDBOOK, MACHINE)


def test_an_empty_corpus_is_refused():
    with pytest.raises(InvalidRequest, match="empty"):
        derive(Dial(size="tiny"), Text(characters=0), MACHINE)


def test_hardware_by_name_costs_what_the_plan_says_and_cores_their_share():
    named, cores = machine_of(Dial(hardware="h100-80gb"), cores=2), machine_of(Dial(), cores=2)
    assert named.usd_per_hour == pytest.approx(2.95)
    assert cores.flops == pytest.approx(41e12 / 8)
    assert machine_of(Dial(usd_per_hour=0.2), cores=2).usd_per_hour == 0.2


def test_a_measured_speed_goes_before_a_reckoned_one():
    dial = Dial(minutes=10)
    slow = derive(dial, LIBRARY, MACHINE, tokens_per_second=1000.0)
    assert slow.tokens_per_second == 1000.0
    assert slow.tokens == pytest.approx(1000 * (600 - OVERHEAD), rel=0.3)
    assert math.isfinite(slow.joules)


def test_the_dial_is_turned_without_torch():
    asked = "[name for name in ('torch', 'numpy') if name in sys.modules]"
    program = f"import sys, fourways.training.scratch.dial; print({asked})"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
