"""The lab finds the host's Debian mirror, and says what to install where something is missing."""

from pathlib import Path

import pytest

from deploy.lab import LabError
from deploy.lab.rootfs import host_mirrors, require_programs


def test_the_hosts_own_mirror_is_found_in_both_forms(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "# deb http://commented.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main contrib\n"
        "deb http://one.example/debian-security bookworm-security main\n"
        "deb-src http://one.example/source bookworm main\n"
    )
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "debian.sources").write_text(
        "Types: deb\n# a comment\nURIs: http://two.example/debian\n"
        "Suites: bookworm bookworm-updates\nComponents: main\n\n"
        "Types: deb\nURIs: http://two.example/debian-security\nSuites: bookworm-security\n"
    )
    (parts / "other.list").write_text("deb https://other.example/apt stable main\n")
    assert list(host_mirrors(tmp_path, "bookworm")) == [
        "http://one.example/debian",
        "http://two.example/debian",
    ]


def test_missing_programs_are_named_with_the_packages_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"apt-get install .* mmdebstrap zstd sip-tester"):
        require_programs("mmdebstrap", "zstd", "sipp")
