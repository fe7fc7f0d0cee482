"""Where no model is named: the project's, else a key's, else a local server's, else quoting; and it says why."""

from typing import Any

import pytest

from fourways.config.tree import Project
from fourways.core.errors import UpstreamError
from fourways.models.ambient import choose
from fourways.models.provider import ModelCard

NOBODY: dict[str, list[ModelCard]] = {}


def lister(servers, asked=None):
    async def list_models(provider, deadlines):
        if asked is not None:
            asked.append(provider)
        assert deadlines.connect <= 0.2
        if provider not in servers:
            raise UpstreamError("nobody there")
        return servers[provider]

    return list_models


def project(**keys):
    return Project.model_validate({"project": "p", **keys})


OLLAMA = {"ollama": [ModelCard(id="nomic-embed-text", owned_by="library"), ModelCard(id="llama4", owned_by="library")]}
NAMED = {"models": {"fast": {"targets": ["openai/m"]}, "default": {"targets": ["openai/n"]}}}

# the project, the environment, who answers on this machine; the choice, and part of the reason
CHOICES: dict[str, tuple[Any, dict[str, str], dict[str, list[ModelCard]], str, str]] = {
    "a named model": ({"models": {"fast": {"targets": ["echo"]}}}, {}, NOBODY, "fast", "the model 'fast'"),
    "the one called default": (NAMED, {"OPENAI_API_KEY": "k"}, OLLAMA, "default", "names the model 'default'"),
    "a provider": ({"providers": {"mine": {"dialect": "groq"}}}, {}, NOBODY, "mine/openai/gpt-oss-120b", "'mine'"),
    "a key": ({}, {"MISTRAL_API_KEY": "k"}, OLLAMA, "mistral/mistral-medium-latest", "MISTRAL_API_KEY is set"),
    "the first of two keys": ({}, {"GROQ_API_KEY": "k", "OPENAI_API_KEY": "k"}, NOBODY, "openai/gpt-6.1-terra", "OPEN"),
    "an empty key is none": ({}, {"OPENAI_API_KEY": ""}, NOBODY, "extractive", "no language model"),
    "a local server, not its embedder": ({}, {}, OLLAMA, "ollama/llama4", "ollama answers at http://127.0.0.1:11434"),
    "no key may be used offline": ({"network": "none"}, {"OPENAI_API_KEY": "k"}, OLLAMA, "ollama/llama4", "ollama"),
    "something else on vLLM's port": (
        {}, {}, {"vllm": [ModelCard(id="helpdesk", owned_by="fourways")]}, "extractive", "quoted",
    ),
    "a server that only embeds": (
        {}, {}, {"ollama": [ModelCard(id="bge-m3", owned_by="library")]}, "extractive", "quoted",
    ),
    "nothing at all": ({}, {}, NOBODY, "extractive", "quoted from the documents"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
async def test_choices(name):
    keys, environ, servers, model, why = CHOICES[name]
    chosen = await choose(project(**keys), environ, lister(servers))
    assert chosen.model == model
    assert why in chosen.why


async def test_what_was_passed_over_is_told_in_order():
    chosen = await choose(project(network="none"), {"OPENAI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "k"}, lister({}))
    findings = {each.model: each.finding for each in chosen.considered}
    assert "network: none" in findings["openai/gpt-6.1-terra"]
    assert findings["ollama"] == "nothing answers at http://127.0.0.1:11434/v1"
    assert next(iter(findings)).startswith("openai/")


async def test_azure_has_no_model_to_choose():
    chosen = await choose(project(), {"AZURE_OPENAI_API_KEY": "k"}, lister({}))
    assert chosen.model == "extractive"
    assert "which deployment" in chosen.considered[0].finding


async def test_nobody_is_probed_while_the_choice_is_clear():
    asked: list[str] = []
    await choose(project(), {"OPENAI_API_KEY": "k"}, lister({}, asked))
    assert asked == []
    await choose(project(), {}, lister({}, asked))
    assert {"ollama", "vllm", "llamacpp"} <= set(asked)
