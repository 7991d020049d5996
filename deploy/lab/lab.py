"""Owns a lab's life: a real Asterisk 22 with the gate in its dialplan, and sipp as the agents'
phones and the carrier, all on loopback ports of its own.

Called by tests, the demo and the benchmarks. When a lab ends, whatever the way, nothing of it runs
and nothing of it is on disk outside the cache.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from deploy.lab import calls, configuration, load, rootfs
from deploy.lab.asterisk import AsteriskProcess
from deploy.lab.calls import Carrier, Invite, PlacedCall
from deploy.lab.configuration import Addresses
from deploy.lab.keeper import Keeper
from deploy.lab.load import LoadedCall, LoadResult
from deploy.lab.ports import PortBlock
from deploy.lab.process import hand_over
from deploy.lab.rootfs import LabError, Release
from deploy.lab.sipp import Phones


class Lab:
    """One running lab. `addresses` holds its ports and secrets; `folder` is its temporary folder,
    which goes with it; `state` in it is for the gateway under test."""

    def __init__(
        self, folder: Path, keeper: Keeper, ports: PortBlock, asterisk: AsteriskProcess,
        addresses: Addresses,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.state = folder / "state"
        self.addresses = addresses
        self._keeper = keeper
        self._ports = ports
        self._asterisk = asterisk
        self._phones = Phones(folder / "sipp", ports, keeper.process_group)
        self._calls: list[PlacedCall] = []
        self._carriers: list[Carrier] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    @classmethod
    def start(cls, release: Release = rootfs.ASTERISK_22) -> "Lab":
        """A booted lab; the first one on a machine builds the cache. Raises LabError."""
        rootfs.require_programs("sipp")
        root = rootfs.ensure(release)
        ports = PortBlock()
        folder = Path(tempfile.mkdtemp(prefix="callwarden-lab-"))
        keeper = Keeper(folder)
        try:
            folder.chmod(0o711)
            _require_reachable(folder, root.folder)
            (folder / "state").mkdir(mode=0o700)
            (folder / "sipp").mkdir()
            addresses = Addresses.free(ports)
            asterisk_conf = configuration.write(folder / "asterisk", root, addresses)
            hand_over(folder / "asterisk")
            hand_over(folder / "sipp")
            asterisk = AsteriskProcess(root, asterisk_conf, keeper.process_group)
            asterisk.start()
        except BaseException:  # an interrupted start too must leave nothing
            keeper.close()
            ports.close()
            raise
        return cls(folder, keeper, ports, asterisk, addresses)

    def __enter__(self) -> "Lab":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the lab; a second time does nothing."""
        self._keeper.close()
        for process in self._processes:
            process.wait()
        for call in self._calls:
            call.stop()
        for carrier in self._carriers:
            carrier.stop()
        self._asterisk.kill()
        self._ports.close()

    def settings(self, **sections: Mapping[str, Any] | str | None) -> dict[str, Any]:
        """What a callwarden.yaml for this lab holds, fit for `Settings`. `sections` change it: a
        mapping is merged into its section, anything else replaces it."""
        host = "127.0.0.1"
        at = self.addresses
        settings: dict[str, Any] = {
            "state": str(self.state),
            "gate": {"listen": f"{host}:{at.gate}", "http": f"{host}:{at.gate_http}"},
            "asterisk": {
                "ari_url": f"http://{host}:{at.http}",
                "ari_user": "callwarden",
                "ari_password": at.secret,
                "ami": f"{host}:{at.ami}",
                "ami_user": "callwarden",
                "ami_secret": at.secret,
                "trunks": ["PJSIP/carrier", "PJSIP/trunk*"],
                "supervisor_endpoint": "PJSIP/{extension}",
            },
            "media": {"listen": f"{host}:{at.media}", "rtp_ports": list(at.gateway_rtp)},
            "recognizer": {
                "listen": f"{host}:{at.recognizer}",
                "address": f"{host}:{at.recognizer}",
            },
            "oversight": {
                "listen": f"{host}:{at.oversight}",
                "address": f"{host}:{at.oversight}",
            },
            "metrics": f"{host}:{at.metrics}",
        }
        for name, value in sections.items():
            merged = {**settings.get(name, {}), **value} if isinstance(value, Mapping) else value
            settings[name] = merged
        return settings

    def write_settings(self, **sections: Mapping[str, Any] | str | None) -> Path:
        """`settings` as a callwarden.yaml in the lab's folder."""
        file = self.folder / "callwarden.yaml"
        file.write_text(json.dumps(self.settings(**sections), indent=2) + "\n", encoding="utf-8")
        return file

    def call(
        self,
        number: str,
        *,
        scene: str = "marketing.loan",
        agent: str = "1001",
        customer: str = "",
        agent_audio: Path | None = None,
        customer_audio: Path | None = None,
        lead_s: float = 0.0,
        ring_s: float = 0.0,
        talk_s: float | None = None,
        carrier_status: int = 200,
        carrier_hangs_up_s: float | None = None,
        context: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> PlacedCall:
        """An agent dials `number`. Its carrier rings for `ring_s`, then gives `carrier_status`; at
        the answer (200) both parties' audio (mono 8 kHz sound files; None: silence) starts, after
        `lead_s` of silence. The agent hangs up `talk_s` after the answer; None: when the longer
        audio is over, or after 2 s where there is none. The customer hangs up
        `carrier_hangs_up_s` after the answer where that is given. The call enters the dialplan at
        `context` in place of `agents`; `headers` are SIP headers besides the lab's own."""
        more = {**(headers or {}), **({"X-Lab-Context": context} if context else {})}
        placed = calls.place(
            self._phones,
            self.addresses.sip,
            number,
            scene=scene,
            agent=agent,
            customer=customer,
            agent_audio=agent_audio,
            customer_audio=customer_audio,
            lead_s=lead_s,
            ring_s=ring_s,
            talk_s=talk_s,
            carrier_status=carrier_status,
            carrier_hangs_up_s=carrier_hangs_up_s,
            headers=more,
        )
        self._calls.append(placed)
        return placed

    def carrier(
        self,
        *,
        trunk: str = "",
        status: int = 200,
        ring_s: float = 0.0,
        hangs_up_s: float | None = None,
    ) -> Carrier:
        """A carrier besides those of `call`: where `PJSIP/NUMBER@trunk` leads, or on a port of its
        own. It rings for `ring_s`, gives `status`, and hangs up `hangs_up_s` after the answer where
        that is given."""
        made = calls.carrier(
            self._phones,
            port=self.addresses.trunks[trunk] if trunk else None,
            status=status,
            ring_s=ring_s,
            hangs_up_s=hangs_up_s,
        )
        self._carriers.append(made)
        return made

    def replace_dialplan(self, text: str) -> None:
        """The contexts besides the lab's own, from now on in place of those given before."""
        (self.folder / "asterisk/etc/site.conf").write_text(f"{text}\n", encoding="utf-8")
        self.cli("dialplan reload")

    def set_global(self, name: str, value: str) -> None:
        """A global variable of the dialplan; an empty value takes it away."""
        self.cli(f'dialplan set global {name} "{value}"')

    def load(
        self,
        calls_per_s: float,
        seconds: float,
        call: Callable[[int], LoadedCall],
        *,
        talk_ms: int = 200,
        at_once: int = 0,
    ) -> LoadResult:
        """Places `calls_per_s` calls a second for `seconds`, the i-th (from 0) as `call(i)` says.
        The carrier answers at once; the agent hangs up `talk_ms` later. At most 250 at once, or
        `at_once`: calls beyond that wait their turn, so that a rate out of reach measures how fast
        they go through."""
        return load.run(
            self._phones,
            self.addresses.sip,
            calls_per_s,
            seconds,
            call,
            talk_ms=talk_ms,
            at_once=at_once,
        )

    def invites(self) -> list[Invite]:
        """Every INVITE that reached a carrier of `call`, oldest first."""
        found = (invite for call in self._calls for invite in call.invites())
        return sorted(found, key=lambda each: each.at)

    def cli(self, command: str) -> str:
        """What Asterisk's command line prints, e.g. `core show channels`."""
        return self._asterisk.cli(command)

    def restart_asterisk(self) -> None:
        """Kills Asterisk as a crash would and boots it again, on the same ports."""
        self._asterisk.kill()
        self._asterisk.start()

    def asterisk_log(self) -> str:
        """Notices, warnings, errors and the dialplan's steps. Holds numbers, as Asterisk's own log
        does: never copy it out of the lab."""
        return (self.folder / "asterisk/log/full.log").read_text(errors="replace")

    @property
    def asterisk_pid(self) -> int:
        return self._asterisk.pid

    def spawn(
        self, command: Sequence[str], log: str, **environment: str
    ) -> subprocess.Popen[bytes]:
        """A process that ends with the lab at the latest, such as the gateway under test; its
        output goes to `log` in the lab's folder."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                process_group=self._keeper.process_group,
            )
        self._processes.append(process)
        return process


def _require_reachable(*folders: Path) -> None:
    """Where root starts a lab, others must be able to enter these. Raises LabError."""
    if os.geteuid() != 0:
        return
    for folder in folders:
        for each in (folder, *folder.resolve().parents):
            if not each.stat().st_mode & 0o001:
                raise LabError(
                    f"the lab's Asterisk runs as nobody and cannot enter {each}: "
                    "set TMPDIR and XDG_CACHE_HOME to folders that all may enter"
                )
