"""Attacks from within a sandbox, by a command that the model or the repository runs."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import docker

from pushpals.sandbox import Sandbox, choose
from pushpals.sandbox.system import UnsafeExtraPath
from tests.adversary.cases import case, sandbox_case
from tests.adversary.stage import LIMITS, Stage, holds
from tests.sandbox.conftest import alive

CANARY = "canary-6f1d"
_IPC_PRIVATE, _SHM_SIZE, _IPC_RMID = 0, 4097, 0


@sandbox_case("reach a service of this machine", bubblewrap="network (bubblewrap)", docker="network (docker)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    visitors: list[object] = []

    def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append(reader)
        writer.close()

    server = await asyncio.start_server(visit, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await sandbox.run(f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo hello >&3")
    holds(not visitors, "a service of this machine is reached")


@sandbox_case(
    "reach a service of this machine by IPv6", bubblewrap="network (bubblewrap)", docker="network (docker)"
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    visitors: list[object] = []

    def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append(reader)
        writer.close()

    async with await asyncio.start_server(visit, "::1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await sandbox.run(f"exec 3<>/dev/tcp/::1/{port} && echo hello >&3")
    holds(not visitors, "a service of this machine is reached")


@sandbox_case(
    "send a question to a resolver of this machine",
    bubblewrap="network (bubblewrap)",
    docker="network (docker)",
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.bind(("127.0.0.1", 0))
        resolver.setblocking(False)
        await sandbox.run(f"echo where is evil.example > /dev/udp/127.0.0.1/{resolver.getsockname()[1]}")
        try:
            asked = resolver.recv(100)
        except BlockingIOError:
            asked = b""
    holds(not asked, "data leaves in questions for names")


@sandbox_case(
    "find an interface, a route or the metadata service of the cloud",
    bubblewrap="network (bubblewrap)",
    docker="network (docker)",
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    said = (
        await sandbox.run("cut -d: -f1 -s /proc/net/dev; echo; cat /proc/net/route /proc/net/if_inet6")
    ).output
    devices = {line.strip() for line in said.partition("\n\n")[0].splitlines()}
    holds(devices <= {"lo"}, f"there are ways out: {devices}")


@sandbox_case(
    "find a socket of this machine by its abstract name",
    bubblewrap="network (bubblewrap)",
    docker="network (docker)",
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    name = f"pushpals-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        said = (await sandbox.run("cat /proc/net/unix")).output
    holds(name not in said, "an abstract socket of this machine is there to be called")


@sandbox_case(
    "find the socket of the Docker engine", bubblewrap="host files (bubblewrap)", docker="host files (docker)"
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    (stage.folder / "docker.sock").touch()
    places = "/var/run /run /host/var/run /host/run"
    said = (await sandbox.run(f"ls {places} {stage.folder} /host/{stage.folder} 2>/dev/null; true")).output
    holds("docker.sock" not in said, "the engine's socket is there to be called")


@sandbox_case(
    "read a secret beside the workspace", bubblewrap="host files (bubblewrap)", docker="host files (docker)"
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    secret = stage.folder / "secret"
    secret.write_text(CANARY)
    result = await sandbox.run(f"cat {secret} /workspace/../secret /proc/1/root{secret} /host{secret}")
    holds(CANARY not in result.output, "a file of this machine is read")


@sandbox_case(
    "read the accounts and passwords of this machine",
    bubblewrap="host files (bubblewrap)",
    docker="host files (docker)",
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    result = await sandbox.run("cat /etc/shadow /host/etc/shadow 2>/dev/null; true")
    holds(not re.search(r"^root:[^x]", result.output, re.MULTILINE), "/etc/shadow is read")


@sandbox_case("watch what else runs on this machine", bubblewrap="own processes (bubblewrap)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    marker = _marker()
    with subprocess.Popen(["sleep", marker]) as other:  # noqa: ASYNC220 - it is only to be there
        result = await sandbox.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        other.kill()
    holds(marker not in result.output, "the arguments of this machine's processes are read")


@sandbox_case("watch what runs in another container", docker="own processes (docker)")
async def _(stage: Stage) -> None:
    marker = _marker()
    with _neighbour(stage, f"sleep {marker}"):
        sandbox = await stage.sandbox()
        result = await sandbox.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    holds(marker not in result.output, "the arguments of others' processes are read")


@sandbox_case("read memory that another container shares", docker="ipc (docker)")
async def _(stage: Stage) -> None:
    with _neighbour(stage, f"echo {CANARY} > /dev/shm/{CANARY}; sleep 60"):
        sandbox = await stage.sandbox()
        result = await sandbox.run("ls /dev/shm")
    holds(CANARY not in result.output, "the shared memory of others is read")


@sandbox_case(
    "read the environment that PushPals was started with",
    bubblewrap="environment (bubblewrap)",
    docker="environment (docker)",
)
async def _(stage: Stage) -> None:
    stage.patch.setenv("PUSHPALS_MODEL_KEY", CANARY)
    sandbox = await stage.sandbox()
    result = await sandbox.run("env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")
    holds(CANARY not in result.output, "a key from our environment is read")


@sandbox_case("read memory that this machine's programs share", bubblewrap="ipc (bubblewrap)")
async def _(stage: Stage) -> None:
    libc = ctypes.CDLL(None)
    segment = libc.shmget(_IPC_PRIVATE, _SHM_SIZE, 0o1600)
    try:
        sandbox = await stage.sandbox()
        said = (await sandbox.run("cat /proc/sysvipc/shm")).output
    finally:
        libc.shmctl(segment, _IPC_RMID, None)
    holds(f" {_SHM_SIZE} " not in said, "a segment of shared memory is there to be read")


@sandbox_case("change a program of this machine", bubblewrap="read-only system (bubblewrap)")
async def _(stage: Stage) -> None:
    # In /tmp, because what is below /dev may not be shown inside at all.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        tool = Path(name)
        (tool / "bin").mkdir()
        provider = await choose("bubblewrap", None, [tool])
        stage.workspace.mkdir()
        sandbox = await provider.open(stage.workspace, LIMITS)
        await sandbox.run(f"echo evil > {tool}/bin/python3")
        holds(not list((tool / "bin").iterdir()), "a program that others will run is replaced")


@sandbox_case("change a program of the image", docker="read-only root (docker)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    result = await sandbox.run("echo evil > /usr/bin/python9 && echo replaced")
    holds("replaced" not in result.output, "the next command finds another program")


@sandbox_case("change a setting of the kernel", bubblewrap="read-only kernel (bubblewrap)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    # Written back as it is: an attack that succeeds must not harm the machine it runs on.
    name = "/proc/sys/kernel/core_pattern"
    result = await sandbox.run(f'text=$(cat {name}); printf %s "$text" > {name} && echo written')
    said = (await sandbox.run("grep ' /proc ' /proc/self/mountinfo | cut -d' ' -f6")).output
    holds("written" not in result.output and said.startswith("ro"), "a setting of the kernel is written")


@sandbox_case("hold capabilities", docker="capabilities (docker)")
async def _(stage: Stage) -> None:
    held = await _status(await stage.sandbox())
    names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    holds({held[name] for name in names} == {"0" * 16}, "capabilities are held")


@sandbox_case("make a device file of a disk", docker="capabilities (docker)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    result = await sandbox.run("mknod /workspace/disk b 8 0 && echo made")
    holds("made" not in result.output, "a disk can be named")


@sandbox_case("gain privileges by a program that grants them", docker="no new privileges (docker)")
async def _(stage: Stage) -> None:
    held = await _status(await stage.sandbox())
    holds(held["NoNewPrivs"] == "1", "a set-uid program would make root of a command")


@sandbox_case("call what the engine's filter forbids", docker="seccomp (docker)")
async def _(stage: Stage) -> None:
    held = await _status(await stage.sandbox())
    holds(held["Seccomp"] == "2", "every system call can be made")


@sandbox_case("be root in the container", docker="user (docker)")
async def _(stage: Stage) -> None:
    stage.workspace.mkdir()
    os.chown(stage.workspace, 12345, 12345)
    stage.workspace.chmod(0o777)
    sandbox = await stage.sandbox()
    result = await sandbox.run("id -u")
    holds(result.output == "12345\n", f"commands run as {result.output}")


@sandbox_case("make namespaces of its own", bubblewrap="no namespaces (bubblewrap)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    result = await sandbox.run("unshare --user true && echo made")
    holds("made" not in result.output, "a command makes namespaces, in which it has capabilities")


@sandbox_case("take all memory with many processes", bubblewrap="memory limit", docker="memory limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    hold = "(head -c 40000000 /dev/zero | tail -c 40000000 | (sleep 1; cat) >/dev/null)"
    result = await sandbox.run(f"for i in 1 2 3 4 5; do {hold} || exit 1 & done; wait; exit 1", timeout=15)
    holds(result.ended == "memory", "memory beyond the limit is taken")


@sandbox_case("start processes without end", bubblewrap="process limit", docker="process limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    many = "for i in $(seq 200); do sleep 1.5 & done 2>/dev/null; ls /proc | grep -c '^[0-9]'; wait; true"
    result = await sandbox.run(many, timeout=15)
    counts = [int(line) for line in result.output.splitlines() if line.isdigit()]
    holds(not counts or max(counts) < 200 or result.ended == "killed", f"there are {counts} processes")


@sandbox_case("run for ever", bubblewrap="time limit", docker="time limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox(replace(LIMITS, command_seconds=0.3))
    result = await sandbox.run("sleep 1.5")
    holds(result.ended == "timeout", "a command takes as long as it likes")


@sandbox_case("write one file that fills the disk", bubblewrap="disk limit", docker="disk limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox(replace(LIMITS, disk_mb=8))
    await sandbox.run("head -c 20000000 /dev/zero > big")
    holds((stage.workspace / "big").stat().st_size <= 8 << 20, "a file of any size is written")


@sandbox_case("fill the disk with many files", bubblewrap="disk limit", docker="disk limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox(replace(LIMITS, disk_mb=8))
    result = await sandbox.run(
        "for i in 1 2 3 4; do head -c 4000000 /dev/zero > $i; done; sleep 1", timeout=15
    )
    holds(result.ended == "killed", "the disk is filled")


@sandbox_case("print for ever", bubblewrap="flood limit", docker="flood limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    result = await sandbox.run("head -c 90000000 /dev/zero | tr '\\0' y", timeout=30)
    holds(result.ended == "output", "output is taken in without end")


@sandbox_case("fill our memory with output", bubblewrap="output limit", docker="output limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox(replace(LIMITS, output_bytes=10_000))
    result = await sandbox.run("head -c 1000000 /dev/zero | tr '\\0' y")
    holds(len(result.output) < 11_000, f"{len(result.output)} characters are kept")


@sandbox_case("open files without end", bubblewrap="open files limit", docker="open files limit")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox(replace(LIMITS, open_files=20))
    result = await sandbox.run("ulimit -n")
    holds(result.output == "20\n", "a process opens as many files as it likes")


@sandbox_case(
    "stay behind when the command has ended",
    bubblewrap="nothing left (bubblewrap)",
    docker="nothing left (docker)",
)
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    marker = _marker()
    try:
        await sandbox.run(f"setsid sleep {marker} >/dev/null 2>&1 & sleep 0.1; echo done", timeout=5)
        left = alive(marker)
    finally:
        for pid in alive(marker):
            os.kill(pid, 9)
    holds(not left, "a process of the attacker runs on")


@sandbox_case("keep the container after the work", docker="closing (docker)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    await sandbox.close()
    client = docker.DockerClient()
    try:
        held = client.api.containers(all=True, filters={"label": "pushpals.sandbox"})
        ours = [c for c in held if any(m["Source"] == str(stage.workspace) for m in c["Mounts"])]
        for container in ours:
            client.api.remove_container(container["Id"], force=True)
    finally:
        client.close()
    holds(not ours, "a container goes on")


@sandbox_case("plant a link, and have PushPals read and write through it", bubblewrap="no links (files)")
async def _(stage: Stage) -> None:
    sandbox = await stage.sandbox()
    secret = stage.folder / "secret"
    secret.write_text(CANARY)
    await sandbox.run(f"ln -s {secret} link; ln -s {stage.folder} dir")
    for path in ("link", "dir/secret"):
        read = _attempt(partial(sandbox.files.read, path))
        holds(CANARY.encode() not in (read or b""), "a file of this machine is read through a link")
        _attempt(partial(sandbox.files.write, path, b"changed"))
    holds(secret.read_text() == CANARY, "a file of this machine is written through a link")


@case("have the operator's own settings show keys to commands", control="shown paths")
async def _(stage: Stage) -> None:
    home = stage.folder / "tools" / ".ssh"
    home.mkdir(parents=True)
    (home / "id").write_text(CANARY)
    try:
        provider = await choose("bubblewrap", None, [home])
    except UnsafeExtraPath:
        return
    stage.workspace.mkdir()
    sandbox = await provider.open(stage.workspace, LIMITS)
    result = await sandbox.run(f"cat {home}/id")
    holds(CANARY not in result.output, "a key is shown to commands")


@contextlib.contextmanager
def _neighbour(stage: Stage, command: str) -> Iterator[None]:
    """Run another container, which shares what it has with whoever names it."""
    with contextlib.closing(docker.DockerClient()) as client:
        container = client.containers.run(
            stage.image,
            ["/bin/sh", "-c", command],
            detach=True,
            name=f"pushpals-neighbour-{os.getpid()}",
            network_mode="none",
            ipc_mode="shareable",
            auto_remove=True,
        )
        try:
            yield
        finally:
            container.remove(force=True)


async def _status(sandbox: Sandbox) -> dict[str, str]:
    said = (await sandbox.run("cat /proc/self/status")).output
    return dict(re.findall(r"^(\w+):\s*(\S+)", said, re.MULTILINE))


def _marker() -> str:
    """Return a number of seconds to sleep that nothing else on this machine sleeps."""
    return f"9{secrets.randbelow(10**15):015d}"


def _attempt(act: Callable[[], bytes | None]) -> bytes | None:
    try:
        return act()
    except (OSError, ValueError, PermissionError):
        return None
