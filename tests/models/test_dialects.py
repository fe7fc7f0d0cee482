"""Providers are data: every row is usable, and parameters become what the provider calls them."""

import pytest

from fourways.core.errors import InvalidProject
from fourways.models.dialects import DIALECTS, PATHS, Dialect, Parameter, dialect_named, speak
from fourways.models.remote import WIRES


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_complete(name):
    dialect = DIALECTS[name]
    assert dialect.base_url.startswith(("https://", "http://127.0.0.1:")) or dialect.base_url_env
    assert dialect.local or not dialect.base_url.startswith("http://127.0.0.1:")
    assert not dialect.local or not dialect.base_url or dialect.base_url.startswith("http://127.0.0.1:")
    assert dialect.local or (dialect.key_env and dialect.prices)
    assert dialect.wire in WIRES
    assert dialect.paths.keys() <= PATHS.keys()
    assert dialect.path("chat")


def test_an_unknown_dialect_names_the_likely_one():
    with pytest.raises(InvalidProject, match="did you mean 'anthropic'"):
        dialect_named("antropic")


RULES = Dialect(
    name="x",
    parameters=(
        Parameter(name="seed", rename="random_seed"),
        Parameter(name="user", drop=True),
        Parameter(name="temperature", minimum=0.0, maximum=1.0),
    ),
)


@pytest.mark.parametrize(
    ("before", "after", "dropped"),
    [
        ({"model": "m", "odd": [1]}, {"model": "m", "odd": [1]}, ()),
        ({"seed": 7}, {"random_seed": 7}, ()),
        ({"seed": 7, "random_seed": 8}, {"random_seed": 8}, ()),
        ({"user": "ann"}, {}, ("user",)),
        ({"temperature": 1.5}, {"temperature": 1.0}, ()),
        ({"temperature": -1}, {"temperature": 0.0}, ()),
        ({"temperature": 0.3}, {"temperature": 0.3}, ()),
        ({"temperature": None}, {"temperature": None}, ()),
    ],
)
def test_parameters_are_renamed_dropped_and_bounded(before, after, dropped):
    body = dict(before)
    assert speak(RULES, body) == dropped
    assert body == after
