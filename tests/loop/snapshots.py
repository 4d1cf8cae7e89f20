"""Snapshots to decide on: one issue, its ledger and its picture, with the few facts a test is about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pushpals.github import CheckRunView, CommentView, LabelEvent, PullView, RepositoryView, SubjectView
from pushpals.ledger import Entry, LedgerView, job_ref, request_ref
from pushpals.loop.snapshot import Snapshot
from pushpals.model import (
    CheckResult,
    Evidence,
    FileChange,
    Holder,
    JobRecord,
    JobState,
    Person,
    Plan,
    RepoRef,
    Report,
    Request,
    RequestRecord,
    Risk,
    SubjectRef,
    Task,
)
from pushpals.policy.repo_policy import PolicyProblem, RepoPolicy

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LABEL = "agent:ready"
ADA = Person(id=1, login="ada")
BEN = Person(id=2, login="ben")
STRANGER = Person(id=3, login="sam")
ROBOT = Person(id=4, login="dependabot[bot]", bot=True)
US = Person(id=99, login="pushpals[bot]", bot=True)
ME = Holder(instance="here", boot="now")
ME_BEFORE = Holder(instance="here", boot="before")
OTHER = Holder(instance="there", boot="now")
REF = SubjectRef(repo=RepoRef(owner="octo", name="names"), number=42)
TITLE = "Login fails for names with a dot"
BRANCH = "agent/bug-fixer/42-1"
BROKEN = PolicyProblem(
    line=3, column=1, quoted_line="acess:", message="unknown key 'acess'; did you mean 'access'?"
)


def sha(name: str) -> str:
    """Return a commit id for a name."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


BASE, TREE, HEAD = sha("base"), sha("tree"), sha("head")


def label_event(
    name: str = "event-1", actor: Person | None = ADA, at: datetime = NOON, label: str = LABEL
) -> LabelEvent:
    return LabelEvent(name, at, actor, label)


def comment(body: str, *, mine: bool = True, name: str = "comment-1", at: datetime = NOON) -> CommentView:
    author = US if mine else STRANGER
    return CommentView(name, 1, author, body, at, None, None, mine, f"https://forge.test/{name}")


def pull(branch: str = BRANCH, number: int = 43, state: str = "OPEN") -> PullView:
    return PullView(
        id=f"pull-{number}",
        number=number,
        title="",
        body="",
        state=state,  # type: ignore[arg-type]
        draft=False,
        merged=state == "MERGED",
        merged_at=None,
        merged_by=None,
        head_ref=branch,
        head_sha=HEAD,
        base_ref="main",
        cross_repository=False,
        mergeable="UNKNOWN",
        url=f"https://forge.test/pull/{number}",
    )


def check_run(external_id: str = "42-1", **facts: object) -> CheckRunView:
    given: dict[str, object] = {
        "id": f"run-{external_id}",
        "database_id": 1,
        "name": f"PushPals / {external_id}",
        "external_id": external_id,
        "status": "IN_PROGRESS",
        "conclusion": None,
        "title": "",
        "summary": "",
        "url": "https://forge.test/runs/1",
    }
    return CheckRunView(**{**given, **facts})  # type: ignore[arg-type]


def view(  # noqa: PLR0913 - an issue has this many sides
    events: Sequence[LabelEvent] = (label_event(),),
    *,
    labels: Sequence[str] = (LABEL,),
    state: str = "OPEN",
    comments: Sequence[CommentView] = (),
    pulls: Mapping[str, tuple[PullView, ...]] | None = None,
    runs: Mapping[str, tuple[CheckRunView, ...]] | None = None,
    reacted: Sequence[str] = (),
    kind: str = "issue",
    title: str = TITLE,
    body: str = "When I sign up as `ada.lovelace`, I cannot log in.",
    unread: int = 0,
    branch: str | None = "main",
) -> SubjectView:
    """Return an issue. `unread` are comments in the middle that were not read."""
    return SubjectView(
        kind=kind,  # type: ignore[arg-type]
        id="issue-42",
        number=42,
        title=title,
        body=body,
        state=state,  # type: ignore[arg-type]
        author=STRANGER,
        created_at=NOON,
        last_edited_at=None,
        editor=None,
        url="https://forge.test/octo/names/issues/42",
        labels={name: f"label-{name}" for name in labels},
        comments=tuple(comments),
        comments_total=len(comments) + unread,
        labelled=tuple(events),
        renamed=(),
        reacted=frozenset(reacted),
        repository=RepositoryView("repo-1", 1, "octo/names", False, branch, BASE, "https://forge.test", {}),
        viewer=US,
        pull=None,
        pulls=pulls or {},
        check_runs=runs or {},
    )


