"""What tests of models share: a loopback server, a transport, a request, a trace."""

from collections.abc import AsyncIterator

import pytest
from tests.models.fake_openai import FakeOpenAI

from fourways.models.pooled import PooledTransport
from fourways.models.transport import Transport


@pytest.fixture
async def server() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as running:
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    opened = PooledTransport({})
    yield opened
    await opened.close()
