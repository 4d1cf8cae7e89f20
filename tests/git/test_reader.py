"""Objects are read through one lasting process, which nobody has to think of."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pushpals.git import GitError, Identity, Mirror, reader
from pushpals.git.errors import GitUnavailable
from pushpals.git.process import Git
from tests.git.remotes import BareRemote


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The lasting processes, as they are started."""
    processes: list[subprocess.Popen[bytes]] = []
    lasting = Git.lasting

    async def kept(git: Git, *args: str) -> subprocess.Popen[bytes]:
        processes.append(await lasting(git, *args))
        return processes[-1]

    monkeypatch.setattr(Git, "lasting", kept)
    return processes


async def test_many_reads_take_one_process_and_see_what_came_since(
    remote: BareRemote, mirror: Mirror, base: str, started: list[subprocess.Popen[bytes]]
) -> None:
    assert await mirror.read_objects(f"{base}:README.md", "0" * 40) == [b"hello\n", None]
    newer = remote.commit({"README.md": b"hello again\n" * 20_000}, "Second")
    assert await mirror.read(newer, "README.md") is None
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    both = await asyncio.gather(mirror.read("refs/heads/main", "README.md"), mirror.read(base, "src/app.py"))
    assert list(both) == [b"hello again\n" * 20_000, b"x = 1\n"]
    assert len(started) == 1


async def test_what_git_says_of_a_submodule_is_no_bytes(
    mirror: Mirror, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = "read _; echo 1234 submodule; read _; printf '1234 blob 3\\nyes\\n'"

    talk = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        ["/bin/sh", "-c", says], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )

    async def newer(_git: Git, *_args: str) -> subprocess.Popen[bytes]:
        return talk

    monkeypatch.setattr(Git, "lasting", newer)
    assert await mirror.read_objects(f"{base}:vendored", f"{base}:README.md") == [None, b"yes"]


async def test_looking_before_a_commit_takes_no_process_of_its_own(
    mirror: Mirror, base: str, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(_git: Git, *args: str, **_more: object) -> None:
        raise AssertionError(args)

    me, when = Identity("Ada", "ada@example.org"), datetime(2026, 1, 1, tzinfo=UTC)
    tree = await mirror.commit_tree(base)
    monkeypatch.setattr(Git, "run", none)
    for message in ("One", "Two"):
        await mirror.commit(tree, [base], message, author=me, when=when)
    with pytest.raises(GitError, match="not in the mirror"):
        await mirror.commit(tree, ["1" * 40], "Three", author=me, when=when)
    assert len(started) == 1


async def test_one_that_was_killed_is_started_again(
    mirror: Mirror, base: str, started: list[subprocess.Popen[bytes]]
) -> None:
    await mirror.read(base, "README.md")
    os.killpg(started[0].pid, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, started[0].pid, os.WEXITED | os.WNOWAIT)
    assert await mirror.read(base, "README.md") == b"hello\n"
    assert len(started) == 2


async def test_it_ends_when_nobody_reads_or_nobody_can(
    mirror: Mirror,
    base: str,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "IDLE_SECONDS", 0.0)
    await mirror.read(base, "README.md")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert started[0].returncode is not None
    monkeypatch.undo()
    other = reader.ObjectReader(mirror._git)
    assert await other.read([f"{base}:README.md"]) == [b"hello\n"]
    process = other._process
    assert process is not None
    assert process.returncode is None
    if other._idle is not None:
        other._idle.cancel()
    del other
    gc.collect()
    assert process.returncode is not None


async def test_a_read_that_is_given_up_leaves_nothing_half_said(
    mirror: Mirror, base: str, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await mirror.read(base, "README.md")
    os.killpg(started[0].pid, signal.SIGSTOP)
    reading = asyncio.create_task(mirror.read(base, "src/app.py"))
    await asyncio.sleep(0)
    assert mirror._reader._turn.locked()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert started[0].returncode == -signal.SIGKILL
    assert await mirror.read(base, "README.md") == b"hello\n"


async def test_one_that_never_answers_is_ended(
    mirror: Mirror, base: str, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await mirror.read(base, "README.md")
    os.killpg(started[0].pid, signal.SIGSTOP)
    monkeypatch.setattr(reader, "READ_SECONDS", 0.01)
    with pytest.raises(GitUnavailable, match="did not end within"):
        await mirror.read(base, "README.md")
    assert started[0].returncode == -signal.SIGKILL


async def test_a_damaged_repository_is_told(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(GitUnavailable, match="ended too early"):
        await reader.ObjectReader(Git(tmp_path / "none")).read(["HEAD"])
