"""The systemd unit that ships: it parses, it is hardened, and it leaves bubblewrap what it needs.

What systemd itself says is asked where it is installed; the rest needs no systemd.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "docs" / "examples" / "pushpals.service"
ANALYZE = shutil.which("systemd-analyze")
BREAK_BUBBLEWRAP = {
    "MemoryDenyWriteExecute": "interpreters that compile at run time end",
    "PrivateNetwork": "GitHub cannot be reached",
    "PrivateUsers": "it cannot map users a second time",
    "ProcSubset": "the kernel refuses a new /proc while the outer one is masked",
    "ProtectHostname": "it cannot have a UTS namespace of its own",
    "ProtectKernelLogs": "the kernel refuses a new /proc while the outer one is masked",
    "ProtectKernelTunables": "the kernel refuses a new /proc while the outer one is masked",
    "ProtectProc": "the kernel refuses a new /proc while the outer one is masked",
    "RestrictNamespaces": "it makes namespaces, that is what it does",
}
"""Hardening that cannot be had together with a sandbox inside the service (mount_namespaces(7))."""
CALLS = {"clone", "clone3", "mount", "pivot_root", "seccomp", "umount2", "unshare"}
"""System calls that bubblewrap makes and an ordinary program does not."""


def settings() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in UNIT.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            name, equals, value = line.partition("=")
            assert equals, line
            found[name] = value
    return found


def asked(*arguments: str) -> str:
    """Return what `systemd-analyze` prints, whatever it thinks of it."""
    assert ANALYZE
    done = subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def calls_of(*groups: str) -> set[str]:
    found: set[str] = set()
    for group in groups:
        names = re.findall(r"^ +(@?[a-z0-9_-]+)$", asked("syscall-filter", group), re.MULTILINE)
        found |= {name for name in names if not name.startswith("@")}
        found |= calls_of(*(name for name in names if name.startswith("@")))
    return found


def test_it_is_hardened_and_lets_the_sandbox_work() -> None:
    unit = settings()
    assert {name: unit[name] for name in BREAK_BUBBLEWRAP if name in unit} == {}
    assert (unit["NoNewPrivileges"], unit["ProtectSystem"], unit["CapabilityBoundingSet"]) == (
        "yes",
        "strict",
        "",
    )
    assert "AF_NETLINK" in unit["RestrictAddressFamilies"], "bubblewrap brings up the loopback with it"
    assert "@mount" in unit["SystemCallFilter"].split()
    assert {"memory", "pids"} <= set(unit["Delegate"].split()), "so that groups can bound what is run"
    assert unit["UMask"] == "0077"


@pytest.mark.parametrize("name", ["PUSHPALS_STATE", "PUSHPALS_CACHE"])
def test_what_it_writes_it_may_write(name: str) -> None:
    folder = re.search(rf"{name}=(\S+)", settings()["Environment"])
    assert folder
    kind, base = {
        "PUSHPALS_STATE": ("StateDirectory", "/var/lib"),
        "PUSHPALS_CACHE": ("CacheDirectory", "/var/cache"),
    }[name]
    assert folder[1] == f"{base}/{settings()[kind]}"


def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    if ANALYZE is None:
        return
    here = tmp_path / UNIT.name
    here.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE))
    assert asked("verify", str(here)).strip() == ""
    judged = re.search(
        r"exposure level for pushpals.service: ([0-9.]+)", asked("security", "--offline=true", str(here))
    )
    assert judged
    assert float(judged[1]) <= 4.0
    groups = settings()["SystemCallFilter"].split()
    allowed = calls_of(*(name for name in groups if name.startswith("@"))) | set(groups)
    assert CALLS - allowed == set()
    assert "ptrace" not in allowed
