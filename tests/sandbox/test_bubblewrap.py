"""What is special to bubblewrap: it shows little of this machine, and is not trusted to end well."""

import asyncio
import os
import signal
from pathlib import Path

from pushpals.sandbox import Sandbox, SandboxProvider
from tests.sandbox.conftest import LIMITS, alive, until


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


async def test_only_the_system_is_shown(bubblewrap: SandboxProvider, workspace: Path) -> None:
    sandbox = await bubblewrap.open(workspace, LIMITS)
    top = set((await sandbox.run("ls -A /")).output.split())
    system = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr"}
    python = {Path(place).parts[1] for place in (await sandbox.run("which python3")).output.split()}
    assert top <= system | python | {"workspace"}
    etc = set((await sandbox.run("ls -A /etc /etc/ssl")).output.split())
    assert not etc & {"shadow", "machine-id", "docker", "ssh", "private", "environment", "gitconfig"}
    assert (await sandbox.run("getent passwd")).output.count("\n") == 3


async def test_commands_are_not_root_whoever_runs_them(bubblewrap: SandboxProvider, workspace: Path) -> None:
    sandbox = await bubblewrap.open(workspace, LIMITS)
    result = await sandbox.run("id -un; hostname; touch made; stat -c %U made")
    assert result.output == "sandbox\nsandbox\nsandbox\n"
    assert (workspace / "made").stat().st_uid == os.geteuid()


async def test_commands_may_run_at_the_same_time(bubblewrap: SandboxProvider, workspace: Path) -> None:
    sandbox = await bubblewrap.open(workspace, LIMITS)
    meet = "mkfifo a b 2>/dev/null; {}; echo met"
    results = await asyncio.gather(
        sandbox.run(meet.format("until [ -p b ]; do :; done; echo x > a; cat b"), timeout=20),
        sandbox.run(meet.format("until [ -p b ]; do :; done; cat a; echo y > b"), timeout=20),
    )
    assert [result.output for result in results] == ["y\nmet\n", "x\nmet\n"]


async def test_a_bubblewrap_killed_by_others_takes_its_command_along(
    bubblewrap: SandboxProvider, workspace: Path, marker: str
) -> None:
    sandbox: Sandbox = await bubblewrap.open(workspace, LIMITS)
    task = asyncio.create_task(sandbox.run(f"echo begun; sleep {marker}"))
    await until(lambda: alive(f"sleep\0{marker}"))
    os.kill(min(pid for pid in alive(marker) if name_of(pid) == "bwrap"), signal.SIGKILL)
    result = await task
    assert (result.ended, result.exit_code, result.output) == ("killed", None, "begun\n")
    assert alive(marker) == []
