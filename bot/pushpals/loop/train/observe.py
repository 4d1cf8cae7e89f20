"""Read all that concerns a merge train: one git fetch, and one GraphQL request where cars wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.loop.train.rolling import observe_rolling
from pushpals.loop.train.snapshot import RIDING, TrainSnapshot, Trunk
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH, RepoPolicy
from pushpals.source_control.rolling import held

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.github import PullView
    from pushpals.loop.rules.ci import Check
    from pushpals.loop.services import Repo, Services
    from pushpals.model import JobRecord, Sha, TrainRecord

_BRANCHES = 20
"""Pull requests that are asked for in one request."""


async def observe_train(
    services: Services, repo: Repo, *, testing: bool = False, abandoned: bool = False
) -> TrainSnapshot | None:
    """Return what is true of the train now; None while the policy can not be read: then nothing moves.

    Raises LedgerDamaged when the train's own record can not be read, and the adapters' errors.
    """
    branch = await repo.default_branch()
    tip = await repo.mirror.fetch_branch(branch)
    policy = parse_policy(await repo.mirror.read(tip, POLICY_PATH))
    if not isinstance(policy, RepoPolicy):
        return None
    ledger = await repo.ledger.observe_train(branch, policy.integration.branch)
    record = ledger.train.record if ledger.train else None
    trunk = Trunk(branch, ledger.base)
    if policy.gathers:
        branch = policy.integration.branch
        begun = record is not None and record.rolling is not None
        ledger = replace(ledger, base=ledger.heads.get(branch, trunk.tip) if begun else trunk.tip)
    riding = [entry.record for entry in ledger.jobs if _rides(entry.record, record)]
    pulls = await _pulls(repo, riding)
    return TrainSnapshot(
        repo=repo.ref,
        now=services.clock.now(),
        holder=services.holder,
        branch=branch,
        policy=policy,
        ledger=ledger,
        pulls=pulls,
        ci={
            **{pull.head_sha: pull.ci for pull in pulls.values()},
            **await _ci(repo, record, (ledger.base, trunk.tip), waiting=bool(riding)),
        },
        trunk=trunk if policy.gathers else None,
        rolling=await observe_rolling(repo, record, ledger.heads, trunk.tip),
        testing=testing,
        abandoned=abandoned,
    )


def _rides(job: JobRecord, record: TrainRecord | None) -> bool:
    return job.state in RIDING and held(record, job.id, job.head) is None


async def _ci(
    repo: Repo, record: TrainRecord | None, bases: tuple[Sha, ...], *, waiting: bool
) -> Mapping[Sha, Sequence[Check]]:
    """Return what is checked of `bases` and the commit under test, where that may decide anything."""
    run = record.run if record else None
    if not waiting or (run and run.checks == "sandbox"):
        return {}
    commits = (*bases, run.commit) if run else bases
    return await repo.client.ci(list(dict.fromkeys(commits)))


async def _pulls(repo: Repo, riding: Sequence[JobRecord]) -> dict[str, PullView]:
    """Return the open pull request of each job's branch."""
    found: dict[str, PullView] = {}
    for start in range(0, len(riding), _BRANCHES):
        some = riding[start : start + _BRANCHES]
        view = await repo.client.subject(some[0].request, branches=[job.branch for job in some])
        for branch, pulls in view.pulls.items():
            if pulls and pulls[0].state == "OPEN":
                found[branch] = pulls[0]
    return found
