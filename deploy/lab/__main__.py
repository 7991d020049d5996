"""Owns `python -m deploy.lab`: `build` fills the cache, `run` boots a lab until Ctrl-C.

Called by `make setup` and by people who want to look at the lab's Asterisk.
"""

import argparse
import signal
import sys
import time

from deploy.lab import rootfs
from deploy.lab.lab import Lab
from deploy.lab.rootfs import LabError


def main() -> int:
    """Exit code 0, or 2 with what to do about it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.lab", description=__doc__)
    parser.add_argument("what", choices=("build", "run"))
    what = parser.parse_args().what
    try:
        if what == "build":
            rootfs.require_programs("sipp", "mmdebstrap", "zstd")
            print(f"lab: Asterisk 22 is in {rootfs.ensure().folder}")
        else:
            _run()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print()
    return 0


def _run() -> None:
    started = time.monotonic()
    with Lab.start() as lab:
        at = lab.addresses
        print(
            f"Asterisk 22, booted in {time.monotonic() - started:.1f} s, in {lab.folder}\n"
            f"  SIP        udp://127.0.0.1:{at.sip}   (agents: any number; headers X-Lab-…)\n"
            f"  ARI        http://127.0.0.1:{at.http}  callwarden / {at.secret}\n"
            f"  AMI        127.0.0.1:{at.ami}  callwarden / {at.secret}\n"
            f"  the gate is asked at 127.0.0.1:{at.gate}, audio goes to 127.0.0.1:{at.media}\n"
            f"  settings   {lab.write_settings()}\n"
            f"             callwarden gateway run --config {lab.folder}/callwarden.yaml\n"
            "Ctrl-C ends it.",
            flush=True,
        )
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
