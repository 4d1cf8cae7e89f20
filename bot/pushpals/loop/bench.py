"""A bench to judge patches on: git for exact trees, a fresh sandbox for every run of the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.sandbox import Limits, scratch
from pushpals.workerpals.checks import run_check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pushpals.git import Mirror
    from pushpals.model import CheckResult, FileChange, Patch, Sha
    from pushpals.sandbox import SandboxProvider


@dataclass(frozen=True)
class TreeBench:
    """Implements `source_control.Bench` on a mirror and a sandbox provider."""

    mirror: Mirror
    sandboxes: SandboxProvider
    scratch: Path

    async def apply(self, patch: Patch) -> Sha:
        """Return the tree of base plus patch."""
        return await self.mirror.apply(patch)

    async def changes(self, base: Sha, tree: Sha) -> tuple[FileChange, ...]:
        """Return what differs between a commit and a tree."""
        return await self.mirror.diff_files(base, tree)

    async def overlay(self, onto: Sha, source: Sha, paths: Sequence[str]) -> Sha:
        """Return the tree of `onto` with `paths` taken from `source`."""
        return await self.mirror.overlay(onto, source, paths)

    async def check(self, tree: Sha, commands: Sequence[str]) -> tuple[CheckResult, ...]:
        """Run the commands on a clean copy of the tree, in a sandbox of its own."""
        async with scratch(self.scratch) as folder:
            workspace = folder / "tree"
            await self.mirror.materialise(tree, workspace)
            sandbox = await self.sandboxes.open(workspace, Limits())
            try:
                return tuple([await run_check(sandbox, command) for command in commands])
            finally:
                await sandbox.close()
