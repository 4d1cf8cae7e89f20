"""A private network for containers, in network namespaces, that can be cut; the engine has none."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TABLE = 10
"""Bits of the number that tells networks of tests apart that run at once."""


@dataclass
class Network:
    """A bridge with this machine at one end, and containers at others."""

    bridge: str
    prefix: str
    _count: int = 1
    _ends: dict[int, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The address of this machine."""
        return f"{self.prefix}.1"

    def join(self, pid: int) -> str:
        """Connect the network namespace of a process; return its address."""
        self._count += 1
        outer, inner = f"{self.bridge}v{self._count}", f"{self.bridge}p{self._count}"
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", str(pid), "name", "eth0")
        _ip("link", "set", outer, "master", self.bridge, "up")
        address = f"{self.prefix}.{self._count}"
        for command in (["addr", "add", f"{address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            _run("nsenter", "--target", str(pid), "--net", "ip", *command)
        self._ends[pid] = outer
        return address

    def cut(self, pid: int) -> None:
        """Let nothing through to or from a process any more; connections stay open and hang."""
        _ip("link", "set", self._ends[pid], "nomaster")

    def mend(self, pid: int) -> None:
        """Connect a process again that was cut off."""
        _ip("link", "set", self._ends[pid], "master", self.bridge)


@contextmanager
def network() -> Iterator[Network]:
    """Make a network, and take it away."""
    number = os.getpid() % (1 << TABLE)
    made = Network(f"pp{number}", f"10.{64 + (number >> 8)}.{number & 255}")
    _ip("link", "add", made.bridge, "type", "bridge")
    try:
        _ip("addr", "add", f"{made.host}/24", "dev", made.bridge)
        _ip("link", "set", made.bridge, "up")
        yield made
    finally:
        _ip("link", "del", made.bridge)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ran.returncode == 0, f"{' '.join(command)}: {ran.stderr}"
