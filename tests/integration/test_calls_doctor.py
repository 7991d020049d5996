"""`callwarden doctor` beside a real Asterisk: everything well, and each thing broken."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from callwarden.settings import Settings
from deploy.lab import Lab
from gateway.examination import examine
from gateway.examined import State
from tests.calls.recording_recognizer import serving
from tests.integration.calls_stack import stack


async def _examined(config: Path, *more: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callwarden.command", "doctor", "--config", str(config), *more),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, told.decode()


async def _failing(lab: Lab, sections: dict[str, Any]) -> set[str]:
    settings = Settings.model_validate(lab.settings(**sections))
    return {line.check for line in await examine(settings) if line.state is State.FAILED}


def test_doctor_says_what_is_well_and_what_to_do(lab: Lab, tmp_path: Path) -> None:
    async def ask() -> None:
        settings: dict[str, Any] = {"rules": {"speech": []}, "state": str(tmp_path / "state")}
        at = f"127.0.0.1:{lab.addresses.recognizer}"
        async with serving(at), stack(lab, **settings) as made:
            code, told = await _examined(made.config)
            assert (code, "✗" in told) == (0, False), told
            for secret in (made.settings.asterisk.ari_password, made.settings.asterisk.ami_secret):
                assert secret not in told

            wrong, shut = "wrong", "127.0.0.1:1"
            for sections, failing in (
                ({"asterisk": {"ari_password": wrong}}, {"ari"}),
                ({"asterisk": {"ami_secret": wrong}}, {"ami"}),
                ({"asterisk": {"ari_url": f"http://{shut}"}}, {"ari"}),
                ({"gate": {"listen": shut}}, {"gate", "hook"}),
                ({"recognizer": {"address": shut}}, {"recognizer"}),
                ({"gate": {"http": shut}}, {"gate-http"}),
                ({"media": {"websocket_client": "other"}}, {"websocket-client"}),
                ({"media": {"listen": shut}}, {"websocket-client"}),
            ):
                assert await _failing(lab, {**settings, **sections}) == failing

            config = tmp_path / "other.yaml"
            config.write_text(json.dumps(lab.settings(**settings, gate={"listen": shut})))
            code, told = await _examined(config, "--json")
            report = json.loads(told)
            assert (code, report["ok"]) == (1, False)
            (gate,) = (each for each in report["checks"] if each["check"] == "gate")
            assert "callwarden gateway run" in gate["message"]

    asyncio.run(ask())
