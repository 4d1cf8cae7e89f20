"""Folders of other people's files go away whole."""

from __future__ import annotations

import os
from pathlib import Path

from pushpals.sandbox import scratch


async def test_a_very_deep_tree_is_removed(tmp_path: Path) -> None:
    async with scratch(tmp_path) as folder:
        here = os.open(folder, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("d", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        os.close(here)
    assert not any(os.scandir(tmp_path))


async def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")
    async with scratch(tmp_path / "s") as folder:
        (folder / "link").symlink_to(tmp_path / "kept")
    assert (tmp_path / "kept" / "file").read_text() == "mine"
    assert not folder.exists()
