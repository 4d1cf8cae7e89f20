"""Plans are made, shown to people, approved, changed and stopped. What asks a model runs as an errand."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.git import GitError, Identity, RefUpdate
from pushpals.ledger import ClaimLost, LedgerError
from pushpals.localbuddy.instructions import read_instructions
from pushpals.localbuddy.plan_picture import plan_branch
from pushpals.localbuddy.repo_map import repository_map
from pushpals.localbuddy.request import read_request
from pushpals.loop.hands import Again
from pushpals.loop.logbook import add_usage
from pushpals.loop.requests import change_request
from pushpals.loop.roles import roles_at
from pushpals.loop.rules.common import number_of
from pushpals.loop.services import Event
from pushpals.loop.spending import count_usage, so_far
from pushpals.model import Approval, Question
from pushpals.policy.budget import day_over
from pushpals.policy.repo_policy import RepoPolicy, policy_digest
from pushpals.remotebuddy import RepoFacts, make_plan
from pushpals.remotebuddy.model_planner import Context, asks_a_model, plan_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.git import Mirror
    from pushpals.ledger import Entry
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Plan, Request, RequestRecord, Sha

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draft:
    """What a request's record says of a plan that rules have just made."""

    base: Sha
    plan: Plan
    policy_digest: str
    ask: bool
    """Whether a model is asked for a better one."""
    role_problems: tuple[str, ...] = ()

    def changes(self, hands: Hands) -> dict[str, object]:
        """Return the fields of the record that this sets."""
        holder = hands.services.holder if self.ask else None
        return {
            "base": self.base,
            "plan": self.plan,
            "policy_digest": self.policy_digest,
            "drafted_by": holder,
            "role_problems": self.role_problems,
        }


async def draft(request: Request, s: Snapshot, hands: Hands) -> Draft:
    """Return the plan that rules make for a request, on the default branch as it is in `s`."""
    if not isinstance(s.policy, RepoPolicy):
        raise TypeError("a plan was made under a policy that cannot be read")
    facts = await facts_of(s.ledger.base, s, hands)
    plan = await asyncio.to_thread(make_plan, request, s.policy, facts)
    checks = ", ".join(plan.tasks[0].checks) or "none found"
    summary = f"{prose.count(len(plan.tasks), 'task')}, {plan.risk} risk, checks: {checks}"
    hands.services.watch(Event(s.ref, "plan", summary))
    return Draft(
        s.ledger.base,
        plan,
        policy_digest(s.policy),
        ask=asks_a_model(hands.services.model, request),
        role_problems=tuple(str(problem) for problem in facts.roles.problems),
    )


async def facts_of(base: Sha, s: Snapshot, hands: Hands) -> RepoFacts:
    """Return what planning may know of the repository at a commit."""
    if not isinstance(s.policy, RepoPolicy):
        raise TypeError("a plan was made under a policy that cannot be read")
    mirror = hands.repo.mirror
    paths = await mirror.tree_paths(base)
    roles = await roles_at(mirror, base, s.policy, paths)
    return RepoFacts(paths, reader_of(mirror, base), roles, tuple(s.view.labels))


def reader_of(mirror: Mirror, commit: Sha) -> Callable[[str], str | None]:
    """Return a blocking reader of a commit's files, for a plan that is made in a thread of its own."""
    loop = asyncio.get_running_loop()

    def read(path: str) -> str | None:
        data = asyncio.run_coroutine_threadsafe(mirror.read(commit, path), loop).result()
        return None if data is None else data.decode(errors="replace")

    return read


async def make(_step: steps.MakePlan, s: Snapshot, hands: Hands) -> Snapshot:
    """Begin to ask a model for a plan."""
    if s.ledger.request is None:
        return s
    return hands.crew.send(f"plan-{s.ref.number}", Planning(s.ledger.request, s, hands), s)


@dataclass(frozen=True)
class Planning:
    """The errand that asks a model for a plan and records what comes of it."""

    entry: Entry[RequestRecord]
    s: Snapshot
    hands: Hands

    async def run(self) -> bool:
        """Ask, and record the plan or the question. Raises ClaimLost when the request moved meanwhile."""
        s, hands, record = self.s, self.hands, self.entry.record
        if not isinstance(s.policy, RepoPolicy):
            raise TypeError("a plan was made under a policy that cannot be read")
        mirror, base = hands.repo.mirror, record.base
        if over := day_over(s.policy, await so_far(hands.services, hands.repo)):
            await self._by_rules("The day is spent: no model is asked for a plan.", over)
            return True
        facts = await facts_of(base, s, hands)
        guide = await read_instructions(mirror, base, s.policy.scope.write)
        context = Context(
            await repository_map(mirror, base),
            "\n\n".join(each.text for each in guide),
            may_ask=record.question is None,
        )
        found = await plan_with(
            hands.services.model, record.request, s.policy, facts, context, secrets.token_hex(8)
        )
        await count_usage(hands.services, hands.repo, found.usage)
        question = record.question
        if found.question:
            question = Question(text=found.question, asked_at=hands.services.clock.now())
        what = "has a question" if found.question else f"planned {prose.count(len(found.plan.tasks), 'task')}"
        await change_request(
            s,
            hands,
            f"A model {what}.",
            {
                "plan": found.plan,
                "planning": add_usage(record.planning, found.usage),
                "question": question,
                "drafted_by": None,
            },
        )
        return True

    async def broke(self, code: str) -> None:
        """Go on with the plan of the rules, and say where to look for the reason."""
        why = f"asking the model broke (error {code} in the server's log)."
        try:
            await self._by_rules("Asking a model for a plan broke.", why)
        except (ClaimLost, GitError, LedgerError) as error:
            log.warning("%s: error %s could not be recorded: %s", self.s.ref, code, error)

    async def _by_rules(self, message: str, why: str) -> None:
        """Record that the plan which the rules made counts. Raises ClaimLost when the request moved."""
        plan = self.entry.record.plan
        noted = plan.model_copy(update={"notes": (*plan.notes, f"Planned by rules alone: {why}")})
        await change_request(self.s, self.hands, message, {"plan": noted, "drafted_by": None})


