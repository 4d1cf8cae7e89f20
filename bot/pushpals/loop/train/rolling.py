"""See and show what is gathered on the integration branch: the one pull request that people merge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.github import CreatePullRequest, PullView, UpdatePullRequest, WriteFailed
from pushpals.loop import writes
from pushpals.loop.hands import Again
from pushpals.loop.train.snapshot import RollingSeen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushpals.loop.services import Repo
    from pushpals.loop.train.snapshot import ShowRolling, TrainSnapshot
    from pushpals.model import Rolling, Sha, TrainRecord


async def observe_rolling(
    repo: Repo, record: TrainRecord | None, heads: Mapping[str, Sha], trunk: Sha
) -> RollingSeen | None:
    """Return what is to be seen of the changes that are gathered; None while none are. One GraphQL request.

    Raises the adapters' errors.
    """
    rolling = record.rolling if record else None
    if rolling is None:
        return None
    if not rolling.held:
        return RollingSeen(repository_id="")
    number = int(rolling.held[0].job.partition("-")[0])
    view = await repo.client.subject(number, branches=[rolling.branch])
    pulls = tuple(view.pulls.get(rolling.branch, ()))
    merged = next((pull.head_sha for pull in pulls if pull.number == rolling.pull and pull.merged), None)
    if merged and await repo.mirror.resolve(f"{merged}^{{commit}}") is None:
        await repo.mirror.fetch(f"refs/pull/{rolling.pull}/head")
    taken, lost = await _whereabouts(repo, rolling, heads.get(rolling.branch), (merged, trunk))
    return RollingSeen(view.repository.id, pulls, frozenset(taken), frozenset(lost))


async def _whereabouts(
    repo: Repo, rolling: Rolling, tip: Sha | None, into: tuple[Sha | None, ...]
) -> tuple[list[str], list[str]]:
    """Return the jobs whose change is in one of `into`, and those whose change is not even in `tip`."""
    taken: list[str] = []
    lost: list[str] = []
    for each in rolling.held:
        if any([await repo.mirror.holds(commit, each.head) for commit in into if commit]):
            taken.append(each.job)
        elif tip is None or not await repo.mirror.holds(tip, each.head):
            lost.append(each.job)
    return taken, lost


async def show_rolling(step: ShowRolling, s: TrainSnapshot, repo: Repo) -> TrainSnapshot:
    """Open or rewrite the pull request; return the snapshot with it.

    Raises Again when somebody else opened one, and the adapters' errors.
    """
    seen = s.rolling
    record = s.ledger.train.record if s.ledger.train else None
    if seen is None or record is None or record.rolling is None:
        return s
    mutation: CreatePullRequest | UpdatePullRequest = (
        UpdatePullRequest(step.pull.id, title=step.title, body=step.body)
        if step.pull
        else CreatePullRequest(
            repository_id=seen.repository_id,
            base=s.default,
            head=record.rolling.branch,
            title=step.title,
            body=step.body,
        )
    )
    [written] = await writes.write(repo.client, (mutation,))
    if isinstance(written, WriteFailed):
        if written.kind in {"already_exists", "unknown"}:
            raise Again
        raise written
    if not isinstance(written, PullView):
        return s
    others = tuple(pull for pull in seen.pulls if pull.id != written.id)
    return replace(s, rolling=replace(seen, pulls=(written, *others)))
