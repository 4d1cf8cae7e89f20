"""Refs taken along in a file, and brought back: git bundles, which are data and may come from anybody."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from pushpals.git.errors import GitError
from pushpals.git.process import Git
from pushpals.model import Sha

MAX_BYTES = 64 << 20
"""Of a bundle that is read at all."""
_CHECKED = {"fetch.fsckObjects": "true", "core.bigFileThreshold": "16m", "fetch.unpackLimit": "1"}
_SECONDS = 300.0


async def pack(git: Git, file: Path, ref: str, since: Sha) -> None:
    """Write what `ref` has beyond `since` into `file` (absolute). Raises GitError when that is nothing."""
    await git.run("bundle", "create", "--quiet", str(file), ref, f"^{since}", timeout=_SECONDS)


async def unpack(git: Git, file: Path, ref: str, to: str) -> Sha:
    """Take `ref` from the bundle `file` into the repository as `to`, every object checked; return the commit.

    Nothing but `to` moves. Raises GitError for what is no bundle, lacks the ref, is damaged or too large.
    """
    size = (await asyncio.to_thread(file.stat)).st_size
    if size > MAX_BYTES:
        raise GitError(f"The bundle has {size} bytes; at most {MAX_BYTES} are read.")
    flags = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules")
    await git.run(*("fetch", *flags, str(file), f"+{ref}:{to}"), config=_CHECKED, timeout=_SECONDS)
    return (await git.run("rev-parse", "--verify", f"{to}^{{commit}}")).text


async def sizes(git: Git, *objects: str) -> dict[str, int]:
    """Return how many bytes each object has, without reading it. Raises GitError for one that is not here."""
    names = "".join(f"{name}\n" for name in objects).encode()
    done = await git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=names)
    found: dict[str, int] = {}
    for line in done.text.splitlines():
        name, _, size = line.partition(" ")
        if not size.isdecimal():
            raise GitError(f"{name} is not in the repository.")
        found[name] = int(size)
    return found


async def duplicate(git: Git, folder: Path, branch: str) -> None:
    """Copy the bare repository to `folder`, as it is, with `branch` as its default: a remote of its own."""
    await asyncio.to_thread(shutil.copytree, git.git_dir, folder)
    copy = Git(folder)
    await copy.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    await copy.run("config", "receive.autogc", "false")
    await copy.run("config", "receive.shallowUpdate", "true")
    await copy.run("config", "uploadpack.allowAnySHA1InWant", "true")
