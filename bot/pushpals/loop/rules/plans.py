"""A plan on its way to a yes: made, asked about, shown, approved, voided by an edit, or stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.audit import prose
from pushpals.localbuddy.commands import commands_of
from pushpals.localbuddy.plan_picture import APPROVE, CANCEL, CHANGE, plan_check_id, plan_pull
from pushpals.loop import steps
from pushpals.loop.rules.common import (
    BEFORE_PUBLICATION,
    PATIENCE,
    allowed,
    asked_by_command,
    changed_since,
    labelled,
    number_of,
    plan_jobs,
    plan_waits,
    question_open,
    written_here,
)
from pushpals.loop.rules.tasks import lacks_jobs
from pushpals.model import ENDED, ON_A_BRANCH, Failure, FailureKind, Request
from pushpals.policy.access import Refused
from pushpals.policy.plan_gate import may_approve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from pushpals.github import CommentView, ReviewView, SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Person, RequestRecord
    from pushpals.policy.repo_policy import RepoPolicy

MOST_PEOPLE: Final = 5
ANSWER_LIMIT: Final = 4_000
CHANGE_QUESTION: Final = "What should the plan do differently?"


def plan_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """What is owed to the plan itself, before and beside its jobs."""
    if s.ledger.request is None:
        return []
    record = s.ledger.request.record
    if left := _left_over(s, record):
        return left
    if record.stopped:
        return []
    if plan_waits(record) and (why := _withdrawn(s, record, policy)):
        return [steps.StopPlan(why)]
    if not record.drafted_by and (edited := _edited(s, record, policy)):
        return edited
    if record.drafted_by:
        return _drafting(s, record)
    if question_open(record):
        return _answered(s, record, policy) or _pressed(s, record, policy)
    return _decided(s, record, policy) if plan_waits(record) else []


def plan_shown(s: Snapshot) -> bool:
    """True while a plan is shown that waits for a yes or no."""
    record = s.ledger.request.record if s.ledger.request else None
    if record is None or record.plan_commit is None or record.drafted_by or question_open(record):
        return False
    return plan_waits(record)


def approve(
    s: Snapshot,
    policy: RepoPolicy,
    person: Person,
    how: Literal["review", "button", "command"],
    cause: str | None,
) -> steps.ApprovePlan | Refused | None:
    """Return the step by which `person` approves the plan that waits, or why not; None when none waits."""
    record = s.ledger.request.record if s.ledger.request else None
    if record is None or not plan_shown(s):
        return None
    verdict = may_approve(s.roles.get(person.id), policy, person, record)
    return verdict if isinstance(verdict, Refused) else steps.ApprovePlan(person, how, cause)


def reject(
    s: Snapshot, policy: RepoPolicy, person: Person, why: str, cause: str | None
) -> steps.StopPlan | Refused | None:
    """Return the step by which `person` turns the plan down, or why not; None when none waits."""
    record = s.ledger.request.record if s.ledger.request else None
    if record is None or not plan_waits(record):
        return None
    verdict = allowed(s, policy, person)
    if isinstance(verdict, Refused):
        return verdict
    reason = f": {' '.join(why.split())[:300]}" if why.strip() else "."
    return steps.StopPlan(f"`{person.login}` turned the plan down{reason}", cause)


def people_to_check(view: SubjectView, ledger: LedgerView) -> tuple[Person, ...]:
    """Return the people whose role these rules will ask for."""
    if ledger.request is None or ledger.request.record.stopped:
        return ()
    record = ledger.request.record
    people: list[Person | None] = []
    if plan_waits(record):
        people += [review.author for review in _reviews(view, record)]
        pull = plan_pull(view, record)
        people += [pull.merged_by] if pull and pull.merged else []
    if question_open(record):
        people += [comment.author for comment in _replies(view, record)]
    # Last, so that no crowd of others pushes them out: whoever is not known may not.
    if (plan_waits(record) or _open_work(ledger)) and _differs(view, record):
        people += changed_since(view, record.request.asked_at)
    known = {person.id: person for person in people if person and not person.bot}
    return tuple(known.values())[-MOST_PEOPLE:]


def _left_over(s: Snapshot, record: RequestRecord) -> list[steps.Step]:
    """Jobs that were under way for a plan which was stopped, or replaced, end with it."""
    why = record.stopped or record.voided or "Its plan was replaced."
    failure = Failure(kind=FailureKind.CANCELLED, cause=why, next_step="Nothing of it was published.")
    return [
        steps.EndJob(entry.record.id, failure)
        for entry in s.ledger.jobs
        if entry.record.state in BEFORE_PUBLICATION
        and entry.record.head is None
        and (record.stopped or number_of(entry.record) < record.first)
    ]


def _withdrawn(s: Snapshot, record: RequestRecord, policy: RepoPolicy) -> str | None:
    """Return why a plan that waits is not wanted any more."""
    label = policy.trigger.label
    if s.view.state != "OPEN":
        return "The issue was closed before its plan was settled."
    if not asked_by_command(record) and not labelled(s.view, label):
        return f"The label `{label}` was removed before the plan was settled."
    return None


def _differs(view: SubjectView, record: RequestRecord) -> bool:
    return Request.digest_of(view.title, view.body) != record.request.digest


def _open_work(ledger: LedgerView) -> bool:
    """True while an approved plan has work left that was not published: an edit then voids the yes."""
    if ledger.request is None or ledger.request.record.approval is None:
        return False
    jobs = [entry.record for entry in plan_jobs(ledger)]
    unpublished = any(job.state in BEFORE_PUBLICATION and job.head is None for job in jobs)
    to_come = len(jobs) < len(ledger.request.record.plan.tasks) and any(
        job.state in ON_A_BRANCH for job in jobs
    )
    return unpublished or to_come or lacks_jobs(ledger)


def _edited(s: Snapshot, record: RequestRecord, policy: RepoPolicy) -> list[steps.Step]:
    """An edit of what was asked makes a new plan; whoever may not start work makes none by editing."""
    if not _differs(s.view, record) or not (plan_waits(record) or _open_work(s.ledger)):
        return []
    editors = changed_since(s.view, record.request.asked_at)
    meddlers = [who for who in editors if isinstance(allowed(s, policy, who), Refused)]
    if meddlers or not editors:
        login = meddlers[0].login if meddlers and meddlers[0] else "ghost"
        why = f"`{login}` changed the request after its plan was made, and may not start PushPals here."
        return [steps.StopPlan(why)]
    yes = record.approval
    voided = (
        f"The request was edited after `{yes.by.login}` approved the plan, so that yes is void."
        if yes
        else None
    )
    jobs = [entry.record for entry in plan_jobs(s.ledger)]
    if voided and any(job.head and job.state not in ENDED for job in jobs):
        # A new plan would do again what waits on pull requests, and nobody would look after those.
        return [steps.StopPlan(f"{voided} What is published stands; nothing more is begun.")]
    return [steps.ReadAgain(voided, _last_editor(s.view))]


def _last_editor(view: SubjectView) -> Person | None:
    """Return who had the last word on what is asked; None where nobody can be named."""
    said = [(event.at, event.actor) for event in view.renamed]
    said += [(view.last_edited_at, view.editor)] if view.last_edited_at else []
    return max(said, key=lambda each: each[0])[1] if said else None


def _drafting(s: Snapshot, record: RequestRecord) -> list[steps.Step]:
    """The plan is still to be made better by a model: by who said so, or by anybody when that one is gone."""
    if f"plan-{s.ref.number}" in s.errands:
        return []
    late = record.written_at is None or s.now - record.written_at >= PATIENCE
    return [steps.MakePlan()] if written_here(s, record) or late else []


def _replies(view: SubjectView, record: RequestRecord) -> list[CommentView]:
    """Return comments of people after the question, in order, commands left out.

    Their order tells: GitHub's times are whole seconds, and our clock is another.
    """
    mark = prose.question_mark(record)
    asked = [at for at, c in enumerate(view.comments) if c.mine and c.body.startswith(mark)]
    if record.question is None or not asked:
        return []
    return [
        comment
        for comment in view.comments[asked[-1] + 1 :]
        if not comment.mine
        and comment.author is not None
        and not comment.author.bot
        and (comment.editor is None or comment.editor.id == comment.author.id)
        and comment.body.strip()
        and not commands_of(comment.id, comment.body)
    ]


def _answered(s: Snapshot, record: RequestRecord, policy: RepoPolicy) -> list[steps.Step]:
    for comment in _replies(s.view, record):
        who = allowed(s, policy, comment.author)
        if not isinstance(who, Refused) and comment.id not in record.causes:
            return [steps.AnswerQuestion(comment.body, who, comment.id)]
    return []


def _decided(s: Snapshot, record: RequestRecord, policy: RepoPolicy) -> list[steps.Step]:
    """What people decided on the plan as it is shown now: by review, by button, by closing or merging it."""
    if record.plan_commit is None:
        return [steps.ProposePlan()]
    found: list[steps.Step | Refused | None] = []
    for review in _reviews(s.view, record):
        if review.author is None:
            continue
        if review.state == "CHANGES_REQUESTED":
            found.append(reject(s, policy, review.author, review.body, None))
        elif review.state == "APPROVED":
            found.append(approve(s, policy, review.author, "review", None))
    pull = plan_pull(s.view, record)
    if pull and pull.merged and pull.merged_by and pull.head_sha == record.plan_commit:
        found.append(approve(s, policy, pull.merged_by, "review", None))
    elif pull and pull.state == "CLOSED":
        found.append(steps.StopPlan(f"Pull request #{pull.number} with the plan was closed."))
    owed = [step for step in found if step is not None and not isinstance(step, Refused)]
    # A no weighs more than a yes given beside it.
    owed.sort(key=lambda step: not isinstance(step, steps.StopPlan))
    return owed or _pressed(s, record, policy)


def _reviews(view: SubjectView, record: RequestRecord) -> Iterator[ReviewView]:
    """Yield each person's last word on the very commit of the plan."""
    pull = plan_pull(view, record)
    last: dict[int, ReviewView] = {}
    for review in pull.reviews if pull and record.plan_commit else ():
        decides = review.state in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}
        if decides and review.author and not review.mine and review.commit == record.plan_commit:
            last[review.author.id] = review
    yield from last.values()


def _pressed(s: Snapshot, record: RequestRecord, policy: RepoPolicy) -> list[steps.Step]:
    """Buttons on the check of the plan's commit; one on an earlier commit of the plan means nothing."""
    key = plan_check_id(s.ref.number)
    runs = s.view.check_runs.get(record.plan_commit or "", ())
    here = {run.database_id for run in runs if run.external_id == key}
    for press in s.presses:
        if press.external_id != key or press.check_run not in here or press.id in record.causes:
            continue
        step: steps.Step | Refused | None = None
        if press.action == APPROVE:
            step = approve(s, policy, press.person, "button", press.id)
        elif press.action == CANCEL:
            step = reject(s, policy, press.person, "", press.id)
        elif press.action == CHANGE and not isinstance(allowed(s, policy, press.person), Refused):
            step = None if question_open(record) else steps.AskAboutPlan(CHANGE_QUESTION, press.id)
        if step is not None and not isinstance(step, Refused):
            return [step]
    return []
