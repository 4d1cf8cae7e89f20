"""The few calls made to a Docker engine. They block: call them from a thread."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pushpals.sandbox.api import Limits, SandboxUnavailable
from pushpals.sandbox.command import MIB, TMP, tmp_bytes
from pushpals.sandbox.files import WORKSPACE
from pushpals.sandbox.system import SYSTEM_PATH

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_HOST = "unix:///var/run/docker.sock"

LABEL = "pushpals.sandbox"
_OWNER_LABEL = "pushpals.sandbox.owner"

_SECONDS = 60
"""How long the engine may take to answer one call."""

# The first process of the container: it stays, and buries the processes that others leave.
_STAY = "while :; do sleep infinity & wait; done"

# `kill -9 -1` reaches every process of the container but its first and the caller (kill(2)).
# Then the kernel's own count of those it killed for memory is read (cgroups version 2, 1).
_SWEEP = f"""\
kill -9 -1
find {TMP} /dev/shm -mindepth 1 -delete 2>/dev/null
cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null
exit 0
"""


_NOT_WRITABLE = 77
_TRIAL = f"test -w {WORKSPACE} || exit {_NOT_WRITABLE}; find /dev/null >/dev/null"
_LACKS = "a shell, env, find or sleep is missing"


class Engine:
    """A connection to a Docker engine. Every failure is raised as `SandboxUnavailable`."""

    def __init__(self, host: str, image: str) -> None:
        # Takes a tenth of a second to import; most runs never need it.
        import docker  # noqa: PLC0415

        self._image = image
        with self._explained():
            _knock(host)
            self._client: DockerClient = docker.DockerClient(host, version="auto", timeout=_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def search_path(self) -> str:
        """Return the PATH that the image sets for its programs; raises if there is no image."""
        with self._explained():
            image = self._client.images.get(self._image)
        variables = (image.attrs["Config"] or {}).get("Env") or []
        paths = [text.removeprefix("PATH=") for text in variables if text.startswith("PATH=")]
        return paths[-1] if paths else SYSTEM_PATH

    def remove_leftovers(self) -> None:
        """Remove the containers of processes on this machine that are gone."""
        with self._explained():
            for container in self._client.api.containers(all=True, filters={"label": _OWNER_LABEL}):
                if _is_gone(container["Labels"][_OWNER_LABEL]):
                    self.remove(container["Id"])

    def start(self, name: str, workspace: Path, limits: Limits) -> None:
        """Start a container around `workspace`, with every limit but that of time."""
        with self._explained():
            rootless = "name=rootless" in self._client.info().get("SecurityOptions", [])
            owner = workspace.stat()
            # Inside a rootless engine's containers, 0 is the unprivileged user who runs it.
            user = "0:0" if rootless else f"{owner.st_uid}:{owner.st_gid}"
            options = _options(name, user, workspace, limits)
            container = self._client.containers.run(self._image, detach=True, **options)
        if shares_processes(container.attrs):
            # Sweeping kills whatever can be seen, and that would be this machine's processes.
            self.remove(name)
            raise SandboxUnavailable(
                "Docker: the engine shows containers the processes of others.", image=self._image
            )
        code = self.run(self.prepare(name, ["/usr/bin/env", "-i", "/bin/sh", "-c", _TRIAL]), lambda _: None)
        if code != 0:
            reason = f"user {user} cannot write to {workspace}" if code == _NOT_WRITABLE else _LACKS
            raise SandboxUnavailable(f"In a container of {self._image}, {reason}.", image=self._image)

    def prepare(self, name: str, argv: list[str]) -> str:
        """Make ready to run `argv` in a container; returns an id for `run`."""
        with self._explained():
            return str(self._client.api.exec_create(name, argv)["Id"])

    def run(self, prepared: str, write: Callable[[bytes], None]) -> int | None:
        """Run it, handing over its output as it comes; returns its exit code."""
        api = self._client.api
        address = f"{api.base_url}/v{api.api_version}/exec/{prepared}/start"
        with self._explained():
            # Not `exec_start`: it reads past the buffer in which the first output may already
            # have arrived together with the answer's headers, and so loses it.
            answer = api.post(address, json={"Detach": False, "Tty": False}, stream=True, timeout=None)
            with answer:
                answer.raise_for_status()
                for chunk in _frames(answer.raw.read):
                    write(chunk)
            code: int | None = api.exec_inspect(prepared)["ExitCode"]
            return code

    def sweep(self, name: str) -> int:
        """Kill whatever runs in the container and empty its temporary directories.

        Returns how many processes of the container the kernel has killed for their memory.
        """
        said = bytearray()
        if self.run(self.prepare(name, ["/bin/sh", "-c", _SWEEP]), said.extend) != 0:
            raise SandboxUnavailable("Docker: a container could not be swept.", image=self._image)
        lines = [line.split() for line in said.decode(errors="replace").splitlines()]
        return sum(int(line[1]) for line in lines if line[:1] == ["oom_kill"])

    def remove(self, name: str) -> None:
        """Remove a container and all that runs in it, if it is there."""
        from docker.errors import APIError, NotFound  # noqa: PLC0415 - as above

        with self._explained():
            try:
                self._client.api.remove_container(name, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                # The engine is already removing it, because its first process ended.
                if error.status_code != 409:  # noqa: PLR2004
                    raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the client's many exceptions into the one that names the remedies."""
        from docker.errors import DockerException  # noqa: PLC0415 - as above

        try:
            yield
        except (DockerException, OSError) as error:
            raise SandboxUnavailable(f"Docker: {error}", image=self._image) from error


