"""A pretend world for the rules: GitHub, the ledger and two processes as plain values, without any I/O.

What a step does here is what `act` does, told by records alone. Every step is checked before it is done:
whether it was allowed, and whether it says or makes anything twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import singledispatchmethod

from pushpals.audit import prose
from pushpals.github import (
    AddComment,
    AddReaction,
    CheckRunView,
    CiCheck,
    CloseIssue,
    CommentView,
    CreateCheckRun,
    CreatePullRequest,
    LabelEvent,
    Mutation,
    PullView,
    ReplyToThread,
    ThreadView,
    UpdateCheckRun,
    UpdateComment,
    UpdatePullRequest,
)
from pushpals.ledger import check_step
from pushpals.loop import steps
from pushpals.loop.decide import decide, people_to_check
from pushpals.loop.rounds import FRESH, ended
from pushpals.loop.rules.common import labelled
from pushpals.loop.snapshot import Snapshot
from pushpals.model import (
    ENDED,
    HELD,
    ON_A_BRANCH,
    Failure,
    FailureKind,
    Holder,
    JobRecord,
    JobState,
    OrderKind,
    Person,
    Press,
    RequestRecord,
    Sha,
    Task,
    Usage,
    WaitReason,
)
from pushpals.policy.access import Allowed, may_start
from pushpals.policy.repo_policy import PolicyProblem, RepoPolicy
from tests.loop.snapshots import HEAD, LABEL, NOON, REPORT, TREE, job, request, sha, snapshot, view

WENT_WRONG = Failure(kind=FailureKind.CHECKS, cause="A check fails.", next_step="Add detail.")


@dataclass
class Process:
    """A server process. `working` are the jobs it works on."""

    holder: Holder
    working: set[str] = field(default_factory=set)
    free: bool = True

    def reboot(self) -> None:
        """End without warning and start again."""
        self.holder = Holder(instance=self.holder.instance, boot=f"{self.holder.boot}'")
        self.working.clear()


@dataclass
class World:
    """Issue 42 of one repository, and all that is known of it."""

    policy: RepoPolicy | PolicyProblem = field(default_factory=RepoPolicy)
    state: str = "OPEN"
    labels: set[str] = field(default_factory=set)
    events: list[LabelEvent] = field(default_factory=list)
    comments: list[CommentView] = field(default_factory=list)
    runs: dict[Sha, list[CheckRunView]] = field(default_factory=dict)
    pulls: dict[str, PullView] = field(default_factory=dict)
    reacted: set[str] = field(default_factory=set)
    roles: dict[int, str] = field(default_factory=dict)
    request: RequestRecord | None = None
    jobs: list[JobRecord] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)
    """Jobs whose record has not moved for ten minutes."""
    gate_passes: bool = True
    presses: tuple[Press, ...] = ()
    """Buttons pressed lately: hints may tell of them again and again."""
    tasks: Sequence[Task] | None = None
    """Tasks of the next plan; None: one."""
    now: datetime = NOON
    processes: list[Process] = field(
        default_factory=lambda: [
            Process(Holder(instance="here", boot="1")),
            Process(Holder(instance="there", boot="1")),
        ]
    )
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # What people and time do

    def label(self, actor: Person | None, name: str = LABEL) -> None:
        """Somebody adds a label, which does nothing when it is there already."""
        if name not in self.labels:
            self.labels.add(name)
            self.events.append(LabelEvent(f"event-{next(self._numbers)}", self.now, actor, name))

    def close_pull(self, state: str) -> None:
        """Somebody merges or closes the newest pull request."""
        for branch, pull in list(self.pulls.items())[-1:]:
            if pull.state == "OPEN":
                self.pulls[branch] = replace(pull, state=state, merged=state == "MERGED")  # type: ignore[arg-type]

    def merge(self, branch: str) -> None:
        """Somebody merges one pull request; what was built on it now goes to the default branch."""
        if self.pulls[branch].state == "OPEN":
            self.pulls[branch] = replace(self.pulls[branch], state="MERGED", merged=True)

    def _open_pull(self) -> PullView | None:
        return next((pull for pull in reversed(self.pulls.values()) if pull.state == "OPEN"), None)

    def remark(self, author: Person) -> None:
        """Somebody remarks something on a line of the newest open pull request."""
        if pull := self._open_pull():
            name = f"remark-{next(self._numbers)}"
            said = CommentView(name, 1, author, "Say why.", self.now, None, None, False, "")
            thread = ThreadView(f"thread of {name}", False, False, "auth/names.py", 6, (said,))
            self.pulls[pull.head_ref] = replace(pull, threads=(*pull.threads, thread))

    def redden(self) -> None:
        """The repository's own check fails on the head of the newest open pull request."""
        if pull := self._open_pull():
            red = CiCheck("lint", "failure", "FAILURE", "", "", False, 5, "github-actions")
            self.pulls[pull.head_ref] = replace(pull, ci=(red,))

    def conflict(self) -> None:
        """The newest open pull request does not merge any more."""
        if pull := self._open_pull():
            self.pulls[pull.head_ref] = replace(pull, mergeable="CONFLICTING")

    def press(self, person: Person, action: str) -> None:
        """Somebody presses a button on the newest job's check run; the hint of it reaches both processes."""
        if self.jobs:
            press = Press(
                id=f"press-{next(self._numbers)}",
                person=person,
                action=action,
                external_id=self.jobs[-1].id,
                check_run=1,
                at=self.now,
            )
            self.presses = (*self.presses[-2:], press)

    def pass_time(self) -> None:
        """Ten minutes go by. Those who work show signs of life; what nobody moves is seen not to move."""
        self.now += timedelta(minutes=10)
        self.stuck = {record.id for record in self.jobs}
        for process in self.processes:
            for job_id in sorted(process.working):
                if self._holds(process, job_id):
                    self._advance(process, job_id)
                else:
                    process.working.discard(job_id)

    # What workers do

    def work(self, process: Process, outcome: Callable[[JobRecord, datetime], dict[str, object]]) -> None:
        """A worker of `process` comes one record further with its job. Who lost the claim stops."""
        for job_id in sorted(process.working):
            if self._holds(process, job_id):
                record = self._job(job_id)
                begins = record.state is JobState.CLAIMED and outcome is proposes
                self._advance(process, job_id, **(runs if begins else outcome)(record, self.now))
            if not self._holds(process, job_id):
                process.working.discard(job_id)

    def _holds(self, process: Process, job_id: str) -> bool:
        record = self._job(job_id)
        return record.state in HELD and record.holder == process.holder

    def _job(self, job_id: str) -> JobRecord:
        return next(record for record in self.jobs if record.id == job_id)

    def _advance(self, process: Process, job_id: str, **changes: object) -> None:
        index = next(n for n, record in enumerate(self.jobs) if record.id == job_id)
        old = self.jobs[index]
        self.jobs[index] = old.model_copy(update={**changes, "by": process.holder})
        new = self.jobs[index]
        check_step(old, new)
        self.stuck.discard(job_id)

    # What the loop does

    def seen_by(self, process: Process, before: Snapshot | None = None) -> Snapshot:
        """Return what `process` observes; given `before`, what it knows after a step of its own."""
        s = snapshot(
            view(
                tuple(self.events),
                labels=sorted(self.labels),
                state=self.state,
                comments=tuple(self.comments),
                pulls={branch: (pull,) for branch, pull in self.pulls.items()},
                runs={commit: tuple(runs) for commit, runs in self.runs.items()},
                reacted=sorted(self.reacted),
            ),
            self.request,
            self.jobs,
            policy=self.policy,
            working=sorted(process.working),
            abandoned=sorted(self.stuck),
            free=process.free,
            now=self.now,
        )
        s = replace(s, holder=process.holder, presses=self.presses)
        if before is not None:
            return replace(s, roles=before.roles, abandoned=before.abandoned)
        rules = self.policy if isinstance(self.policy, RepoPolicy) else RepoPolicy()
        people = [
            *people_to_check(s.view, s.ledger, rules, s.now),
            *(press.person for press in self.presses),
        ]
        return replace(s, roles={p.id: self.roles[p.id] for p in people if p.id in self.roles})

    def loop(self, process: Process, most: int) -> int:
        """Let `process` handle a hint for at most `most` steps; return how many there were."""
        s = self.seen_by(process)
        for done in range(most):
            owed = decide(s)
            assert decide(s) == owed, "deciding is not pure"
            if not owed or isinstance(owed[0], steps.Wake):
                return done
            again = isinstance(owed[0], steps.MarkMerged | steps.GoOn | steps.Retry | steps.Resume)
            ended_here = again or (isinstance(owed[0], steps.EndJob) and owed[0].job in process.working)
            self._do(owed[0], process, s)
            # The real `act` asks to look again after it stopped a worker, and before more work begins.
            s = self.seen_by(process, None if ended_here else s)
        return most

    def facts(self) -> tuple[object, ...]:
        """Return all that is durable, to compare two worlds."""
        checks = {commit: tuple(runs) for commit, runs in self.runs.items()}
        people_see = (tuple(self.comments), checks, dict(self.pulls), frozenset(self.reacted))
        return (people_see, self.request, tuple(self.jobs))

    def _may_go_on(self, record: JobRecord) -> None:
        assert self.request is not None
        assert isinstance(self.policy, RepoPolicy)
        asker = record.asker or self.request.request.asker
        assert isinstance(may_start(self.roles.get(asker.id), self.policy, asker), Allowed)
        if record.head:
            assert self.pulls[record.branch].state == "OPEN", "more work on a pull request that is over"
            return
        assert self.state == "OPEN"
        assert any(name.casefold() == self.policy.trigger.label.casefold() for name in self.labels)

    @singledispatchmethod
    def _do(self, step: object, process: Process, s: Snapshot) -> None:
        raise TypeError(step)

    @_do.register
    def _(self, step: steps.OpenRequest, process: Process, s: Snapshot) -> None:
        assert isinstance(self.policy, RepoPolicy)
        assert isinstance(may_start(self.roles.get(step.asker.id), self.policy, step.asker), Allowed)
        assert labelled(s.view, self.policy.trigger.label)
        assert self.state == "OPEN"
        assert step.asker != s.view.viewer
        before = self.request.causes if self.request else ()
        assert step.cause not in before
        assert all(record.state in ENDED for record in self.jobs), "two plans of one request at once"
        first = len(self.jobs) + 1
        self.request = request(step.asker, (*before, step.cause), tasks=self.tasks, first=first)

    @_do.register
    def _(self, step: steps.JoinRequest, process: Process, s: Snapshot) -> None:
        assert self.request is not None
        first, tasks = self.request.first, len(self.request.plan.tasks)
        states = [record.state for record in self.jobs if int(record.id.partition("-")[2]) >= first]
        to_come = len(states) < tasks and not any(state in ENDED - {JobState.MERGED} for state in states)
        assert to_come or any(state not in ENDED for state in states), "nothing there to join"
        self.request = self.request.model_copy(update={"causes": (*self.request.causes, step.cause)})

    @_do.register
    def _(self, step: steps.QueueJob, process: Process, s: Snapshot) -> None:
        assert self.request is not None
        asked, made = self.request.request.cause, self.request.job_id(step.index)
        assert made not in {record.id for record in self.jobs}, "two jobs for one task"
        task = self.request.plan.tasks[step.index]
        before = [self._job(self.request.job_id(other)) for other in task.depends_on]
        assert all(record.state in ON_A_BRANCH | {JobState.MERGED} for record in before)
        unmerged = [record.id for record in before if record.state is not JobState.MERGED]
        assert unmerged == ([step.onto] if step.onto else [])
        onto = self._job(step.onto).branch if step.onto else None
        facts = {"task": task, "index": step.index, "onto": onto, "by": process.holder}
        self.jobs.append(job(JobState.QUEUED, made, asked, **facts))
        self.jobs.sort(key=lambda record: int(record.id.partition("-")[2]))

    @_do.register
    def _(self, step: steps.StartJob, process: Process, s: Snapshot) -> None:
        record = self._job(step.job)
        self._may_go_on(record)
        assert not any(record.id in other.working for other in self.processes), "a living claim was taken"
        assert process.free
        assert record.not_before is None or record.not_before <= self.now
        changes = {"state": JobState.CLAIMED, "attempt": record.attempt + 1, "holder": process.holder}
        self._advance(process, step.job, **changes, not_before=None, failure=None)
        process.working.add(step.job)

    @_do.register
    def _(self, step: steps.GateJob, process: Process, s: Snapshot) -> None:
        record = self._job(step.job)
        self._may_go_on(record)
        assert record.state is JobState.PROPOSED
        passed = {"state": JobState.GATED, "tree": TREE}
        failed = ended(record, WENT_WRONG)
        self._advance(process, step.job, **(passed if self.gate_passes else failed))

    @_do.register
    def _(self, step: steps.PublishJob, process: Process, s: Snapshot) -> None:
        record = self._job(step.job)
        self._may_go_on(record)
        assert record.state is JobState.GATED
        head = sha(f"{step.job} head {record.round}")
        served = (*record.served, *(order.cause for order in record.orders))
        self._advance(process, step.job, state=JobState.PUBLISHED, head=head, served=served)
        if pull := self.pulls.get(record.branch):
            self.pulls[record.branch] = replace(pull, head_sha=head, ci=(), mergeable="MERGEABLE")

    @_do.register
    def _(self, step: steps.GoOn, process: Process, s: Snapshot) -> None:
        record = self._job(step.job)
        assert record.state in {JobState.PUBLISHED, JobState.APPROVED}
        assert self.pulls[record.branch].state == "OPEN"
        assert step.orders
        for order in step.orders:
            assert not record.knows(order.cause), "one remark makes two rounds"
            if order.by:
                assert isinstance(self.policy, RepoPolicy)
                assert isinstance(may_start(self.roles.get(order.by.id), self.policy, order.by), Allowed)
        kinds = {order.kind for order in step.orders}
        changes = {
            "orders": step.orders,
            "round": record.round + 1,
            "head": step.head,
            "start": step.head,
            "asker": next((order.by for order in reversed(step.orders) if order.by), None),
            "ci_rounds": record.ci_rounds + (OrderKind.CI in kinds),
            "conflict_rounds": record.conflict_rounds + (OrderKind.CONFLICT in kinds),
        }
        assert record.ci_rounds < 2 or OrderKind.CI not in kinds
        self._advance(process, step.job, **{**FRESH, **changes})

    @_do.register
    def _(self, step: steps.Resume, process: Process, s: Snapshot) -> None:
        record = self._job(step.job)
        assert record.state is JobState.WAITING
        assert step.cause not in record.served, "one press counts twice"
        assert isinstance(self.policy, RepoPolicy)
        assert isinstance(may_start(self.roles.get(step.by.id), self.policy, step.by), Allowed)
        served = (*record.served, step.cause)
        self._advance(process, step.job, **{**FRESH, "served": served, "asker": step.by})

    @_do.register
    def _(self, step: steps.EndJob, process: Process, s: Snapshot) -> None:
        record = self._job(step.job)
        assert record.state not in ENDED
        asker = record.asker or (self.request.request.asker if self.request else None)
        assert asker is not None
        if step.failure.kind is FailureKind.ACCESS:
            assert isinstance(self.policy, RepoPolicy)
            assert not isinstance(may_start(self.roles.get(asker.id), self.policy, asker), Allowed)
        if step.failure.kind is FailureKind.POLICY:
            assert isinstance(self.policy, PolicyProblem)
        if step.failure.kind is FailureKind.INFRASTRUCTURE:
            assert not any(step.job in other.working for other in self.processes)
        process.working.discard(step.job)
        served = (*record.served, step.cause) if step.cause else record.served
        changes = ended(record, step.failure, for_good=step.for_good)
        self._advance(process, step.job, **{"served": served, **changes})

    @_do.register
    def _(self, step: steps.MarkMerged, process: Process, s: Snapshot) -> None:
        assert self.pulls[self._job(step.job).branch].merged
        process.working.discard(step.job)
        self._advance(process, step.job, state=JobState.MERGED)

    @_do.register
    def _(self, step: steps.DeleteBranch, process: Process, s: Snapshot) -> None:
        record = self._job(step.job)
        assert record.state is JobState.MERGED
        assert not record.branch_gone
        open_pulls = [pull for pull in self.pulls.values() if pull.state == "OPEN"]
        assert record.branch not in {pull.base_ref for pull in open_pulls}, "GitHub would close it"
        self._advance(process, step.job, branch_gone=True)

    @_do.register
    def _(self, step: steps.Write, process: Process, s: Snapshot) -> None:
        assert step.mutations
        for mutation in step.mutations:
            self._write(mutation)

    def _write(self, mutation: Mutation) -> None:
        number = next(self._numbers)
        match mutation:
            case AddReaction():
                assert mutation.content not in self.reacted
                self.reacted.add(mutation.content)
            case AddComment() | UpdateComment():
                self._say(mutation, number)
            case CreatePullRequest():
                assert mutation.head not in self.pulls, "two pull requests for one branch"
                record = next(record for record in self.jobs if record.branch == mutation.head)
                assert record.state is JobState.PUBLISHED
                below = [other for other in self.jobs if other.branch == record.onto]
                stacked = any(other.state is not JobState.MERGED for other in below)
                assert mutation.base == (record.onto if stacked else "main")
                opened = _pull(mutation, number)
                self.pulls[mutation.head] = replace(opened, head_sha=record.head or HEAD)
            case CreateCheckRun():
                runs = self.runs.setdefault(mutation.head_sha, [])
                same = [
                    r for r in runs if (r.external_id, r.summary) == (mutation.external_id, mutation.summary)
                ]
                assert not same, "a check run was made twice"
                runs.append(_run(mutation, f"run-{number}"))
            case UpdateCheckRun():
                [(commit, old)] = [
                    (commit, run)
                    for commit, runs in self.runs.items()
                    for run in runs
                    if run.id == mutation.check_run_id
                ]
                new = _run(mutation, old.id)
                assert new != old
                self.runs[commit] = [new if run.id == old.id else run for run in self.runs[commit]]
            case UpdatePullRequest():
                [(branch, open_pull)] = [p for p in self.pulls.items() if p[1].id == mutation.pull_id]
                new_body, base = mutation.body or open_pull.body, mutation.base or open_pull.base_ref
                assert (new_body, base) != (open_pull.body, open_pull.base_ref)
                self.pulls[branch] = replace(open_pull, body=new_body, base_ref=base)
            case ReplyToThread():
                self._reply(mutation)
            case CloseIssue():
                assert {record.state for record in self.jobs} == {JobState.MERGED}
                assert self.state == "OPEN"
                self.state = "CLOSED"
            case _:
                raise TypeError(mutation)

    def _say(self, mutation: AddComment | UpdateComment, number: int) -> None:
        match mutation:
            case AddComment(subject_id=subject) if subject != "issue-42":
                [branch] = [branch for branch, pull in self.pulls.items() if pull.id == subject]
                old = self.pulls[branch]
                mark = mutation.body.partition("\n")[0]
                assert not any(c.body.startswith(mark) for c in old.comments), "answered twice"
                us = snapshot().view.viewer
                said = CommentView(f"c{number}", number, us, mutation.body, self.now, None, None, True, "")
                self.pulls[branch] = replace(old, comments=(*old.comments, said))
            case AddComment():
                mark = mutation.body.partition(" -->")[0]
                assert mark.startswith("<!-- pushpals:")
                ours = [comment.body.partition(" -->")[0] for comment in self.comments]
                assert mark not in ours, "a comment was made twice"
                s = snapshot().view.viewer
                self.comments.append(
                    CommentView(f"c{number}", number, s, mutation.body, self.now, None, None, True, "")
                )
            case UpdateComment():
                [index] = [n for n, comment in enumerate(self.comments) if comment.id == mutation.comment_id]
                assert self.comments[index].body != mutation.body
                assert mutation.body.startswith(prose.PROGRESS_MARK)
                self.comments[index] = replace(self.comments[index], body=mutation.body)

    def _reply(self, mutation: ReplyToThread) -> None:
        for branch, pull in self.pulls.items():
            for thread in pull.threads:
                if thread.id == mutation.thread_id:
                    mark = mutation.body.partition("\n")[0]
                    assert not any(c.body.startswith(mark) for c in thread.comments), "answered twice"
                    us = snapshot().view.viewer
                    said = CommentView(f"r{thread.id}", 1, us, mutation.body, self.now, None, None, True, "")
                    new = replace(thread, comments=(*thread.comments, said))
                    threads = tuple(new if other.id == thread.id else other for other in pull.threads)
                    self.pulls[branch] = replace(pull, threads=threads)
                    return
        raise AssertionError("no such thread")


