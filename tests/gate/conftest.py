"""A FastAGI server that allows whatever parses, on a free port."""

from collections.abc import AsyncIterator

import pytest

from gateway.bench.agi_caller import AllowAtOnce
from gateway.gate.fastagi import FastAgiServer

HOST = "127.0.0.1"


@pytest.fixture
async def server() -> AsyncIterator[FastAgiServer]:
    served = FastAgiServer(AllowAtOnce(), "CN")
    await served.start(HOST, 0)
    yield served
    await served.close()
