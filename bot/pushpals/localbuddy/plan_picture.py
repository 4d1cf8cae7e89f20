"""What people should see of a plan that needs their yes or an answer, compared with what they do see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.audit import prose
from pushpals.github import (
    AddComment,
    CheckAction,
    ClosePullRequest,
    CreateCheckRun,
    CreatePullRequest,
    Mutation,
    UpdateCheckRun,
    UpdatePullRequest,
)
from pushpals.policy.plan_gate import roles_that_approve

if TYPE_CHECKING:
    from pushpals.github import CheckConclusion, PullView, SubjectView
    from pushpals.model import RequestRecord
    from pushpals.policy.repo_policy import RepoPolicy

ROLES_CHECK: Final = "roles"
APPROVE: Final = "plan-approve"
CHANGE: Final = "plan-change"
CANCEL: Final = "plan-cancel"
BUTTONS: Final = (
    CheckAction("Approve plan", "The work starts as planned", APPROVE),
    CheckAction("Change it", "You are asked what should differ", CHANGE),
    CheckAction("Cancel", "The request ends here", CANCEL),
)


def plan_branch(number: int) -> str:
    """Return the branch that shows the plan of a request."""
    return f"pushpals/plan/{number}"


def plan_check_id(number: int) -> str:
    """Return the external id of the check run on a plan's commit."""
    return f"plan-{number}"


def plan_pull(view: SubjectView, record: RequestRecord) -> PullView | None:
    """Return the pull request that shows the plan as it is now: the open one, else one of its very commit."""
    pulls = view.pulls.get(plan_branch(record.request.number), ())
    shown = (pull for pull in pulls if pull.state == "OPEN" or pull.head_sha == record.plan_commit)
    return next(shown, None) if record.plan_commit else None


def owed(view: SubjectView, record: RequestRecord, policy: RepoPolicy) -> list[Mutation]:
    """Return the writes that bring question, plan, check and what is said of them in step."""
    shown = [*_pull_request(view, record, policy), *_check(view, record, policy)]
    return [*_comments(view, record), *shown, *_roles_check(view, record)]


def _roles_check(view: SubjectView, record: RequestRecord) -> list[Mutation]:
    """The check on the commit whose role files are broken: where the broken policy is told too."""
    runs = view.check_runs.get(record.base, ())
    if not record.role_problems or any(run.external_id == ROLES_CHECK for run in runs):
        return []
    title, summary = prose.roles_check(record)
    return [
        CreateCheckRun(
            repository_id=view.repository.id,
            name="PushPals / roles",
            head_sha=record.base,
            external_id=ROLES_CHECK,
            status="COMPLETED",
            conclusion="FAILURE",
            title=title,
            summary=summary,
        )
    ]


def _comments(view: SubjectView, record: RequestRecord) -> list[Mutation]:
    found: list[Mutation] = []
    asks = record.question is not None and record.question.answer is None and not record.stopped
    if asks and not _said(view, prose.question_mark(record)):
        found.append(AddComment(view.id, prose.question_comment(record)))
    if record.voided and not _said(view, prose.void_mark(record)):
        found.append(AddComment(view.id, prose.void_comment(record)))
    return found


def _said(view: SubjectView, mark: str) -> bool:
    return any(comment.mine and comment.body.startswith(mark) for comment in view.comments)


def _pull_request(view: SubjectView, record: RequestRecord, policy: RepoPolicy) -> list[Mutation]:
    pull, base = plan_pull(view, record), view.repository.default_branch
    if record.plan_commit is None or base is None:
        return []
    body = prose.plan_body(record, roles_that_approve(policy))
    if pull is None:
        if record.stopped or record.approval:
            return []
        title, branch = prose.plan_title(record), plan_branch(record.request.number)
        return [CreatePullRequest(view.repository.id, base, branch, title, body, draft=True)]
    if pull.state != "OPEN" or pull.head_sha != record.plan_commit:
        return []
    if record.stopped or (record.approval and prose.plan_name(record) == "Plan"):
        return [AddComment(pull.id, prose.plan_closed(record)), ClosePullRequest(pull.id)]
    return [] if pull.body == body else [UpdatePullRequest(pull.id, body=body)]


def _check(view: SubjectView, record: RequestRecord, policy: RepoPolicy) -> list[Mutation]:
    if record.plan_commit is None:
        return []
    number = record.request.number
    key, verdict = plan_check_id(number), _verdict(record)
    title, summary = prose.plan_check(record, roles_that_approve(policy))
    shown = next((r for r in view.check_runs.get(record.plan_commit, ()) if r.external_id == key), None)
    buttons = BUTTONS if verdict == "ACTION_REQUIRED" else ()
    if shown is not None and (shown.title, shown.summary, shown.conclusion) == (title, summary, verdict):
        return []
    if shown is None:
        return [
            CreateCheckRun(
                head_sha=record.plan_commit,
                repository_id=view.repository.id,
                name=f"PushPals / {key}",
                external_id=key,
                status="COMPLETED",
                conclusion=verdict,
                title=title,
                summary=summary,
                actions=buttons,
            )
        ]
    return [
        UpdateCheckRun(
            check_run_id=shown.id,
            repository_id=view.repository.id,
            name=f"PushPals / {key}",
            external_id=key,
            status="COMPLETED",
            conclusion=verdict,
            title=title,
            summary=summary,
            actions=buttons,
        )
    ]


def _verdict(record: RequestRecord) -> CheckConclusion:
    if record.stopped:
        return "CANCELLED"
    return "SUCCESS" if record.approval else "ACTION_REQUIRED"
