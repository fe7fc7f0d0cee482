"""What tests of models share: a loopback server, and the transport in use."""

from collections.abc import AsyncIterator

import pytest
from tests.models.fake_openai import FakeOpenAI

from fourways.models.transport import Transport
from fourways.models.wire import open_transport


@pytest.fixture
async def server() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as running:
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    opened = open_transport({})
    yield opened
    await opened.close()