def request(
    asker: Person = ADA,
    causes: Sequence[str] = ("event-1",),
    title: str = TITLE,
    *,
    first: int = 1,
    tasks: Sequence[Task] | None = None,
) -> RequestRecord:
    asked = Request(
        number=42,
        title=title,
        body="It should work.",
        digest=Request.digest_of(title, "It should work."),
        asker=asker,
        cause=causes[-1],
        asked_at=NOON,
    )
    task = Task(goal=title, checks=("pytest -q",))
    return RequestRecord(
        request=asked,
        plan=Plan(tasks=tuple(tasks or (task,)), risk=Risk.LOW),
        base=BASE,
        policy_digest="p",
        created_at=NOON,
        causes=tuple(causes),
        first=first,
    )


RED = CheckResult(
    command="pytest -q", exit_code=1, passed=1, failed=1, failing=("tests/test_names.py::test_dot",)
)
GREEN = CheckResult(command="pytest -q", exit_code=0, passed=2, failed=0)
REPORT = Report(
    files=(FileChange(path="auth/names.py", status="modified", added=1, removed=1, mode="100644"),),
    evidence=Evidence(tree=TREE, base=(RED,), head=(GREEN,)),
)


def job(
    state: JobState = JobState.QUEUED, job_id: str = "42-1", cause: str = "event-1", **facts: object
) -> JobRecord:
    """Return a job as it is in `state`, with what such a job has by then."""
    given: dict[str, object] = {}
    if state in {JobState.CLAIMED, JobState.RUNNING}:
        given = {"attempt": 1, "holder": ME}
    elif state is JobState.PROPOSED:
        given = {"attempt": 1, "report": REPORT}
    elif state in {JobState.GATED, JobState.PUBLISHED, JobState.MERGED}:
        given = {"attempt": 1, "report": REPORT, "tree": TREE}
        given |= {} if state is JobState.GATED else {"head": HEAD}
    record = JobRecord(
        id=job_id,
        request=42,
        cause=cause,
        task=Task(goal=TITLE, checks=("pytest -q",)),
        state=state,
        base=BASE,
        branch=f"agent/bug-fixer/{job_id}",
        nonce="n",
        created_at=NOON,
        updated_at=NOON,
    )
    return record.model_copy(update={**given, **facts})


def snapshot(  # noqa: PLR0913 - a snapshot has this many sides
    subject: SubjectView | None = None,
    asked: RequestRecord | None = None,
    jobs: Sequence[JobRecord] = (),
    *,
    policy: RepoPolicy | PolicyProblem | None = None,
    roles: Mapping[int, str] | None = None,
    working: Sequence[str] = (),
    abandoned: Sequence[str] = (),
    free: bool = True,
    now: datetime = NOON + timedelta(minutes=1),
) -> Snapshot:
    entries = tuple(
        Entry(job_ref(record.id), sha(f"{record.id} tip"), sha(f"{record.id} root"), record)
        for record in jobs
    )
    asking = Entry(request_ref(42), sha("request"), sha("request root"), asked) if asked else None
    return Snapshot(
        ref=REF,
        now=now,
        holder=ME,
        view=subject or view(),
        ledger=LedgerView(BASE, asking, entries),
        policy=policy or RepoPolicy(),
        roles={ADA.id: "write"} if roles is None else roles,
        working=frozenset(working),
        abandoned=frozenset(abandoned),
        free=free,
    )
