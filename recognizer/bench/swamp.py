"""Owns a recognizer that is given more calls than it can carry whenever it is told to.

Started by `callwarden bench gate --only swamped` as a program of its own, which is told nothing
else of recognizers: `python -m recognizer.bench.swamp CALLS CONFIG`. Prints its address when it
serves. Reads a line and prints one when that is so: `swamp`: its words come seconds late and go on
doing so; `rest`: no call is up. Ends when its standard input does.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from callwarden import settings, transport
from callwarden.settings import Tls
from callwarden.v1 import recognition_pb2
from callwarden.v1.recognition_pb2_grpc import RecognitionStub
from recognizer import recordings, scan
from recognizer.bench.capacity import Spoken
from recognizer.bench.served import Served
from recognizer.bench.spoken import legs_of

_LEGS_A_CORE: Final = 80
"""Several times what a core has been seen to carry."""
_LATE_S: Final = 2.0
_SECONDS: Final = 3600.0
_LOOK_EVERY_S: Final = 0.1
_BOUND_S: Final = 120.0


async def _serve(calls: Path, config: Path) -> None:
    """Nothing holds calls back there: `most_lag_s` and `most_calls` are off. Raises TimeoutError
    where the box carries even that many."""
    configured = settings.load(config)
    model = Path(scan.model_for(configured, None).tokens).parent
    opened = [recordings.open_recording(each, None, "left") for each in recordings.find([calls])]
    scenes, rate_hz = [each.scene for each in opened], opened[0].rate_hz
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="callwarden-") as folder:
        legs = legs_of(opened, "continuous", Path(folder))
        spoken = Spoken(legs, scenes, rate_hz, 100, _SECONDS)
        async with (
            Served(configured, model, workers=cores) as served,
            transport.channel_to(f"127.0.0.1:{served.port}", Tls()) as channel,
            contextlib.AsyncExitStack() as speaking,
        ):
            stub = RecognitionStub(channel)

            async def once(*, swamped: bool) -> None:
                async with asyncio.timeout(_BOUND_S):
                    while True:
                        told = await stub.Describe(recognition_pb2.DescribeRequest())
                        if told.lag_s > _LATE_S if swamped else not told.calls:
                            return
                        await asyncio.sleep(_LOOK_EVERY_S)

            print(f"127.0.0.1:{served.port}", flush=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                swamped = line.strip() == "swamp"
                if swamped:
                    players = spoken.spoken_to("recognizer", served.port, _LEGS_A_CORE * cores)
                    await speaking.enter_async_context(players)
                else:
                    await speaking.aclose()
                await once(swamped=swamped)
                print(line.strip(), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), Path(sys.argv[2])))
