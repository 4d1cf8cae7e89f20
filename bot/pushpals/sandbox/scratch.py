"""Folders that hold other people's files, and their removal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path


async def remove_tree(folder: Path) -> None:
    """Remove `folder` and all in it; it need not exist.

    `rm` does it, because Python's own `shutil.rmtree` recurses: before 3.13 a tree a thousand directories
    deep, which any command can make, is more than it can remove. What cannot be removed is left.
    """
    process = await asyncio.create_subprocess_exec(
        "rm",
        "-rf",
        "--",
        str(folder),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        env={"PATH": os.defpath},
    )
    await process.wait()


@contextlib.asynccontextmanager
async def scratch(parent: Path) -> AsyncIterator[Path]:
    """Make a new empty folder below `parent`, made if need be; remove it with all in it at the end."""
    folder = _make(parent)
    try:
        yield folder
    finally:
        await remove_tree(folder)


def _make(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))
