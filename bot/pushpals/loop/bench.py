"""A bench to judge patches on: git for exact trees, a fresh sandbox for every run of the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.sandbox import Limits, scratch
from pushpals.workerpals.checks import CHECK_SECONDS, run_check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pushpals.git import Mirror
    from pushpals.model import CheckResult, Evidence, FileChange, Patch, Sha, Task
    from pushpals.sandbox import SandboxProvider


@dataclass(frozen=True)
class TreeBench:
    """Implements `source_control.Bench` on a mirror and a sandbox provider."""

    mirror: Mirror
    sandboxes: SandboxProvider
    scratch: Path
    evidence: Evidence | None = None
    """What the checks said when they were run elsewhere: then they are not run here."""

    async def apply(self, patch: Patch) -> Sha:
        """Return the tree of base plus patch."""
        return await self.mirror.apply(patch)

    async def changes(self, base: Sha, tree: Sha) -> tuple[FileChange, ...]:
        """Return what differs between a commit and a tree."""
        return await self.mirror.diff_files(base, tree)

    async def diff(self, base: Sha, tree: Sha) -> bytes:
        """Return what differs between a commit and a tree, as text."""
        return await self.mirror.diff(base, tree)

    async def overlay(self, onto: Sha, source: Sha, paths: Sequence[str]) -> Sha:
        """Return the tree of `onto` with `paths` taken from `source`."""
        return await self.mirror.overlay(onto, source, paths)

    async def check(self, tree: Sha, task: Task) -> tuple[CheckResult, ...]:
        """Run the task's checks on a clean copy of the tree, in a sandbox of its own."""
        if self.evidence:
            return self.evidence.head if tree == self.evidence.tree else self.evidence.base
        seconds = task.check_seconds
        async with scratch(self.scratch) as folder:
            workspace = folder / "tree"
            await self.mirror.materialise(tree, workspace)
            sandbox = await self.sandboxes.open(workspace, Limits())
            try:
                return tuple(
                    [await run_check(sandbox, c, seconds.get(c, CHECK_SECONDS)) for c in task.checks]
                )
            finally:
                await sandbox.close()
