"""What a worker is given for one attempt at a job."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.audit.ci_log import failing_part
from pushpals.audit.text import clean_untrusted
from pushpals.github import AccessDenied, NotFound
from pushpals.localbuddy.instructions import read_instructions, with_instructions
from pushpals.loop.roles import instructions_of
from pushpals.model import Budget, OrderKind, Usage
from pushpals.policy.allowlist import Allowlist
from pushpals.policy.budget import within_day
from pushpals.policy.repo_policy import LOCKED_PATHS, RELEASABLE_PATHS, RepoPolicy
from pushpals.remotebuddy.split import split
from pushpals.workerpals import Assignment

if TYPE_CHECKING:
    from pushpals.loop.services import Repo
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, RequestRecord

ROLE_OF = {
    OrderKind.CI: "ci_medic",
    OrderKind.CONFLICT: "conflict_resolver",
    OrderKind.REBASE: "conflict_resolver",
}
"""Who does a further round, where it is not who did the first."""


async def assignment_of(job: JobRecord, s: Snapshot, repo: Repo) -> Assignment:
    """Return the assignment: what is asked, by which rules, within what budget.

    Raises ValueError for a job without a request and TypeError under a policy that cannot be read: neither is
    started.
    """
    request, policy = s.ledger.request, s.policy
    if request is None:
        raise ValueError(f"job {job.id} was started without a request")
    if not isinstance(policy, RepoPolicy):
        raise TypeError(f"job {job.id} was started under a policy that cannot be read")
    role = next((ROLE_OF[order.kind] for order in job.orders if order.kind in ROLE_OF), job.task.role)
    built_in = [path for path in (*LOCKED_PATHS, *RELEASABLE_PATHS) if path not in policy.scope.unprotect]
    instructions = await instructions_of(repo.mirror, job.base, policy, role)
    # From the default branch alone: what a job has changed on a branch of its own instructs nobody.
    guide = await read_instructions(repo.mirror, s.ledger.base, job.task.scope)
    used = _since(job.spent_before, job.usage)
    return Assignment(
        task=job.task,
        request_text=_request_text(request.record, job) + await _logs(job, repo),
        instructions=with_instructions(instructions, guide, secrets.token_hex(16)),
        checks=job.task.checks,
        budget=within_day(_budget(policy, job), used, policy, s.spent, job.budget_factor),
        spent=used,
        protected=(*built_in, *policy.scope.protected),
        within=(policy.scope.write, job.task.bounds.within),
        tools=job.task.bounds.tools,
        allowlist=Allowlist(exact=frozenset(job.allowed), listed=policy.commands.allow),
        denied=job.denied,
        may_ask=policy.commands.ask,
        explorers=policy.budget.explorers,
    )


async def _logs(job: JobRecord, repo: Repo) -> str:
    """Return what the logs of red checks tell, cleaned and cut to the failure; logs may be gone."""
    parts: list[str] = []
    for run in dict.fromkeys(run for order in job.orders for run in order.runs):
        try:
            log = await repo.client.ci_log(run)
        except (NotFound, AccessDenied) as error:
            parts.append(f"The log of check run {run} cannot be read: {error}")
            continue
        cleaned = await asyncio.to_thread(lambda text: clean_untrusted(failing_part(text)).text, log)
        parts.append(f"From the log of check run {run}:\n\n{cleaned}")
    return "".join(f"\n\n{part}" for part in parts)


def _budget(policy: RepoPolicy, job: JobRecord) -> Budget:
    """Return what one round may spend: by policy and role, times what people have raised it by."""
    budget, factor = policy.job_budget, job.budget_factor
    turns = min(budget.max_turns, job.task.bounds.turns or budget.max_turns)
    return budget.model_copy(
        update={
            "max_turns": int(turns * factor),
            "max_tokens": int(budget.max_tokens * factor),
            "max_usd": budget.max_usd * factor,
            "max_minutes": budget.max_minutes * factor,
        }
    )


def _since(before: Usage, now: Usage) -> Usage:
    """Return what was spent since `before`."""
    usd = None if before.usd is None or now.usd is None else now.usd - before.usd
    return now.model_copy(
        update={
            "turns": now.turns - before.turns,
            "model_calls": now.model_calls - before.model_calls,
            "tokens_in": now.tokens_in - before.tokens_in,
            "tokens_out": now.tokens_out - before.tokens_out,
            "usd": usd,
            "seconds": now.seconds - before.seconds,
        }
    )


def _criteria(job: JobRecord) -> str:
    own = job.task.acceptance[: len(job.task.acceptance) - len(job.task.checks)]
    return "\n".join(["What must hold:", *(f"- {text}" for text in own)]) + "\n\n" if own else ""


def _request_text(record: RequestRecord, job: JobRecord) -> str:
    """Return what a worker is asked: all of it, or its own task first where there are several.

    In a further round what is asked now comes first.
    """
    asked, tasks = record.request, record.plan.tasks
    whole = f"{asked.title}\n\n{asked.body}".strip()
    if len(tasks) > 1:
        part = f"(Task {job.index + 1} of {len(tasks)}; others do the rest. What was asked as a whole:)"
        # Without the list of all tasks, if a person wrote one: who reads of others does them too.
        rest = f"{asked.title}\n\n{split(asked.body).rest or asked.body}".strip()
        whole = f"{job.task.goal}\n\n{_criteria(job)}{part}\n\n{rest}"
    return prose.orders_for_worker(job.orders, whole) if job.orders else whole
