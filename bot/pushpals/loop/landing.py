"""From a proposed patch to a pushed branch: the gate, then one atomic push."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.audit.chain import AuditEvent
from pushpals.git import Identity, LeaseLost, PatchDoesNotApply, PushRefused, RefUpdate
from pushpals.loop import reviewing
from pushpals.loop.assignment import assignment_of
from pushpals.loop.bench import TreeBench
from pushpals.loop.hands import entry_of
from pushpals.loop.logbook import add_usage
from pushpals.loop.rounds import ended, origin_of
from pushpals.loop.services import Event
from pushpals.model import Failure, FailureKind, JobState, Patch
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.review_agent import review
from pushpals.source_control import Gated, gate

if TYPE_CHECKING:
    from datetime import datetime

    from pushpals.audit.redact import Redactor
    from pushpals.ledger import Entry
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import CheckResult, Evidence, JobRecord, Report, Sha, Usage


async def gate_job(
    entry: Entry[JobRecord], s: Snapshot, hands: Hands, *, evidence: Evidence | None = None
) -> Snapshot:
    """Judge the proposed patch and record the verdict: gated with its report, or failed by a rule.

    With `evidence`, which another gate has gathered on the very tree, no check is run again here.
    """
    if not isinstance(s.policy, RepoPolicy):
        raise TypeError("a patch was gated under a policy that cannot be read")
    services, repo, job = hands.services, hands.repo, entry.record
    bench = TreeBench(repo.mirror, services.sandboxes, services.config.state / "scratch", evidence)
    diff = await repo.ledger.file(entry, "patch.diff") or b""
    patch = Patch(base=await origin_of(repo, job), diff=diff, files=job.report.files)
    try:
        if evidence:
            # By the diff alone: once it was judged, the report lists the files of the whole pull request.
            tree = await repo.mirror.apply_diff(patch.base, diff)
            patch = patch.model_copy(update={"files": await repo.mirror.diff_files(patch.base, tree)})
        verdict = await gate(job, patch, s.policy, bench, review)
    except PatchDoesNotApply as error:
        verdict = Gated(job.report, failure=_does_not_apply(error))
    if evidence:
        verdict = _on_evidence(verdict, evidence)
    verdict, usage, events = await _reviewed(verdict, patch, s, entry, hands)
    verdict = replace(verdict, report=redacted(verdict.report, services.redactor))
    events += _events(verdict, services.clock.now())
    for event in events:
        if event.kind in {"gate", "check"}:
            services.watch(Event(s.ref, "gate", event.text, job.id))
    failure = verdict.failure
    if reviewing.goes_back(job, verdict):
        back = reviewing.sent_back(job, verdict.report, patch.digest, services.clock.now())
        message = "The review found something that blocks; the worker has another go."
        return await hands.record(s, entry, {**back, "usage": usage}, message, events=events)
    if failure and job.head is not None:
        # The report of what is published stands with it.
        return await hands.record(s, entry, ended(job, failure), failure.cause, events=events)
    changes = {
        "usage": usage,
        "report": verdict.report,
        "tree": verdict.tree,
        "failure": failure,
        "state": JobState.FAILED if failure else JobState.GATED,
    }
    message = failure.cause if failure else "The patch passed the gate."
    return await hands.record(s, entry, changes, message, events=events)


def _on_evidence(verdict: Gated, evidence: Evidence) -> Gated:
    """Return the verdict with evidence that was gathered elsewhere; it must be of the very tree."""
    report = verdict.report.model_copy(update={"evidence": evidence})
    forbidden = verdict.failure and verdict.failure.kind in {FailureKind.POLICY, FailureKind.SECRET}
    if forbidden or verdict.tree == evidence.tree:
        return replace(verdict, report=report)
    failure = Failure(
        kind=FailureKind.POLICY,
        cause="The patch that was brought back is not the one that was checked.",
        next_step="Look at that run before anything else. Then say `/pushpals retry`.",
        rule="brought back",
    )
    return Gated(report, verdict.tree, failure)


async def _reviewed(
    verdict: Gated, patch: Patch, s: Snapshot, entry: Entry[JobRecord], hands: Hands
) -> tuple[Gated, Usage, list[AuditEvent]]:
    """Return the verdict with the whole review in its report, what the job has spent by now, and events."""
    job, services, policy = entry.record, hands.services, s.policy
    if verdict.failure or not isinstance(policy, RepoPolicy):
        return verdict, job.usage, []
    asks = services.config.reviews and reviewing.model_reads(policy, services.model)
    opinion, usage = None, job.usage
    events: list[AuditEvent] = []
    if not verdict.sent_back and asks:
        assignment = await assignment_of(job, s, hands.repo)
        opinion, spent, events = await reviewing.opinion_of(assignment, patch.diff, s, job, hands)
        usage = add_usage(job.usage, spent)
    report = reviewing.reviewed(verdict.report, opinion, services.model.name)
    if job.round and verdict.tree:
        whole = await hands.repo.mirror.diff(job.merges or job.base, verdict.tree)
        report = reviewing.on_shown_lines(report, whole)
    return replace(verdict, report=report), usage, events


def redacted(report: Report, redact: Redactor) -> Report:
    """Return the report as it may be recorded: the checks print what the repository's code wants."""
    evidence = report.evidence
    if evidence is None:
        return report
    clean = evidence.model_copy(
        update={
            "base": tuple(_redacted_check(check, redact) for check in evidence.base),
            "head": tuple(_redacted_check(check, redact) for check in evidence.head),
            "thin": redact(evidence.thin) if evidence.thin else evidence.thin,
        }
    )
    return report.model_copy(update={"evidence": clean})


