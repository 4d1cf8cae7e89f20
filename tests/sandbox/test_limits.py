"""What happens to commands that want too much, and what they leave behind: nothing."""

import asyncio
from dataclasses import replace

import pytest

from pushpals.sandbox import Sandbox
from tests.sandbox.conftest import LIMITS, OpenSandbox, alive, until


async def test_a_command_that_never_ends_is_ended(sandbox: Sandbox, marker: str) -> None:
    result = await sandbox.run(f"echo begun; sleep {marker} & sleep {marker}", timeout=0.5)
    assert (result.ended, result.exit_code, result.output) == ("timeout", None, "begun\n")
    assert alive(marker) == []
    assert (await sandbox.run("echo next")).output == "next\n"


async def test_the_limit_of_time_holds_where_a_command_names_none(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(replace(LIMITS, command_seconds=0.3))
    assert (await sandbox.run("sleep 60")).ended == "timeout"


async def test_what_goes_to_the_background_ends_with_the_command(sandbox: Sandbox, marker: str) -> None:
    result = await sandbox.run(
        f"sleep {marker} & setsid sleep {marker} >/dev/null 2>&1 & trap '' TERM HUP; echo ready", timeout=15
    )
    assert (result.ended, result.exit_code, result.output) == ("exited", 0, "ready\n")
    assert alive(marker) == []


async def test_a_command_that_kills_its_own_shells_leaves_nothing(sandbox: Sandbox, marker: str) -> None:
    await sandbox.run(f"setsid sleep {marker} & kill -9 $PPID $$")
    assert alive(marker) == []
    assert (await sandbox.run("echo next")).output == "next\n"


async def test_endless_output_is_cut_off(sandbox: Sandbox) -> None:
    result = await sandbox.run("yes", timeout=15)
    assert (result.ended, result.exit_code, result.truncated) == ("output", None, True)
    assert result.output.startswith("y\ny\n")
    assert len(result.output) <= LIMITS.output_bytes + 100


async def test_one_process_cannot_take_all_memory(sandbox: Sandbox) -> None:
    result = await sandbox.run("tail /dev/zero", timeout=15)
    assert result.ended in {"exited", "memory"}
    assert result.exit_code != 0


async def test_many_processes_cannot_take_more_together(sandbox: Sandbox) -> None:
    # Each holds 40 MB, less than the limit; the last program reads on only after a while.
    hold = "(head -c 40000000 /dev/zero | tail -c 40000000 | (sleep 2; cat) >/dev/null)"
    result = await sandbox.run(f"for i in 1 2 3 4 5; do {hold} || exit 1 & done; wait; exit 1", timeout=15)
    assert (result.ended, result.exit_code) == ("memory", None)


async def test_a_fork_bomb_is_contained(sandbox: Sandbox, marker: str) -> None:
    bomb = f"f() {{ sleep {marker} & f | f & }}; f 2>/dev/null; sleep {marker}"
    task = asyncio.create_task(sandbox.run(bomb, timeout=1.5))
    most = 0
    while not task.done():
        most = max(most, len(alive(marker)))
        await asyncio.sleep(0.05)
    assert (await task).ended in {"timeout", "killed", "memory"}
    assert alive(marker) == []
    assert most <= 2 * LIMITS.processes  # seen while some come and go
    assert (await sandbox.run("echo next", timeout=15)).output == "next\n"


async def test_one_huge_file_cannot_be_written(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(replace(LIMITS, disk_mb=8))
    result = await sandbox.run("head -c 20000000 /dev/zero > big; stat -c %s big")
    assert int(result.output.split()[-1]) <= 8 * 1024 * 1024


async def test_many_large_files_stop_the_command(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(replace(LIMITS, disk_mb=8))
    result = await sandbox.run(
        "for i in 1 2 3 4; do head -c 4000000 /dev/zero > $i; done; sleep 60", timeout=15
    )
    assert result.ended == "killed"
    assert "more than 8 MiB to the workspace" in result.output


async def test_files_are_limited_too(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(replace(LIMITS, open_files=20))
    assert (await sandbox.run("ulimit -n; ulimit -c")).output == "20\n0\n"


async def test_cancelling_kills_everything_first(sandbox: Sandbox, marker: str) -> None:
    task = asyncio.create_task(sandbox.run(f"setsid sleep {marker} & sleep {marker}"))
    await until(lambda: len(alive(f"sleep\0{marker}")) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert alive(marker) == []
    assert (await sandbox.run("echo next")).output == "next\n"


async def test_cancelling_at_any_moment_leaves_nothing(sandbox: Sandbox, kind: str, marker: str) -> None:
    # A bubblewrap is set up in some milliseconds, a command in a container in some dozens.
    steps, pause = (60, 0.0005) if kind == "bubblewrap" else (10, 0.01)
    for step in range(steps):
        task = asyncio.create_task(sandbox.run(f"sleep {marker}"))
        await asyncio.sleep(step * pause)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await until(lambda: not alive(marker))
    assert (await sandbox.run("echo next")).output == "next\n"


async def test_closing_stops_what_runs(sandbox: Sandbox, marker: str) -> None:
    task = asyncio.create_task(sandbox.run(f"echo begun; sleep {marker}"))
    await until(lambda: alive(f"sleep\0{marker}"))
    await sandbox.close()
    result = await task
    assert (result.ended, result.exit_code) == ("killed", None)
    assert alive(marker) == []
    await sandbox.close()
