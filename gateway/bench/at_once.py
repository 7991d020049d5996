"""Serves FastAGI with the gateway's own protocol code and a gate that allows at once, without
thinking: `python -m gateway.bench.at_once PORT`.

Started by `callwarden bench gate` as what the real gate is measured against. Prints its port; ends
when its standard input does.
"""

import asyncio
import sys

from gateway.bench.agi_caller import AllowAtOnce
from gateway.gate.fastagi import FastAgiServer


async def _serve(port: int) -> None:
    server = FastAgiServer(AllowAtOnce(), "CN")
    print(await server.start("127.0.0.1", port), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
