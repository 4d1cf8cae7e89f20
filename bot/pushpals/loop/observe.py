"""Read GitHub and the ledger into one snapshot: one GraphQL request, one git fetch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.localbuddy.plan_picture import plan_branch
from pushpals.loop.decide import people_to_check
from pushpals.loop.fold import fold
from pushpals.loop.rules.common import DEFAULT_POLICY
from pushpals.loop.rules.pictures import shown_jobs
from pushpals.loop.snapshot import Snapshot
from pushpals.loop.writes import is_sparing
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH, PolicyProblem, RepoPolicy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pushpals.github import Mutation, Written
    from pushpals.loop.services import Repo, Services
    from pushpals.model import JobId, Person, Press, SubjectRef


async def observe(
    services: Services,
    repo: Repo,
    ref: SubjectRef,
    working: Collection[JobId] = (),
    abandoned: Collection[JobId] = (),
    *,
    errands: Collection[str] = (),
    presses: Sequence[Press] = (),
    free: bool = True,
) -> Snapshot:
    """Return what is true of one issue now."""
    ledger = await repo.ledger.observe(ref.number, await repo.default_branch())
    text = await repo.mirror.read(ledger.base, POLICY_PATH)
    policy = parse_policy(text)
    jobs = shown_jobs(ledger)
    commits = {job.root for job in jobs} | {job.record.head for job in jobs if job.record.head}
    shown_plan = [plan_branch(ref.number)] if ledger.request and ledger.request.record.plan_commit else []
    if ledger.request and ledger.request.record.role_problems:
        commits.add(ledger.request.record.base)
    if ledger.request and ledger.request.record.plan_commit:
        commits.add(ledger.request.record.plan_commit)
    if isinstance(policy, PolicyProblem):
        commits.add(ledger.base)
    view = await repo.client.subject(
        ref.number, branches=[job.record.branch for job in jobs] + shown_plan, commits=sorted(commits)
    )
    rules = policy if isinstance(policy, RepoPolicy) else DEFAULT_POLICY
    asked = (
        *people_to_check(view, ledger, rules, services.clock.now()),
        *(press.person for press in presses),
    )
    people = list({person.id: person for person in asked}.values())
    return Snapshot(
        ref=ref,
        now=services.clock.now(),
        holder=services.holder,
        view=view,
        ledger=ledger,
        policy=policy,
        roles=await _roles(repo, people),
        presses=tuple(presses),
        working=frozenset(working),
        abandoned=frozenset(abandoned),
        errands=frozenset(errands),
        live=services.board.lines(ref.repo),
        works_for=services.config.works_for,
        sparing=await is_sparing(repo.client),
        free=free,
    )


async def _roles(repo: Repo, people: Sequence[Person]) -> Mapping[int, str]:
    """Return the `role_name` of each account. A login that by now is somebody else's gives nothing."""
    roles: dict[int, str] = {}
    for person in people:
        account, role = await repo.client.role_of(person.login)
        if account == person.id:
            roles[person.id] = role
    return roles


def with_written(snapshot: Snapshot, mutations: Sequence[Mutation], written: Sequence[Written]) -> Snapshot:
    """Return the snapshot with what our own writes made of the world, as their answers tell it.

    This saves a request after every write; the next hint reads everything again anyway.
    """
    view = snapshot.view
    for mutation, result in zip(mutations, written, strict=True):
        view = fold(view, mutation, result)
    return replace(snapshot, view=view)
