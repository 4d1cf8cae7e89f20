"""What a command is given, and what comes back from it."""

from pathlib import Path

from pushpals.sandbox import Sandbox, SandboxProvider
from tests.sandbox.conftest import LIMITS, OpenSandbox


async def test_a_command_works_in_the_workspace_and_its_files_are_there_for_us(
    sandbox: Sandbox, workspace: Path
) -> None:
    (workspace / "name.txt").write_text("Ada")
    result = await sandbox.run('pwd; echo "Hello $(cat name.txt)" > hello.txt')
    assert (result.exit_code, result.ended, result.output) == (0, "exited", "/workspace\n")
    assert not result.truncated
    assert (workspace / "hello.txt").read_text() == "Hello Ada\n"
    assert sandbox.files.read("hello.txt") == b"Hello Ada\n"


async def test_exit_codes_are_the_shells(sandbox: Sandbox) -> None:
    codes = [
        (await sandbox.run(command)).exit_code for command in ("exit 3", "no-such-program", "kill -9 $$")
    ]
    assert codes == [3, 127, 137]


async def test_output_keeps_its_order_and_survives_bytes_that_are_not_text(sandbox: Sandbox) -> None:
    result = await sandbox.run("echo 'grün ☂'; echo oops >&2; printf 'a\\377b\\n'; echo end")
    assert result.output == "grün ☂\noops\na\ufffdb\nend\n"


async def test_a_command_starts_where_it_is_told_but_never_outside(sandbox: Sandbox) -> None:
    await sandbox.run("mkdir -p 'a dir/below'")
    assert (await sandbox.run("pwd", cwd="a dir/below")).output == "/workspace/a dir/below\n"
    assert (await sandbox.run("pwd", cwd="/workspace/a dir")).output == "/workspace/a dir\n"
    for cwd in ("..", "/", "/workspacer", "a dir/../../etc"):
        result = await sandbox.run("pwd", cwd=cwd)
        assert (result.exit_code, result.output.split(":")[0]) == (126, "Refused")
    missing = await sandbox.run("pwd", cwd="missing")
    assert missing.exit_code == 126
    assert "missing" in missing.output


async def test_commands_that_cannot_be_started_say_why(sandbox: Sandbox) -> None:
    for command, why in (("echo \0", "NUL"), ("#" * 130_000, "too long"), ("echo \udc80", "not text")):
        result = await sandbox.run(command)
        assert result.exit_code == 126
        assert why in result.output
    assert (await sandbox.run("#" * 110_000)).exit_code == 0


async def test_standard_input_is_empty(sandbox: Sandbox) -> None:
    result = await sandbox.run("cat; echo done", timeout=10)
    assert result.output == "done\n"


async def test_temporary_files_and_home_are_writable_and_last_for_one_command(sandbox: Sandbox) -> None:
    first = await sandbox.run("touch /tmp/a ~/b $TMPDIR/c /dev/shm/d && ls -A /tmp ~ /dev/shm | sort")
    assert {"a", "b", "c", "d"} <= set(first.output.split())
    second = await sandbox.run("ls -A /tmp ~ /dev/shm")
    assert second.output == "/dev/shm:\n\n/tmp:\nhome\n\n/tmp/home:\n"


async def test_large_output_keeps_its_head_and_its_tail(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox()
    result = await sandbox.run("seq 1 1000000")
    assert (result.exit_code, result.truncated) == (0, True)
    assert result.output.startswith("1\n2\n3\n")
    assert result.output.endswith("\n999999\n1000000\n")
    assert "bytes of output left out" in result.output
    assert len(result.output) <= LIMITS.output_bytes + 100


async def test_a_provider_says_what_it_is(provider: SandboxProvider, sandbox: Sandbox, kind: str) -> None:
    assert provider.name == sandbox.name == kind
    assert provider.describe().endswith("no network")
