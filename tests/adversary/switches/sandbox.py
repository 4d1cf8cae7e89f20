"""How the walls of the sandboxes are switched off, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker.types import Mount

from pushpals.sandbox import (
    Limits,
    Sandbox,
    bubblewrap,
    docker_engine,
    docker_sandbox,
    files,
    process,
    system,
)
from pushpals.sandbox.command import contained_argv
from pushpals.sandbox.docker_engine import Engine
from tests.adversary.controls import control, swapped

Options = dict[str, Any]
NEIGHBOUR = f"container:pushpals-neighbour-{os.getpid()}"
"""Another container, and never this machine: a sandbox ends the processes it sees, and empties /dev/shm."""


def without_flag(name: str, keeps: str, *flags: str) -> None:
    """Register a control of bubblewrap that is off when these flags are left out."""

    def off(patch: pytest.MonkeyPatch) -> None:
        assert set(flags) <= set(bubblewrap._ISOLATION)
        patch.setattr(bubblewrap, "_ISOLATION", [flag for flag in bubblewrap._ISOLATION if flag not in flags])

    control(name, keeps)(off)


def with_options(name: str, keeps: str, change: Callable[[Options], object]) -> None:
    """Register a control of the Docker sandbox that is off when its options are changed."""

    def off(patch: pytest.MonkeyPatch) -> None:
        given = docker_engine._options

        def options(*facts: Any) -> Options:
            made = given(*facts)
            change(made)
            return made

        patch.setattr(docker_engine, "_options", options)

    control(name, keeps)(off)


def relaxed(name: str, keeps: str, **limits: Any) -> None:
    """Register a limit that is off when sandboxes are opened with another one."""

    def off(patch: pytest.MonkeyPatch) -> None:
        for provider in (bubblewrap.BubblewrapProvider, docker_sandbox.DockerProvider):
            patch.setattr(provider, "open", _opening(provider.open, limits))

    control(name, keeps)(off)


def _opening(opened: Any, limits: dict[str, Any]) -> Any:
    async def open_wide(provider: object, workspace: Path, given: Limits) -> Sandbox:
        sandbox: Sandbox = await opened(provider, workspace, replace(given, **limits))
        return sandbox

    return open_wide


without_flag("network (bubblewrap)", "a command has no network", "--unshare-net")
with_options("network (docker)", "a command has no network", lambda o: o.update(network_mode="host"))
without_flag("ipc (bubblewrap)", "a command shares no memory with this machine", "--unshare-ipc")
with_options("ipc (docker)", "a command shares no memory with others", lambda o: o.update(ipc_mode=NEIGHBOUR))
without_flag("no namespaces (bubblewrap)", "a command makes no user namespaces", "--disable-userns")
with_options("capabilities (docker)", "a command has no capabilities", lambda o: o.pop("cap_drop"))
with_options("no new privileges (docker)", "a command gains no privileges", lambda o: o.pop("security_opt"))
with_options(
    "seccomp (docker)",
    "the engine's filter of system calls is on",
    lambda o: o["security_opt"].append("seccomp=unconfined"),
)
with_options("read-only root (docker)", "the image cannot be changed", lambda o: o.update(read_only=False))
with_options("user (docker)", "commands run as the owner of the workspace", lambda o: o.update(user="0:0"))
relaxed("memory limit", "all processes of a command have so much memory together", memory_mb=4096)
relaxed("process limit", "a command has so many processes", processes=4096)
relaxed("time limit", "a command ends after so long", command_seconds=60.0)
relaxed("disk limit", "a command writes so much", disk_mb=4096)
relaxed("output limit", "so much of the output is kept", output_bytes=1 << 30)
relaxed("open files limit", "a process has so many files open", open_files=4096)
swapped(
    "flood limit",
    "a command that only writes is ended",
    "pushpals.sandbox.process:FLOOD_BYTES",
    "pushpals.sandbox.docker_sandbox:FLOOD_BYTES",
    by=1 << 40,
)


@control(
    "own processes (docker)",
    "a command sees its own processes alone, and the engine is asked whether it is so",
)
def _neighbours(patch: pytest.MonkeyPatch) -> None:
    given = docker_engine._options
    patch.setattr(docker_engine, "_options", lambda *facts: {**given(*facts), "pid_mode": NEIGHBOUR})
    patch.setattr(docker_engine, "shares_processes", lambda attributes: False)
    _unswept(patch)


@control("own processes (bubblewrap)", "a command sees its own processes alone")
def _host_proc(patch: pytest.MonkeyPatch) -> None:
    mounts = bubblewrap._mounts

    def with_host_proc(*facts: Any) -> list[str]:
        made = mounts(*facts)
        at = made.index("--proc")
        ro = made.index("/proc", at + 2) - 1
        assert made[ro] == "--remount-ro"
        return ["--ro-bind", "/proc", "/proc", *made[:at], *made[at + 2 : ro], *made[ro + 2 :]]

    patch.setattr(bubblewrap, "_mounts", with_host_proc)


@control("read-only kernel (bubblewrap)", "a command changes no setting of the kernel")
def _writable_proc(patch: pytest.MonkeyPatch) -> None:
    mounts = bubblewrap._mounts

    def writable(*facts: Any) -> list[str]:
        made = mounts(*facts)
        at = made.index("/proc", made.index("--proc") + 2) - 1
        return [*made[:at], *made[at + 2 :]]

    patch.setattr(bubblewrap, "_mounts", writable)


@control("read-only system (bubblewrap)", "what is shown of this machine cannot be changed")
def _writable_system(patch: pytest.MonkeyPatch) -> None:
    shown = system.System.arguments
    patch.setattr(
        system.System,
        "arguments",
        lambda self: ["--bind" if part == "--ro-bind" else part for part in shown(self)],
    )


@control("host files (bubblewrap)", "of this machine's files, programs alone are seen")
def _whole_machine(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(system.System, "arguments", lambda self: ["--ro-bind", "/", "/"])
    mounts = bubblewrap._mounts

    def on_top(*facts: Any) -> list[str]:
        made = mounts(*facts)
        at = made.index("--ro-bind")
        rest = made[:at] + made[at + 3 :]
        return ["--ro-bind", "/", "/host", *rest]

    patch.setattr(system.System, "arguments", lambda self: ["--ro-bind", "/", "/host", *SHOWN(self)])


SHOWN = system.System.arguments


@control("host files (docker)", "of this machine's files, the workspace alone is seen")
def _mounted_machine(patch: pytest.MonkeyPatch) -> None:
    given = docker_engine._options

    def options(*facts: Any) -> Options:
        made = given(*facts)
        made["mounts"].append(Mount("/host", "/", type="bind", read_only=True))
        return made

    patch.setattr(docker_engine, "_options", options)


@control("environment (bubblewrap)", "a command has an environment of its own")
def _our_environment(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bubblewrap, "_ISOLATION", [flag for flag in bubblewrap._ISOLATION if flag != "--clearenv"])
    start = asyncio.create_subprocess_exec

    async def inheriting(*argv: str, **how: Any) -> asyncio.subprocess.Process:
        sandboxed = any(str(word).endswith("bwrap") for word in argv[:6])
        return await start(*argv, **(how | {"env": dict(os.environ)} if sandboxed else how))

    patch.setattr(asyncio, "create_subprocess_exec", inheriting)


@control("environment (docker)", "a command has an environment of its own")
def _their_environment(patch: pytest.MonkeyPatch) -> None:
    given = docker_engine._options
    patch.setattr(
        docker_engine, "_options", lambda *facts: {**given(*facts), "environment": dict(os.environ)}
    )
    patch.setattr(
        docker_sandbox,
        "contained_argv",
        lambda *facts: [part for part in contained_argv(*facts) if part != "-i"],
    )


@control(
    "nothing left (bubblewrap)", "what a command leaves running ends with it, for it has a pid namespace"
)
def _left(patch: pytest.MonkeyPatch) -> None:
    alone = {"--unshare-pid", "--die-with-parent"}
    patch.setattr(bubblewrap, "_ISOLATION", [flag for flag in bubblewrap._ISOLATION if flag not in alone])

    async def follow(tree: process.ProcessTree, status: int) -> None:
        async with contextlib.aclosing(process._lines(status)) as lines:
            async for line in lines:
                said = json.loads(line)
                tree.exit_code = said.get("exit-code", tree.exit_code)
                if "child-pid" in said:
                    tree.first_pid.set_result(said["child-pid"])
                if "exit-code" in said:
                    break  # what is left behind holds the other end open
        tree.first_pid.cancel()

    patch.setattr(process.ProcessTree, "_follow_status", follow)


@control("nothing left (docker)", "what a command leaves running ends with it")
def _unswept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, "sweep", lambda engine, name: 0)

    def careless(*facts: Any) -> list[str]:
        return [part.replace("kill -9 -1", ":") for part in contained_argv(*facts)]

    patch.setattr(docker_sandbox, "contained_argv", careless)


@control("closing (docker)", "the container goes with its sandbox")
def _kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Engine, "remove", lambda engine, name: None)


@control("no links (files)", "we read and write no file through a link that a command planted")
def _followed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files.WorkspaceFiles, "read", lambda self, path, **how: (self.root / path).read_bytes())
    patch.setattr(
        files.WorkspaceFiles, "write", lambda self, path, data: (self.root / path).write_bytes(data)
    )


swapped(
    "shown paths",
    "an operator cannot show a place of secrets by mistake",
    "pushpals.sandbox.system:why_unsafe",
    by=lambda path: None,
)
