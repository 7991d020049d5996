"""`python -m deploy.demo`: starts the lab, the gateway and the recognizer, opens the console on a
terminal (or tells each event in a line), plays the calls, and says what was seen.

Exit code 0 only if all that was promised was seen; 1 with the missing named; 2 without a lab.
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from callwarden.problems import ProblemsFound
from deploy.demo import dialogues
from deploy.demo.audience import Audience
from deploy.demo.play import Play, Promises
from deploy.lab import Lab, LabError
from deploy.lab.appliance import Appliance

_CALLS = ("wealth-guaranteed-return", "collection-threat", "refusal-and-stop")
_LOOK_AROUND_S = 20.0


def main() -> int:
    headless = os.environ.get("CALLWARDEN_HEADLESS") == "1" or not sys.stdout.isatty()
    began = time.monotonic()
    print("starting a real Asterisk 22, the gateway and the recognizer …", flush=True)
    found = dialogues.find(_CALLS)
    try:
        with Lab.start() as lab:
            appliance = Appliance.start(lab, metrics=None)
            told, promises = asyncio.run(_perform(lab, appliance, found, headless=headless))
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    if not headless:
        print("\n".join(told))
    print(
        f"\n{len(promises.kept)} seen, {len(promises.broken)} missing, "
        f"{time.monotonic() - began:.0f} s"
    )
    for promise in promises.broken:
        print(f"✘ {promise}")
    return 1 if promises.broken else 0


async def _perform(
    lab: Lab, appliance: Appliance, found: dialogues.Dialogues, *, headless: bool
) -> tuple[list[str], Promises]:
    """Plays with the console open, or with each event told as it falls."""
    told: list[str] = []
    began = time.monotonic()

    def tell(line: str) -> None:
        stamped = f"{time.monotonic() - began:6.1f} s  {line}"
        told.append(stamped)
        if headless:
            print(stamped, flush=True)

    promises = Promises(tell)
    console = None if headless else _console(appliance.config)
    try:
        async with Audience(appliance.settings, tell) as audience:
            playable, missing = await _listening(appliance, found)
            await Play(lab, audience, promises, playable).run()
            for each in missing:
                promises.check(each, kept=False)
        if console is not None:
            await _left(console)
    finally:
        if console is not None and console.poll() is None:
            console.terminate()
            await asyncio.to_thread(console.wait)
    return told, promises


async def _listening(
    appliance: Appliance, found: dialogues.Dialogues
) -> tuple[dict[str, Path], list[str]]:
    """The calls that can be listened to, and what is missing where none can."""
    if found.missing:
        return {}, [found.missing]
    described = await asyncio.to_thread(appliance.describe_recognizer)
    return ({}, [described.missing]) if described.missing else (found.folders, [])


def _console(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "callwarden.command", "console", "--config", str(config)]
    )


async def _left(console: subprocess.Popen[bytes]) -> None:
    """Until the operator quits the console, or has had time to look around."""
    bound = None if os.environ.get("CALLWARDEN_DEMO_STAY") == "1" else _LOOK_AROUND_S
    try:
        await asyncio.wait_for(asyncio.to_thread(console.wait, bound), bound)
    except (TimeoutError, subprocess.TimeoutExpired):
        return


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProblemsFound as problems:
        print(problems, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