def _frames(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the pieces of both outputs: each follows 8 bytes, of which the last 4 are its length.

    Source: Docker Engine API, "ContainerAttach", stream format.
    """
    while len(header := read(8)) == 8:  # noqa: PLR2004
        yield read(int.from_bytes(header[4:], "big"))


def _knock(host: str) -> None:
    """Raise OSError unless somebody listens; the client would leave a socket open."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_SECONDS)
            probe.connect(host.removeprefix("unix://"))


def _options(name: str, user: str, workspace: Path, limits: Limits) -> dict[str, Any]:
    from docker.types import Mount, Ulimit  # noqa: PLC0415 - as above

    size = tmp_bytes(limits)
    memory = limits.memory_mb * MIB
    ceilings = {"core": 0, "nofile": limits.open_files, "fsize": limits.disk_mb * MIB}
    return {
        "name": name,
        "labels": {LABEL: name, _OWNER_LABEL: _owner()},
        "entrypoint": ["/bin/sh", "-c", _STAY],
        "command": [],
        "user": user,
        "hostname": "sandbox",
        "working_dir": WORKSPACE,
        "mounts": [Mount(WORKSPACE, str(workspace.absolute()), type="bind")],
        "tmpfs": {TMP: f"rw,exec,nosuid,nodev,mode=1777,size={size}"},
        "shm_size": min(size, 64 * MIB),
        "read_only": True,
        "network_mode": "none",
        "ipc_mode": "private",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": limits.processes,
        "ulimits": [Ulimit(name=key, soft=value, hard=value) for key, value in ceilings.items()],
        "healthcheck": {"test": ["NONE"]},
        "auto_remove": True,
    }


def shares_processes(attributes: Mapping[str, Any]) -> bool:
    """Say whether a container has no process namespace of its own; some engines can be set up so."""
    return bool(attributes["HostConfig"].get("PidMode"))


def _owner() -> str:
    """Name this process so that no other one, past or future, has the same name."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    pids = Path("/proc/self/ns/pid").readlink()
    return f"{platform.node()} {boot} {pids} {os.getpid()} {_start_time(os.getpid())}"


def _is_gone(owner: str) -> bool:
    """Say whether a process is gone for sure; one that we could not see is not."""
    *where, pid, started = owner.split(" ")
    *here, _, _ = _owner().split(" ")
    return where == here and _start_time(int(pid)) != started


def _start_time(pid: int) -> str | None:
    """Return when a process started, in clock ticks since boot (proc_pid_stat(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat[stat.rindex(")") + 2 :].split()[19]