def _pull(mutation: CreatePullRequest, number: int) -> PullView:
    made = snapshot().now
    return PullView(
        *(f"pull-{number}", number, mutation.title, mutation.body, "OPEN", False, False, None, None),
        *(
            mutation.head,
            HEAD,
            mutation.base,
            False,
            "UNKNOWN",
            f"https://forge.test/pull/{number}?at={made}",
        ),
    )


def _run(mutation: CreateCheckRun | UpdateCheckRun, run_id: str) -> CheckRunView:
    told = (mutation.status, mutation.conclusion, mutation.title, mutation.summary)
    return CheckRunView(run_id, 1, mutation.name or "", mutation.external_id or "", *told, "")


# What may become of an attempt, as a worker records it


def runs(record: JobRecord, now: datetime) -> dict[str, object]:
    """The worker begins, or goes on."""
    spent = record.usage.turns + 1
    return {"state": JobState.RUNNING, "usage": Usage(turns=spent)}


def proposes(record: JobRecord, now: datetime) -> dict[str, object]:
    """The worker has a patch."""
    return {"state": JobState.PROPOSED, "report": REPORT}


def pauses(record: JobRecord, now: datetime) -> dict[str, object]:
    """The budget is spent."""
    return {"state": JobState.WAITING, "waiting": WaitReason.BUDGET, "asks": "All turns are taken."}


def fails(record: JobRecord, now: datetime) -> dict[str, object]:
    """The worker has nothing."""
    return ended(record, WENT_WRONG)


def retries(record: JobRecord, now: datetime) -> dict[str, object]:
    """The model was down; it is tried again in a minute."""
    failures = (*record.failures, FailureKind.MODEL)
    again = now + timedelta(minutes=1)
    return {"state": JobState.QUEUED, "failures": failures, "not_before": again, "holder": None}
