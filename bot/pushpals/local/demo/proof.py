"""Was it true? The demo checks its own result from outside: a fresh clone, the check run, the record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pushpals.git import Mirror
from pushpals.ledger.verify import verify_job
from pushpals.loop.bench import TreeBench
from pushpals.model import JobRecord

if TYPE_CHECKING:
    from pushpals.local.demo.world import World
    from pushpals.local.forge.app_entities import CheckRun
    from pushpals.local.forge.entities import Issue, PullRequest
    from pushpals.model import CheckResult
    from pushpals.sandbox import SandboxProvider


async def _anonymous() -> str | None:
    return None


@dataclass(frozen=True)
class Proof:
    """What was found about one job, by looking at the forge as anybody could."""

    job: JobRecord | None
    pull: PullRequest | None
    check: CheckRun | None
    results: tuple[CheckResult, ...]
    diff: str
    problems: tuple[str, ...]

    @property
    def proven(self) -> bool:
        """True when a pull request is open, its head passes, its check run says so, its record verifies."""
        return self.pull is not None and not self.problems


async def prove(world: World, issue: Issue, sandboxes: SandboxProvider, folder: Path) -> Proof:
    """Fetch what was published into a fresh clone and check every claim again."""
    mirror = await Mirror.open(folder / "proof.git", f"{world.url}.git", _anonymous)
    await mirror.fetch("+refs/heads/*:refs/heads/*", "+refs/pushpals/*:refs/pushpals/*")
    job_id = world.last_job(issue)
    if job_id is None:
        return Proof(None, None, None, (), "", ("no job was recorded",))
    verified = await verify_job(mirror, job_id)
    record, problems = verified.record, list(verified.problems)
    pull = world.pull_of(job_id)
    if pull is None or record is None:
        return Proof(record, None, None, (), "", (*problems, "no pull request is open"))
    check = world.check_on(pull.head_sha, job_id)
    if check is None or check.conclusion != "success":
        problems.append(f"the check run says {check.conclusion if check else 'nothing'}")
    bench = TreeBench(mirror, sandboxes, folder / "proof")
    results = await bench.check(pull.head_sha, record.task)
    problems += [f"`{result.command}` on the head: {result.summary}" for result in results if not result.ok]
    if not results:
        problems.append("the repository has no checks, so nothing could be run on the head")
    diff = (await mirror.diff(record.base, pull.head_sha)).decode(errors="replace")
    return Proof(record, pull, check, results, diff, tuple(problems))