async def propose(_step: steps.ProposePlan, s: Snapshot, hands: Hands) -> Snapshot:
    """Show the plan on a branch of its own: one commit, moved there together with the record.

    The commit depends on the record alone, so that a repeated attempt makes the very same one. The branch is
    ours; what stood there before, an earlier plan, is replaced.
    """
    if s.ledger.request is None:
        return s
    record, mirror, viewer = s.ledger.request.record, hands.repo.mirror, s.view.viewer
    branch = f"refs/heads/{plan_branch(s.ref.number)}"
    tree = await mirror.with_files(record.base, {prose.plan_path(record): prose.plan_file(record).encode()})
    author = Identity(viewer.login, f"{viewer.id}+{viewer.login}@users.noreply.github.com")
    commit = await mirror.commit(
        tree, [record.base], prose.plan_commit_message(record), author=author, when=record.created_at
    )
    there = (await mirror.ls_remote(branch)).get(branch)
    also = () if there == commit else (RefUpdate(branch, there, commit),)
    message = f"The plan waits for approval on {plan_branch(s.ref.number)}."
    await change_request(s, hands, message, {"plan_commit": commit}, also)
    raise Again  # its pull request may be there, with another head than was seen


async def approve(step: steps.ApprovePlan, s: Snapshot, hands: Hands) -> Snapshot:
    """Record a person's yes to the plan as it is shown, and to the request as it was read."""
    if s.ledger.request is None:
        return s
    record = s.ledger.request.record
    yes = Approval(
        by=step.by,
        at=hands.services.clock.now(),
        how=step.how,
        plan_commit=record.plan_commit,
        digest=record.request.digest,
    )
    causes = (*record.causes, step.cause) if step.cause else record.causes
    message = f"{step.by.login} approved the plan by {step.how}."
    await change_request(s, hands, message, {"approval": yes, "voided": None, "causes": causes})
    raise Again  # the work may start now, for which the asker's role is read


async def stop(step: steps.StopPlan, s: Snapshot, hands: Hands) -> Snapshot:
    """Record that nothing of the plan goes on, and why."""
    if s.ledger.request is None:
        return s
    record = s.ledger.request.record
    causes = (*record.causes, step.cause) if step.cause else record.causes
    changes = {"stopped": step.reason, "drafted_by": None, "causes": causes}
    return await change_request(s, hands, step.reason, changes)


async def ask(step: steps.AskAboutPlan, s: Snapshot, hands: Hands) -> Snapshot:
    """Record a question, which its answer replans by."""
    if s.ledger.request is None:
        return s
    question = Question(text=step.text, asked_at=hands.services.clock.now())
    causes = (*s.ledger.request.record.causes, step.cause)
    return await change_request(s, hands, f"Asked: {step.text}", {"question": question, "causes": causes})


async def answer(step: steps.AnswerQuestion, s: Snapshot, hands: Hands) -> Snapshot:
    """Add the answer to the request, as whoever works on it reads it, and plan again."""
    if s.ledger.request is None:
        return s
    record = s.ledger.request.record
    asked = record.question
    if step.question:
        asked = Question(text=step.question, asked_at=hands.services.clock.now())
    if asked is None:
        return s
    answered = asked.model_copy(update={"answer": step.text, "answered_by": step.by})
    request = _with_answer(record.request, answered)
    made = await draft(request, s, hands)
    return await change_request(
        s,
        hands,
        f"{step.by.login} answered the question.",
        {
            "request": request,
            "question": answered,
            "causes": (*record.causes, step.cause),
            "approval": None,
            "plan_commit": None,
            **made.changes(hands),
        },
    )


async def read_again(step: steps.ReadAgain, s: Snapshot, hands: Hands) -> Snapshot:
    """Take in the request as it reads now, with a new plan; what was approved before is not any more."""
    if s.ledger.request is None:
        return s
    record = s.ledger.request.record
    old = record.request
    # In a thread: hostile text of GitHub's size can keep the cleaner busy for seconds.
    request = await asyncio.to_thread(read_request, s.view, old.cause, step.by or old.asker, old.asked_at)
    question = record.question
    if question is not None and question.answer is None:
        question = question.model_copy(update={"answer": "(the request was edited)"})
    elif question is not None:
        request = _with_answer(request, question)
    made = await draft(request, s, hands)
    return await change_request(
        s,
        hands,
        "The request was edited, and is planned again.",
        {
            "request": request,
            "question": question,
            "approval": None,
            "plan_commit": None,
            "voided": step.voided,
            "first": max((number_of(job.record) for job in s.ledger.jobs), default=0) + 1,
            **made.changes(hands),
        },
    )


def _with_answer(request: Request, question: Question) -> Request:
    """Return the request with an answer as a part of it, and with who gave that as one of its authors."""
    by = question.answered_by
    said = (
        f"A question was asked: {question.text}\n{by.login if by else 'somebody'} answered: {question.answer}"
    )
    shaped_by = (*request.shaped_by, *((by,) if by else ()))
    return request.model_copy(update={"body": f"{request.body}\n\n{said}".strip(), "shaped_by": shaped_by})
