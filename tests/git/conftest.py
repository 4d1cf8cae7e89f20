from pathlib import Path

import pytest

from pushpals.git import Mirror
from tests.git.remotes import BareRemote


@pytest.fixture
def remote(tmp_path: Path) -> BareRemote:
    """A bare repository with one commit on main."""
    remote = BareRemote(tmp_path)
    remote.commit({"README.md": b"hello\n", "src/app.py": b"x = 1\n", "run.sh": b"#!/bin/sh\n"}, "First")
    return remote


@pytest.fixture
async def mirror(remote: BareRemote, tmp_path: Path) -> Mirror:
    """A mirror of `remote` that has fetched all branches."""
    mirror = await remote.mirror(tmp_path / "mirror.git")
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    return mirror


@pytest.fixture
async def base(mirror: Mirror) -> str:
    """The tip of main, as the mirror has it."""
    tip = await mirror.resolve("refs/heads/main")
    assert tip
    return tip
