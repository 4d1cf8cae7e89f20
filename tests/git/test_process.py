"""git runs in a sealed room: nothing of ours leaks in, nothing secret leaks out, and it ends when told."""

import asyncio
import base64
import errno
import importlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pushpals.git import GitError, GitUnavailable, Mirror, RefUpdate
from pushpals.git import process as running
from pushpals.git.process import Git
from tests.git.remotes import BareRemote, HttpRemote

TOKEN = "t0ken-that-nobody-may-see"
Shim = Callable[[str], Path]


@pytest.fixture
def shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shim:
    """Put a script in git's place; `$GIT` in it is the real one. Returns the folder it lives in."""

    def place(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        path = folder / "git"
        path.write_text(f"#!/bin/sh\nGIT={shutil.which('git')}\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setitem(running._ENVIRONMENT, "PATH", f"{folder}:{os.environ['PATH']}")
        return folder

    return place


async def test_the_token_is_in_no_argument_no_file_and_no_url(
    remote: BareRemote, tmp_path: Path, shim: Shim
) -> None:
    folder = shim('echo "$0 $*" >> "${0%/*}/argv"; exec "$GIT" "$@"')

    async def token() -> str | None:
        return TOKEN

    async with HttpRemote(remote, TOKEN).running() as server:
        mirror = await Mirror.open(tmp_path / "m.git", server.url, token)
        await mirror.fetch("+refs/heads/*:refs/heads/*")
    argv = (folder / "argv").read_text()
    assert "fetch" in argv
    secrets = [TOKEN, base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()]
    everything = [argv, *server.requests]
    everything += [
        path.read_bytes().decode(errors="replace") for path in mirror.path.rglob("*") if path.is_file()
    ]
    assert not [text for text in everything for secret in secrets if secret in text]


async def test_what_git_says_is_redacted(tmp_path: Path, shim: Shim) -> None:
    shim(
        'case "$1" in fetch) echo "fatal: https://me:hunter2@example.org/ said $GIT_CONFIG_VALUE_0" >&2;'
        ' env | grep -i authorization >&2; exit 128;; esac; exec "$GIT" "$@"'
    )

    async def token() -> str | None:
        return TOKEN

    mirror = await Mirror.open(tmp_path / "m.git", "https://example.org/x.git", token)
    with pytest.raises(GitUnavailable, match="Authorization: Basic") as caught:
        await mirror.fetch("+refs/heads/*:refs/heads/*")
    text = str(caught.value)
    assert TOKEN not in text
    assert base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode() not in text
    assert "hunter2" not in text


async def test_nothing_of_the_callers_environment_or_configuration_reaches_git(
    remote: BareRemote, mirror: Mirror, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("git.db")  # GitPython asks git for its version at the first import, in our name
    marker = tmp_path / "marker"
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for name in ("reference-transaction", "pre-push", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = touch {marker}\n\tautocrlf = true\n"
        "[diff]\n\tnoprefix = true\n"
        f'[url "file:///nowhere/"]\n\tinsteadOf = {remote.path}\n[user]\n\tname = Somebody\n'
    )
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_EXTERNAL_DIFF": f"touch {marker}",
        "GIT_SSH_COMMAND": f"touch {marker}",
        "GIT_CONFIG_PARAMETERS": "'core.autocrlf=true'",
        "GIT_TRACE": str(marker),
    }.items():
        monkeypatch.setenv(name, value)
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    await mirror.materialise(base, tmp_path / "w")
    assert (tmp_path / "w/README.md").read_bytes() == b"hello\n"
    (tmp_path / "w/README.md").write_bytes(b"other\n")
    assert b"--- a/README.md\n" in (await mirror.export(base, tmp_path / "w")).diff
    assert not marker.exists()


async def test_hooks_and_filters_of_the_mirror_itself_do_not_run(
    mirror: Mirror, base: str, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    (mirror.path / "hooks").mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-index-change", "post-checkout"):
        (mirror.path / "hooks" / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (mirror.path / "hooks" / name).chmod(0o755)
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    await mirror.materialise(base, tmp_path / "w")
    await mirror.capture(base, tmp_path / "w")
    assert not marker.exists()


@pytest.mark.parametrize("url", ["ext::sh -c 'touch {marker}'", "ssh://example.org/x", "git://example.org/x"])
async def test_only_files_and_http_are_spoken(tmp_path: Path, url: str) -> None:
    marker = tmp_path / "marker"

    async def token() -> str | None:
        return None

    mirror = await Mirror.open(tmp_path / "m.git", url.format(marker=marker), token)
    with pytest.raises(GitError, match="not allowed"):
        await mirror.fetch("+refs/heads/*:refs/heads/*")
    assert not marker.exists()


def children_end(folder: Path) -> None:
    """Wait until the process whose id the shim wrote has ended (a zombie has)."""
    ask = ["ps", "-o", "stat=", "-p", (folder / "pid").read_text().strip()]
    for _ in range(200):
        state = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
        if not state or state.startswith("Z"):
            return
        time.sleep(0.05)
    raise AssertionError("The command was ended, but what it had started goes on.")


async def test_a_cancelled_command_takes_its_children_with_it(
    mirror: Mirror, tmp_path: Path, shim: Shim
) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    folder = shim(f'sleep 600 & echo $! > "${{0%/*}}/pid"; echo > {ready}; wait')
    task = asyncio.create_task(Git(mirror.path).run("log"))
    await asyncio.to_thread(ready.read_text)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    children_end(folder)


async def test_so_does_one_that_is_cancelled_while_it_starts(
    mirror: Mirror, tmp_path: Path, shim: Shim
) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    folder = shim(f'sleep 600 & echo $! > "${{0%/*}}/pid"; echo > {ready}; wait')
    task = asyncio.create_task(Git(mirror.path).run("log"))
    for _ in range(3):
        await asyncio.sleep(0)
    # In this thread on purpose: the command is running, and asyncio has had no time to see it.
    assert Path.read_text(ready) == "\n"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    children_end(folder)


async def test_a_command_that_takes_too_long_is_ended_and_says_so(mirror: Mirror, shim: Shim) -> None:
    folder = shim('trap "" TERM; sleep 600 & echo $! > "${0%/*}/pid"; wait')
    with pytest.raises(GitUnavailable, match=r"git log did not end within 0\.5 seconds"):
        await Git(mirror.path).run("log", timeout=0.5)
    children_end(folder)


async def test_a_machine_without_git_says_so(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(running._ENVIRONMENT, "PATH", "/nonexistent")
    with pytest.raises(GitError, match=r"git is not there\. Is git installed"):
        await Git(mirror.path).run("log")


async def test_a_machine_that_can_start_no_process_is_to_be_tried_again(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*args: object, **options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuses)
    with pytest.raises(GitUnavailable, match="Resource temporarily unavailable"):
        await Git(mirror.path).run("log")


async def test_a_push_whose_git_was_killed_is_settled_by_looking(
    remote: BareRemote, mirror: Mirror, base: str, shim: Shim
) -> None:
    shim('case "$1" in push) "$GIT" "$@"; kill -9 $$;; esac; exec "$GIT" "$@"')
    again = await remote.mirror(mirror.path)
    await again.push([RefUpdate("refs/heads/new", None, base)])
    assert remote.refs()["refs/heads/new"] == base


async def test_a_failure_says_what_git_said(mirror: Mirror) -> None:
    with pytest.raises(GitError, match=r"git ls-tree failed \(128\): fatal: Not a valid object name nope"):
        await Git(mirror.path).run("ls-tree", "nope")


async def test_a_door_may_hand_in_proxies_and_certificates(remote: BareRemote, tmp_path: Path) -> None:
    async def token() -> str | None:
        return None

    network = {"http_proxy": "http://127.0.0.1:1", "no_proxy": ""}
    mirror = await Mirror.open(tmp_path / "m.git", "http://example.invalid/x.git", token, network=network)
    with pytest.raises(GitUnavailable, match=r"127\.0\.0\.1 port 1"):
        await mirror.fetch("+refs/heads/*:refs/heads/*")
