"""Names become models: the project's, providers' with a key, the built-in; what cannot be is refused at once."""

import pytest
from tests.models.fake_openai import TEXT, Answer

from fourways.config.tree import Project
from fourways.core.chat import ChatRequest, Principal, collect
from fourways.core.errors import InvalidProject, RefusedAddress, UnknownModel
from fourways.core.trace import Trace, Usage
from fourways.models.embedders import HashEmbedder
from fourways.models.prices import Prices
from fourways.models.registry import Models
from fourways.models.transport import Deadlines

ASK = ChatRequest(model="x", messages=[{"role": "user", "content": "hi"}], principal=Principal())


@pytest.fixture
def models(transport):
    def make(environ=None, **keys):
        return Models(
            Project.model_validate({"project": "p", **keys}),
            transport,
            environ=environ or {},
            embedder_factory=lambda name: HashEmbedder(),
            prices=Prices(load=lambda: lambda provider, model, usage: 2.0),
        )

    return make


@pytest.fixture
def here(server):
    """A provider whose server is the fake one."""
    return {"here": {"dialect": "vllm", "base_url": server.url}}


async def said(models, name):
    return (await collect(models.answerer(name)(ASK, Trace()))).text


async def test_a_providers_model_answers(models, here):
    assert await said(models(providers=here), "here/m") == TEXT


async def test_the_models_part_may_hold_slashes(models, here, server):
    await said(models(providers=here), "here/openai/gpt-oss")
    assert server.requests[0].json["model"] == "openai/gpt-oss"


async def test_a_named_model_falls_back_through_its_chain(models, here, server):
    server.script.append(Answer(status=401))
    quick = {"attempts": 1}
    named = {
        "first": {"targets": [{"model": "here/m", "weight": 2}], "fallback": ["second"], "retry": quick},
        "second": {"targets": ["echo"], "options": {"max_tokens": 5}},
    }
    assert await said(models(providers=here, models=named), "first") == "hi"


async def test_a_named_models_options_are_sent_where_the_request_has_none(models, here, server):
    named = {"cool": {"targets": ["here/m"], "options": {"temperature": 0}}}
    await said(models(providers=here, models=named), "cool")
    assert server.requests[0].json["temperature"] == 0


async def test_echo_and_extractive_need_no_line(models):
    built = models()
    assert built.names() == ["echo", "extractive", "fourways-small", "fourways-reader"]
    assert await said(built, "echo") == "hi"
    assert await said(built, "extractive")


def test_answerers_and_embedders_are_opened_once(models, here):
    built = models(providers=here)
    assert built.answerer("here/m") is built.answerer("here/m")
    assert built.embedder("minilm") is built.embedder("minilm")


@pytest.mark.parametrize("name", ["ecko", "", "nowhere/m", "here/", "openai/gpt"])
def test_an_unknown_name_lists_what_there_is(models, here, name):
    with pytest.raises(UnknownModel, match=r"there is no (model|provider) '.*'; (there is|did you mean)"):
        models(providers=here).answerer(name)


def test_a_key_in_the_environment_makes_a_provider(models):
    built = models({"OPENAI_API_KEY": "sk-1"})
    assert "openai" in built.providers()
    assert built.client("openai").base_url == "https://api.openai.com/v1"
    built.answerer("openai/gpt")


def test_local_servers_need_neither_key_nor_line(models):
    assert models(network="none").client("ollama").local


async def test_the_environments_key_is_never_shown_to_an_address_of_the_projects(models, server):
    built = models({"OPENAI_API_KEY": "sk-1"}, providers={"here": {"dialect": "openai", "base_url": server.url}})
    await said(built, "here/m")
    assert "authorization" not in server.requests[0].headers


async def test_the_projects_key_is(models, server):
    given = {"dialect": "openai", "base_url": server.url, "api_key": "sk-2"}
    await said(models(providers={"here": given}), "here/m")
    assert server.requests[0].headers["authorization"] == "Bearer sk-2"


# ---------------------------------------------------------------- projects that cannot be


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"providers": {"x": {"dialect": "opnai"}}}, "did you mean 'openai'"),
        ({"providers": {"x": {"dialect": "azure"}}}, "AZURE_OPENAI_ENDPOINT"),
        ({"providers": {"x": {"base_url": "localhost:8000"}}}, "write base_url as http"),
        ({"models": {"a": {"targets": ["nowhere/m"]}}}, "there is no provider 'nowhere'"),
        ({"models": {"a": {"targets": ["echo"], "fallback": ["b"]}, "b": {"targets": ["a"]}}}, "a → b → a"),
        ({"network": "none", "providers": {"openai": {}}}, "external and the project says network: none"),
        ({"network": "none", "providers": {"x": {"base_url": "http://10.0.0.5/v1"}}}, "say network: internal"),
    ],
)
def test_a_project_that_cannot_be_is_refused_at_once(models, keys, said):
    with pytest.raises(InvalidProject, match=said):
        models(**keys)


def test_offline_a_key_in_the_environment_makes_no_provider(models):
    with pytest.raises(UnknownModel):
        models({"OPENAI_API_KEY": "sk-1"}, network="none").answerer("openai/gpt")


async def test_offline_the_own_network_stays_reachable_and_nothing_else(models, here, server):
    inside = {"inside": {"base_url": "http://10.0.0.5/v1", "network": "internal"}, **here}
    built = models(network="none", providers=inside)
    assert await said(built, "here/m") == TEXT
    built.client("inside").base_url = "http://10.0.0.6/v1"
    with pytest.raises(RefusedAddress, match="network: none"):
        await built.client("inside").models(Deadlines())


# ---------------------------------------------------------------- embedders, costs


async def test_embedders_are_found_by_provider_or_left_to_the_factory(models, here, server):
    built = models(providers=here)
    assert (await built.embedder("here/e")(["a", "bb"])).shape == (2, 2)
    assert server.requests[0].path == "/v1/embeddings"
    assert built.embedder("minilm").name == built.embedder("./models/mine").name == "hash-256"
    with pytest.raises(UnknownModel):
        built.embedder("mistral/mistral-embed")


def test_a_cost_can_be_settled_when_it_is_recorded(models, here):
    built = models({"OPENAI_API_KEY": "k"}, providers=here)
    used = Usage(input_tokens=1)
    built.cost("openai/m", used)
    built.prices.wait()
    assert built.cost("openai/m", used) == 2.0
    assert built.cost("here/m", used) == 0.0
    assert built.cost("nowhere/m", used) is None
    assert built.cost("echo", used) is None


async def test_the_ambient_choice_looks_for_servers_of_this_machine(models):
    assert (await models(models={"a": {"targets": ["echo"]}}).ambient()).model == "a"


async def test_a_pinned_model_answers_as_it_was_pinned_whatever_the_name_means_now(models, here, server):
    shelf = models(providers=here, models={"main": {"targets": ["echo"]}})
    pinned = Project.model_validate({"project": "p", "models": {"main": {"targets": ["here/m"]}}}).models["main"]
    stands_for = pinned.model_dump(mode="json", exclude={"timeout", "retry", "breaker"})
    assert await said(shelf, "main") == "hi"
    assert (await collect(shelf.pinned("main", stands_for)(ASK, Trace()))).text == TEXT
    same = shelf._project.models["main"].model_dump(mode="json", exclude={"timeout", "retry", "breaker"})
    assert shelf.pinned("main", same) is shelf.answerer("main")
