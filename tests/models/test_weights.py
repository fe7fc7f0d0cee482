"""Our own engine under `Models.weights`: a base and its adapters answer as themselves, from one process."""

import asyncio
from pathlib import Path

import pytest
from tests.engine.causal import make_adapter, make_model
from tests.models.test_supervisor import gone

from fourways.config.tree import Project
from fourways.core.chat import Answerer, ChatRequest, Principal, collect
from fourways.core.trace import Trace
from fourways.models.embedders import HashEmbedder
from fourways.models.registry import Models
from fourways.models.started import Servers
from fourways.models.transport import Transport

ASK = [{"role": "user", "content": "the cat"}]


async def said(answerer: Answerer, *, stream: bool = False) -> str:
    options = {"max_tokens": 8, "temperature": 0}
    request = ChatRequest(model="x", messages=ASK, principal=Principal(), options=options, stream=stream)
    return (await collect(answerer(request, Trace()))).text


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_base_and_its_adapters_answer_as_themselves_and_rest_when_they_are_idle(
    tmp_path: Path, transport: Transport
) -> None:
    base = make_model(tmp_path / "base")
    adapters = [make_adapter(base, tmp_path / f"adapter-{seed}", seed=seed) for seed in (1, 2)]
    servers = Servers(tmp_path / "state", idle=1.0)
    project = Project.model_validate({"project": "p", "network": "none"})
    models = Models(
        project, transport, environ={}, embedder_factory=lambda name: HashEmbedder(), servers=servers
    )  # fmt: skip
    answerers = [models.weights(base, name="base")]
    answerers += [models.weights(base, name=folder.name, adapter=folder) for folder in adapters]
    try:
        first = [await said(each) for each in answerers]
        assert len(set(first)) == 3, "each answers in its own way"
        assert await asyncio.gather(*(said(each, stream=True) for each in answerers)) == first
        (server,) = servers._open.values()
        assert server.kept.at
        assert await asyncio.to_thread(gone, server.kept.at.pid, 20)
        assert await said(answerers[2]) == first[2], "it came back, with the adapter that was asked"
    finally:
        await servers.stop()
