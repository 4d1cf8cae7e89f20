"""What a command cannot reach, see or become."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from pushpals.sandbox import Sandbox, UnsafePath
from tests.sandbox.conftest import names

VARIABLES = {"PATH", "HOME", "LANG", "TERM", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
SHELLS_OWN = {"PWD", "OLDPWD", "SHLVL", "_"}


async def test_there_is_no_network_not_even_this_machine(sandbox: Sandbox) -> None:
    visitors: list[object] = []
    server = await asyncio.start_server(lambda reader, _: visitors.append(reader), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        result = await sandbox.run(
            f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected; getent hosts example.com && echo resolved;"
            "cut -d: -f1 -s /proc/net/dev | tr -d ' '"
        )
    assert "connected" not in result.output
    assert "resolved" not in result.output
    assert result.output.split()[-1] == "lo"
    assert not visitors


async def test_the_environment_is_ours_alone(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "canary-in-the-environment")
    result = await sandbox.run("env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")
    assert "canary" not in result.output
    seen = {line.partition("=")[0] for line in (await sandbox.run("env")).output.splitlines()}
    assert VARIABLES <= seen <= VARIABLES | SHELLS_OWN
    assert "LANG=C.UTF-8\n" in result.output


async def test_nothing_outside_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    here = os.fsdecode(tmp_path)
    result = await sandbox.run(
        "for place in / /usr /usr/bin /etc /bin /lib /home /root /var /run /proc /sys /opt "
        f"{here} /workspace/..; do (echo x > $place/x) 2>/dev/null && echo wrote $place; done;"
        "for file in /etc/passwd /bin/sh /proc/sysrq-trigger /proc/sys/kernel/core_pattern;"
        # Written back as it is: a failing test must not harm the machine it runs on.
        'do text=$(head -c 100 $file) 2>/dev/null; (printf %s "$text" >> $file) 2>/dev/null && echo wrote;'
        "done; echo end"
    )
    assert result.output.splitlines()[-1] == "end"
    assert "wrote" not in result.output
    assert names(tmp_path) == ["workspace"]


async def test_the_files_of_the_host_cannot_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-beside-the-workspace")
    result = await sandbox.run(
        f"cat {tmp_path}/secret /workspace/../secret /proc/1/root{tmp_path}/secret {__file__} /etc/shadow;"
        "ls -A /home /var/lib /run /root/.ssh /boot"
    )
    assert "canary" not in result.output
    assert "VARIABLES" not in result.output
    assert not re.search(r"^root:[^x]", result.output, re.MULTILINE)
    assert result.exit_code != 0


async def test_only_the_commands_own_processes_can_be_seen(sandbox: Sandbox) -> None:
    pids = (await sandbox.run("ls /proc | grep -c '^[0-9]'")).output
    assert int(pids) < 12
    shown = (await sandbox.run("cat /proc/[0-9]*/comm")).output.split()
    assert set(shown) <= {"bwrap", "sh", "sleep", "cat", "bash"}


async def test_no_privilege_is_held_and_none_can_be_gained(sandbox: Sandbox) -> None:
    status = (await sandbox.run("cat /proc/self/status")).output
    fields = dict(re.findall(r"^(\w+):\s*(\S+)", status, re.MULTILINE))
    assert {fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert fields["NoNewPrivs"] == "1"
    result = await sandbox.run(
        "unshare --user true && echo new user namespace; mount -t tmpfs none /workspace && echo mounted;"
        "mknod /workspace/device b 8 0 && echo device made; [ -t 0 ] && echo has a terminal; true"
    )
    for gained in ("namespace\n", "mounted", "device made", "has a terminal"):
        assert gained not in result.output


async def test_links_that_a_command_plants_lead_nowhere(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    await sandbox.run(
        f"ln -s {tmp_path}/secret link; ln -s {tmp_path} dir; ln -s .. up; mkfifo pipe || mknod pipe p"
    )
    for path in ("link", "dir/secret", "up/secret", "pipe", "dir/new", "up/new"):
        with pytest.raises((UnsafePath, NotADirectoryError)):
            sandbox.files.read(path)
        with pytest.raises((UnsafePath, NotADirectoryError)):
            sandbox.files.write(path, b"changed")
    assert (tmp_path / "secret").read_text() == "canary"
    assert names(tmp_path) == ["secret", "workspace"]
    assert list(sandbox.files.walk()) == []


async def test_a_sandbox_around_one_workspace_does_not_see_another(
    sandbox: Sandbox, tmp_path: Path, workspace: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (workspace / "escape").symlink_to(other)
    result = await sandbox.run("touch escape/made")
    assert result.exit_code == 1
    assert names(other) == []