def _redacted_check(check: CheckResult, redact: Redactor) -> CheckResult:
    names = tuple(redact(name) for name in check.failing)
    return check.model_copy(update={"output": redact(check.output), "failing": names})


def _events(verdict: Gated, at: datetime) -> list[AuditEvent]:
    """Return what the gate saw, for the audit and for whoever watches."""
    report = verdict.report
    events = [
        AuditEvent(
            at=at, kind="gate", text=f"{finding.rule}: {finding.message}", attributes=finding.model_dump()
        )
        for finding in report.findings
    ]
    if not any(finding.blocking for finding in report.findings):
        notes = prose.count(len(report.findings), "note") if report.findings else "no findings"
        events.insert(0, AuditEvent(at=at, kind="gate", text=f"scope ok · secrets ok · review: {notes}"))
    if evidence := report.evidence:
        before = {result.command: result for result in evidence.base}
        for result in evidence.head:
            base = before.get(result.command)
            was = base.summary if base else "not run"
            text = f"{result.command} on {evidence.tree[:7]}: {result.summary} (before: {was})"
            events.append(
                AuditEvent(at=at, kind="check", text=text, attributes=result.model_dump(mode="json"))
            )
    return events


def _does_not_apply(error: PatchDoesNotApply) -> Failure:
    return Failure(
        kind=FailureKind.CONFLICT,
        cause=f"The patch does not fit the commit it was made on: {error}",
        next_step="`/pushpals retry` starts again from the default branch as it is now.",
    )


async def publish_job(entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
    """Move the agent branch and the job's record in one atomic push.

    The commit depends on the record alone, so a repeated attempt makes the very same one. A worker that lost
    its claim holds an old sha of the job's ref, and moves neither.
    """
    job, request = entry.record, s.ledger.request
    if job.tree is None or request is None:
        raise ValueError(f"job {job.id} has passed the gate without a tree or a request")
    viewer = s.view.viewer
    author = Identity(viewer.login, f"{viewer.id}+{viewer.login}@users.noreply.github.com")
    message = prose.commit_message(request.record, job)
    await _tree_again(entry, job.tree, hands)
    parents = [job.origin, *([job.merges] if job.merges else [])]
    head = await hands.repo.mirror.commit(job.tree, parents, message, author=author, when=job.updated_at)
    branch = RefUpdate(f"refs/heads/{job.branch}", job.head, head)
    landed = {
        "head": head,
        "state": JobState.PUBLISHED,
        "base": job.merges or job.base,
        "merges": None,
        "standing": None,
        "served": (*job.served, *(order.cause for order in job.orders if order.cause not in job.served)),
    }
    published = job.model_copy(update=landed)
    report = prose.pull_body(request.record, published).encode()
    try:
        return await hands.record(
            s,
            entry,
            landed,
            f"Published {head[:12]} on {job.branch}.",
            files={"report.md": report},
            also=(branch,),
        )
    except PushRefused as refused:
        failure = _refused(refused)
    except LeaseLost as lost:
        if lost.ref != branch.ref:
            raise
        failure = _branch_moved(job.branch) if job.head else _branch_taken(job.branch)
    return await hands.record(s, entry, ended(job, failure), failure.cause)


async def _tree_again(entry: Entry[JobRecord], tree: Sha, hands: Hands) -> None:
    """See to it that the tree that passed the gate is in the mirror, which may be younger than the verdict.

    It is made from the patch again then; whether it became the same is seen when the commit is made on it.
    """
    mirror, origin = hands.repo.mirror, await origin_of(hands.repo, entry.record)
    if (await mirror.read_objects(f"{tree}^{{tree}}"))[0] is None:
        await mirror.apply_diff(origin, await hands.repo.ledger.file(entry, "patch.diff") or b"")


async def delete_branch(step: steps.DeleteBranch, s: Snapshot, hands: Hands) -> Snapshot:
    """Delete a merged job's branch and record it. A branch that somebody moved, or deleted, is left alone."""
    entry = entry_of(s, step.job)
    branch = RefUpdate(f"refs/heads/{entry.record.branch}", entry.record.head, None)
    gone = {"branch_gone": True}
    try:
        return await hands.record(s, entry, gone, f"{entry.record.branch} was cleared away.", also=(branch,))
    except PushRefused as refused:
        reason = f"{entry.record.branch} stays, since GitHub refused to delete it: {refused.reason}"
    except LeaseLost as lost:
        if lost.ref != branch.ref:
            raise
        reason = f"{entry.record.branch} is not as it was left, and stays as it is."
    return await hands.record(s, entry, gone, reason)


def _refused(refused: PushRefused) -> Failure:
    return Failure(
        kind=FailureKind.POLICY,
        cause=f"GitHub refused the push: {refused.reason}",
        next_step="Look at the repository's rulesets and push protection: the App must be allowed to push to "
        "`agent/**`. Then say `/pushpals retry`.",
        rule="GitHub's own",
    )


def _branch_moved(branch: str) -> Failure:
    return Failure(
        kind=FailureKind.CONFLICT,
        cause=f"Somebody pushed to {branch} while this was worked on, so nothing was pushed over it.",
        next_step="Ask for it again: the next round begins on the branch as it stands now.",
    )


def _branch_taken(branch: str) -> Failure:
    return Failure(
        kind=FailureKind.CONFLICT,
        cause=f"The branch {branch} exists already, and this job did not make it.",
        next_step="Delete or rename that branch if nobody needs it, then say `/pushpals retry`.",
    )
