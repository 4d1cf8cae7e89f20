"""From a published job to a landed one: whose approval counts, and what the merge train's news mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.loop import steps
from pushpals.loop.rules.common import plan_jobs
from pushpals.loop.rules.gathering import gathered_of, why_not_gathered
from pushpals.model import ENDED, ON_A_BRANCH, HeadApproval, JobState, Risk
from pushpals.policy.access import Allowed, may_start
from pushpals.policy.plan_gate import may_land
from pushpals.source_control.train import arrived, car_of, left_with

if TYPE_CHECKING:
    from pushpals.github import PullView, ReviewView, SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Failure, Gathered, JobRecord, Person
    from pushpals.policy.repo_policy import RepoPolicy

_DECISIVE = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
RIDING = frozenset({JobState.APPROVED, JobState.INTEGRATING})


def reviewers_to_check(view: SubjectView, ledger: LedgerView, policy: RepoPolicy) -> tuple[Person, ...]:
    """Return the people whose reviews may decide what lands, so that `observe` reads their roles."""
    if policy.integration.train == "never":
        return ()
    found: list[Person] = []
    for entry in plan_jobs(ledger):
        pull = _open_pull(view, entry.record) if entry.record.state in ON_A_BRANCH else None
        last = _last_words(pull).values() if pull else ()
        by_itself = policy.integration.auto_merge != "never"
        if by_itself or any(_approves(review, entry.record) for review in last):
            found += [review.author for review in last if review.author and not review.author.bot]
    return tuple({person.id: person for person in found}.values())


def integration_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """What reviews and the train mean for the jobs that are on a branch: one step for each, at most."""
    found: list[steps.Step] = []
    for entry in plan_jobs(s.ledger):
        if entry.record.state in RIDING:
            step = _riding(s, policy, entry.record)
        elif entry.record.state is JobState.PUBLISHED:
            step = _published(s, policy, entry.record)
        else:
            step = None
        found += [step] if step else []
    return found


def why_not_land(s: Snapshot, policy: RepoPolicy, job: JobRecord) -> str | None:
    """Return why a job's branch may not land, as a sentence; None when a person's approval lets it."""
    pull, request = _open_pull(s.view, job), s.ledger.request
    if (why := _why_not_fit(s, policy, job, pull)) or pull is None or request is None:
        return why
    approvals = _approvals(s, policy, job, pull)
    if not approvals:
        return "Nobody who may has approved what is on the branch now."
    return may_land(request.record, job, tuple(review.author for review in approvals if review.author))


def why_not_by_itself(s: Snapshot, policy: RepoPolicy, job: JobRecord) -> str | None:
    """Return why a job's branch may not land without a person's approval; None when the policy lets it.

    Nothing may be left to judge: risk within the policy, all checks green on the exact tree, evidence that
    shows the effect, no remark of a reviewer, nothing refused, and a CI that has nothing against it.
    """
    level, report, request = policy.integration.auto_merge, job.report, s.ledger.request
    pull = _open_pull(s.view, job)
    if (why := _why_not_fit(s, policy, job, pull)) or pull is None or request is None:
        return why
    if level == "never" or report.risk.rank > Risk(level).rank:
        return f"The policy lands no change of {report.risk} risk by itself."
    evidence = report.evidence
    if evidence is None or evidence.thin or not all(result.ok for result in evidence.head):
        return "The evidence is thin."
    if report.findings or report.refused:
        return "The review has remarks."
    if any(check.state in {"failure", "pending"} for check in pull.ci if not check.mine):
        return "The CI is not green."
    return may_land(request.record, job, ())


def _why_not_fit(s: Snapshot, policy: RepoPolicy, job: JobRecord, pull: PullView | None) -> str | None:
    """Return what stands against landing a job's branch, whoever approves it."""
    if policy.integration.train == "never":
        return f"The policy has no merge train (`integration.train`, {policy.where('integration.train')})."
    if pull is None or job.head is None or s.ledger.request is None:
        return "It has no open pull request."
    if pull.head_sha != job.head:
        return "Somebody else pushed to its branch; what is there now was not checked here."
    if pull.draft:
        return "Its pull request is a draft."
    if pull.base_ref != s.view.repository.default_branch:
        return f"Its pull request goes to `{pull.base_ref}` until what it builds on has landed."
    if who := _objector(s, policy, pull):
        return f"`{who.login}` has asked for changes."
    return None


def waits_for_the_word(job: JobRecord) -> bool:
    """Whether `/pushpals integrate` may mean anything for a job."""
    return job.state is JobState.PUBLISHED and job.head is not None


