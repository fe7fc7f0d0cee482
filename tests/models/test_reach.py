"""Who may be asked under a name, and where they are: fallbacks count, and what is not known to be inside is outside."""

import pytest

from fourways.config.tree import Project
from fourways.core.errors import UnknownModel
from fourways.models.dialects import DIALECTS
from fourways.models.provider import ProviderClient
from fourways.models.reach import reach

ADDRESSES = {
    "cloud": "https://api.cloud.example/v1",
    "near": "http://127.0.0.1:8000/v1",
    "rack": "http://gpu.corp.example:8000/v1",
    "stray": "http://gpu.corp.example:8001/v1",
    "ollama": "http://localhost:11434/v1",
}
PROJECT = Project.model_validate(
    {
        "project": "p",
        "providers": {
            "cloud": {"base_url": ADDRESSES["cloud"]},
            "near": {"base_url": ADDRESSES["near"]},
            "rack": {"base_url": ADDRESSES["rack"], "network": "internal"},
            "stray": {"base_url": ADDRESSES["stray"], "dialect": "vllm"},
        },
        "models": {
            "main": {"targets": ["near/a", {"model": "rack/b", "weight": 2}], "fallback": ["last"]},
            "last": {"targets": ["cloud/c"], "fallback": ["extractive", "near/a"]},
        },
    }
)


@pytest.fixture
def reached(transport):
    def client(provider):
        if provider not in ADDRESSES:
            raise UnknownModel(f"no provider {provider}")
        return ProviderClient(
            name=provider, dialect=DIALECTS["vllm"], base_url=ADDRESSES[provider], transport=transport
        )

    def told(name, stands_for=None):
        return [(one.name, one.where, one.on_failure) for one in reach(name, PROJECT, client, stands_for)]

    return told


def test_targets_come_first_then_fallbacks_each_once(reached):
    assert reached("main") == [
        ("near/a", "this machine", False),
        ("rack/b", "inside", False),
        ("cloud/c", "outside", True),
        ("extractive", "this machine", True),
    ]


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("echo", "this machine"),
        ("minilm", "this machine"),
        ("/models/our-embedder", "this machine"),  # a folder of weights
        ("models/our-embedder", "this machine"),
        ("ollama/llama", "this machine"),  # implied, on loopback
        ("near/a", "this machine"),
        ("rack/b", "inside"),
        ("cloud/c", "outside"),
        ("stray/d", "outside"),  # a dialect of own servers proves nothing of where this one is
    ],
)
def test_where_a_name_leads(reached, name, where):
    assert [place for _, place, _ in reached(name)] == [where]


def test_a_pinned_meaning_goes_before_what_the_project_file_says_now(reached):
    pinned = {"targets": ["cloud/c"]}
    assert reached("main", pinned) == [("cloud/c", "outside", False)]
    assert reached("gone", pinned) == [("cloud/c", "outside", False)]


def test_an_address_is_shown_without_what_stands_behind_it(transport):
    client = ProviderClient(name="cloud", dialect=DIALECTS["vllm"], base_url=ADDRESSES["cloud"], transport=transport)
    (one,) = reach("cloud/c", PROJECT, lambda _: client)
    assert one.address == "https://api.cloud.example"


def test_a_provider_without_a_key_is_not_taken_for_something_of_this_machine(reached):
    with pytest.raises(UnknownModel):
        reached("openai/gpt")