def integrate_steps(
    s: Snapshot, policy: RepoPolicy, job: JobRecord, by: Person, key: str
) -> list[steps.Step]:
    """What `/pushpals integrate` on a job comes to, said by somebody who may; nothing when it may not land.

    `why_not_land` says why not. The approval itself is still the review's.
    """
    if job.head is None or job.state is not JobState.PUBLISHED or why_not_land(s, policy, job):
        return []
    return [steps.ApproveJob(job.id, HeadApproval(by=by, at=s.now, how="command", head=job.head, cause=key))]


def _published(s: Snapshot, policy: RepoPolicy, job: JobRecord) -> steps.Step | None:
    """A published job gets on the way as soon as it is approved, where the policy says so."""
    if _has_landed(s, job):
        return steps.MarkMerged(job.id)
    pull = _open_pull(s.view, job)
    fresh = job.returned is None or job.returned.head != job.head
    lets = why_not_by_itself(s, policy, job) is None or why_not_gathered(s, policy, job) is None
    if job.head and ((fresh and lets) or gathered_of(s, job)):
        return steps.ApproveJob(
            job.id, HeadApproval(by=s.view.viewer, at=s.now, how="policy", head=job.head, cause="policy")
        )
    if policy.integration.train != "approval" or pull is None or why_not_land(s, policy, job):
        return None
    for review in _approvals(s, policy, job, pull):
        at = review.submitted_at or s.now
        if (fresh or (job.returned and at > job.returned.at)) and review.author and job.head:
            approval = HeadApproval(by=review.author, at=at, how="review", head=job.head, cause=review.id)
            return steps.ApproveJob(job.id, approval)
    return None


def _riding(s: Snapshot, policy: RepoPolicy, job: JobRecord) -> steps.Step | None:
    """A job that waits for the train, or is on it: it has landed, is sent back, or may not land any more."""
    if _has_landed(s, job):
        return steps.MarkMerged(job.id)
    train = s.ledger.train.record if s.ledger.train else None
    if gathered := gathered_of(s, job):
        return _noted(job, train.halt if train else None, on_board=True, gathered=gathered)
    out = left_with(train, job.id, job.head) if train and job.head else None
    alone = _open_pull(s.view, job) is None
    if alone and s.view.pulls.get(job.branch):
        return None  # it was merged or closed by hand, which ends the job
    if out and job.approved and out.at >= job.approved.at:
        return steps.TakeBack(job.id, out)
    by_itself = job.approved is not None and job.approved.how == "policy"
    why_not = why_not_gathered if alone else why_not_by_itself if by_itself else why_not_land
    if why := why_not(s, policy, job):
        return steps.VoidApproval(job.id, why)
    on_board = bool(train and car_of(train, job.id))
    halt = train.halt if train and (on_board or policy.gathers) else None
    return _noted(job, halt, on_board=on_board)


def _noted(
    job: JobRecord, halt: Failure | None, *, on_board: bool, gathered: Gathered | None = None
) -> steps.Step | None:
    """Record where a job is on its way, where that is news."""
    now = (job.state is JobState.INTEGRATING, job.halt, job.gathered)
    return None if now == (on_board, halt, gathered) else steps.NoteRide(job.id, on_board, halt, gathered)


def _has_landed(s: Snapshot, job: JobRecord) -> bool:
    """Whether the train landed exactly what is on the branch. GitHub marks it a little later."""
    train = s.ledger.train.record if s.ledger.train else None
    return bool(train and job.head and job.state not in ENDED and arrived(train, job.id, job.head))


def _open_pull(view: SubjectView, job: JobRecord) -> PullView | None:
    return next((pull for pull in view.pulls.get(job.branch, ()) if pull.state == "OPEN"), None)


def _last_words(pull: PullView) -> dict[int, ReviewView]:
    """Return each reviewer's last review that says yes or no, as GitHub counts them."""
    return {
        review.author.id: review for review in pull.reviews if review.author and review.state in _DECISIVE
    }


def _approves(review: ReviewView, job: JobRecord) -> bool:
    """Whether a review approves exactly what is on the branch."""
    return review.state == "APPROVED" and review.commit == job.head and not review.mine


def _approvals(s: Snapshot, policy: RepoPolicy, job: JobRecord, pull: PullView) -> list[ReviewView]:
    """Return the approvals that count: by people whose role may, of the commit that would land."""
    return [
        review
        for review in _last_words(pull).values()
        if review.author and _approves(review, job) and _may(s, policy, review.author)
    ]


def _objector(s: Snapshot, policy: RepoPolicy, pull: PullView) -> Person | None:
    """Return somebody whose role may and who asked for changes last."""
    return next(
        (
            review.author
            for review in _last_words(pull).values()
            if review.author and review.state == "CHANGES_REQUESTED" and _may(s, policy, review.author)
        ),
        None,
    )


def _may(s: Snapshot, policy: RepoPolicy, person: Person) -> bool:
    return isinstance(may_start(s.roles.get(person.id), policy, person), Allowed)
