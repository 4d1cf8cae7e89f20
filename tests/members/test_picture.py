"""What is owed on GitHub: everything once, from the ledger alone, and nothing when the picture is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit import prose
from pushpals.github import (
    AddComment,
    AddReaction,
    CloseIssue,
    CreateCheckRun,
    CreatePullRequest,
    Done,
    Mutation,
    SubjectView,
    UpdateCheckRun,
    UpdateComment,
    Written,
)
from pushpals.ledger import Entry, job_ref
from pushpals.localbuddy import picture
from pushpals.localbuddy.pull_picture import pull_numbers
from pushpals.loop.observe import with_written
from pushpals.model import Evidence, Failure, FailureKind, JobRecord, JobState, RequestRecord, Task
from pushpals.policy.access import Refused
from tests.loop.snapshots import (
    BASE,
    BRANCH,
    BROKEN,
    HEAD,
    LABEL,
    NOON,
    REPORT,
    TREE,
    check_run,
    comment,
    job,
    label_event,
    pull,
    request,
    sha,
    snapshot,
    view,
)

ENDS = Failure(kind=FailureKind.CHECKS, cause="A check fails.", next_step="Add detail.")
NO = Refused("starting PushPals here needs write access.", ("write",))


def entries(*jobs: JobRecord) -> list[Entry[JobRecord]]:
    return [
        Entry(job_ref(record.id), sha(f"{record.id} tip"), sha(f"{record.id} root"), record)
        for record in jobs
    ]


def owed(
    subject: SubjectView, *jobs: JobRecord, live: bool = False, asked: RequestRecord | None = None
) -> tuple[Mutation, ...]:
    drawn = picture.Drawn(
        asked or request(),
        entries(*jobs),
        mine=frozenset(record.id for record in jobs),
        live=frozenset(record.id for record in jobs if live),
    )
    return picture.owed(subject, drawn)


def answers(subject: SubjectView, writes: Sequence[Mutation]) -> list[Written]:
    """Return what GitHub would answer to `writes`."""
    return [_answer(subject, mutation, f"made-{number}") for number, mutation in enumerate(writes)]


def _answer(subject: SubjectView, mutation: Mutation, made: str) -> Written:
    match mutation:
        case AddReaction() | CloseIssue():
            return Done(subject.id)
        case AddComment():
            return comment(mutation.body, name=f"{made}-{len(subject.comments)}")
        case UpdateComment():
            return comment(mutation.body, name=mutation.comment_id)
        case CreatePullRequest():
            return pull(mutation.head)
        case CreateCheckRun() | UpdateCheckRun():
            told = {
                "status": mutation.status,
                "conclusion": mutation.conclusion,
                "title": mutation.title,
                "summary": mutation.summary,
                "name": mutation.name,
            }
            run_id = (
                mutation.check_run_id
                if isinstance(mutation, UpdateCheckRun)
                else f"{made}-{mutation.head_sha}"
            )
            return check_run(mutation.external_id, id=run_id, **told)
        case _:
            raise TypeError(mutation)


def after(subject: SubjectView, writes: Sequence[Mutation]) -> SubjectView:
    """Return the issue with `writes` done, as the loop folds them in."""
    return with_written(snapshot(subject), writes, answers(subject, writes)).view


def drawn(*jobs: JobRecord, subject: SubjectView | None = None) -> SubjectView:
    """Return the issue once all that is owed for `jobs` is written in two rounds at most."""
    subject = subject or view()
    for _ in range(2):
        subject = after(subject, owed(subject, *jobs))
    assert owed(subject, *jobs) == ()
    return subject


def kinds(writes: Sequence[Mutation]) -> list[type[Mutation]]:
    return [type(mutation) for mutation in writes]


RECORDS = [
    *(job(state) for state in JobState if state is not JobState.FAILED),
    job(JobState.FAILED, failure=ENDS),
    job(failures=(FailureKind.MODEL,)),
    job(JobState.PUBLISHED, report=REPORT.model_copy(update={"evidence": Evidence(tree=TREE, thin="none")})),
]


# All at once, and nothing twice


def test_a_new_request_is_acknowledged_at_once() -> None:
    assert kinds(owed(view())) == [AddReaction, AddComment]
    assert kinds(owed(view(), job())) == [AddReaction, AddComment, CreateCheckRun]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.state.value)
def test_nothing_is_owed_once_all_is_drawn(record: JobRecord) -> None:
    assert owed(drawn(record), record) == ()


@given(st.lists(st.sampled_from(RECORDS), min_size=1, max_size=4), st.sampled_from(RECORDS))
def test_from_any_picture_two_rounds_lead_to_the_true_one(past: list[JobRecord], now: JobRecord) -> None:
    """Whatever was drawn before, one comment and one pull request stand there in the end."""
    subject = view()
    for record in past:
        subject = after(subject, owed(subject, record))
    subject = drawn(now, subject=subject)
    [said] = subject.comments
    assert said.body == prose.progress_comment(request(), [now], pull_numbers(subject, [now]))
    assert len(subject.check_runs[sha("42-1 root")]) == 1
    assert len(subject.pulls.get(BRANCH, ())) <= 1


def test_the_pull_request_comes_first_so_that_the_comment_can_name_it() -> None:
    record = job(JobState.PUBLISHED)
    before = drawn(job(JobState.RUNNING))
    first = owed(before, record)
    assert kinds(first) == [CreatePullRequest, CreateCheckRun]
    second = owed(after(before, first), record)
    assert kinds(second) == [UpdateComment, UpdateCheckRun]
    assert isinstance(second[0], UpdateComment)
    assert "Read #43 and merge it" in second[0].body


def test_an_issue_that_somebody_opened_again_is_not_closed_again() -> None:
    tasks = request(tasks=[Task(goal="One"), Task(goal="Two")])
    jobs = [job(JobState.MERGED), job(JobState.MERGED, "42-2", index=1)]
    before = owed(view(), *jobs, asked=tasks)
    assert CloseIssue in kinds(before)
    closed = after(view(), before)
    assert closed.state == "CLOSED"
    opened = replace(closed, state="OPEN")
    assert CloseIssue not in kinds(owed(opened, *jobs, asked=tasks))


def test_an_unpublished_job_has_no_pull_request() -> None:
    for record in RECORDS:
        if record.state is not JobState.PUBLISHED:
            assert CreatePullRequest not in kinds(owed(view(), record))


def test_without_a_default_branch_there_is_nothing_to_open_a_pull_request_against() -> None:
    assert CreatePullRequest not in kinds(owed(view(branch=None), job(JobState.PUBLISHED)))


def test_the_published_commit_gets_its_own_check_with_the_same_words() -> None:
    made = [w for w in owed(view(), job(JobState.PUBLISHED)) if isinstance(w, CreateCheckRun)]
    assert [(run.head_sha, run.conclusion, run.status) for run in made] == [(HEAD, "SUCCESS", "COMPLETED")]
    shown = drawn(job(JobState.PUBLISHED)).check_runs
    assert {(run.title, run.summary) for runs in shown.values() for run in runs} == {
        (made[0].title, made[0].summary)
    }


@pytest.mark.parametrize(
    ("record", "status", "conclusion"),
    [
        (job(), "IN_PROGRESS", None),
        (job(JobState.RUNNING), "IN_PROGRESS", None),
        (job(JobState.FAILED, failure=ENDS), "COMPLETED", "FAILURE"),
        (
            job(JobState.FAILED, failure=ENDS.model_copy(update={"kind": FailureKind.BUDGET})),
            "COMPLETED",
            "ACTION_REQUIRED",
        ),
        (job(JobState.CANCELLED), "COMPLETED", "CANCELLED"),
        (RECORDS[-1], "COMPLETED", "NEUTRAL"),
    ],
)
def test_a_check_concludes_what_the_record_allows(
    record: JobRecord, status: str, conclusion: str | None
) -> None:
    [run] = drawn(record).check_runs[sha("42-1 root")]
    assert (run.name, run.status, run.conclusion) == ("PushPals / 42-1", status, conclusion)


def test_a_check_that_was_changed_by_hand_is_drawn_again() -> None:
    record = job(JobState.PUBLISHED)
    subject = drawn(record)
    root = sha("42-1 root")
    [run] = subject.check_runs[root]
    false = replace(subject, check_runs={**subject.check_runs, root: (replace(run, summary="All is well."),)})
    [update] = owed(false, record)
    assert isinstance(update, UpdateCheckRun)
    assert (update.check_run_id, update.summary) == (run.id, run.summary)


# Whose comment it is


def test_only_our_own_comment_is_taken_for_ours() -> None:
    body = prose.progress_comment(request(), [job()], {})
    forged = view(comments=[comment(body, mine=False)], reacted=["EYES"])
    quoted = view(comments=[comment(f"As I said:\n{body}")], reacted=["EYES"])
    for subject in (forged, quoted):
        assert picture.progress_comment_of(subject) is None
        assert AddComment in kinds(owed(subject, job()))


def test_a_comment_that_says_something_else_is_put_right() -> None:
    subject = view(comments=[comment(f"{prose.PROGRESS_MARK}\nMerged.")], reacted=["EYES"])
    [update] = [w for w in owed(subject, job()) if isinstance(w, UpdateComment)]
    assert update == UpdateComment("comment-1", prose.progress_comment(request(), [job()], {}))


def test_while_a_worker_moves_the_picture_only_what_is_missing_is_drawn() -> None:
    record = job(JobState.RUNNING)
    subject = drawn(job())
    assert owed(subject, record, live=True) == ()
    assert kinds(owed(subject, record)) == [UpdateComment]
    assert kinds(owed(view(), record, live=True)) == [AddReaction, AddComment, CreateCheckRun]


def test_a_comment_among_those_not_read_is_not_written_again() -> None:
    seen = [comment("chat", mine=False, name=f"c{n}") for n in range(80)]
    assert AddComment not in kinds(owed(view(comments=seen, unread=5, reacted=["EYES"]), job()))
    assert AddComment in kinds(owed(view(comments=seen, unread=5), job()))
    assert AddComment in kinds(owed(view(comments=seen, reacted=["EYES"]), job()))


def test_the_job_before_is_brought_to_its_end_too() -> None:
    """A process may have ended between the end of a job and its picture."""
    running, ended = job(JobState.RUNNING), job(JobState.CANCELLED)
    subject = drawn(running)
    writes = owed(subject, ended, job(job_id="42-2"))
    runs = {w.external_id: w.status for w in writes if isinstance(w, CreateCheckRun | UpdateCheckRun)}
    assert runs == {"42-1": "COMPLETED", "42-2": "IN_PROGRESS"}


# Refusals


def refused(subject: SubjectView) -> tuple[Mutation, ...]:
    return picture.refusal(subject, "sam", "event-1", NO, LABEL)


def test_a_refusal_is_found_again_by_its_cause_and_its_author() -> None:
    subject = after(view(), refused(view()))
    assert picture.refusal_comment(subject, "event-1")
    assert picture.refusal_comment(subject, "event-2") is None
    forged = replace(subject, comments=tuple(replace(c, mine=False) for c in subject.comments))
    assert picture.refusal_comment(forged, "event-1") is None


def test_what_may_stand_among_unread_comments_counts_from_the_cause_on() -> None:
    later = [comment("chat", mine=False, name=f"c{n}", at=NOON + timedelta(hours=1)) for n in range(80)]
    assert picture.may_be_unread(view(comments=later, unread=5), NOON)
    assert not picture.may_be_unread(view(comments=later, unread=5), NOON + timedelta(hours=2))
    assert not picture.may_be_unread(view(comments=later), NOON)


# A policy that cannot be read


def broken(subject: SubjectView, cause: str = "event-1") -> tuple[Mutation, ...]:
    return picture.broken_policy(subject, BASE, label_event(cause), BROKEN)


def test_a_broken_policy_is_told_once_for_each_cause_and_shown_once() -> None:
    first = broken(view())
    assert kinds(first) == [CreateCheckRun, AddComment]
    subject = after(view(), first)
    assert broken(subject) == ()
    assert kinds(broken(subject, "event-2")) == [AddComment]


def test_a_policy_that_is_broken_otherwise_gets_a_check_of_its_own() -> None:
    subject = after(view(), broken(view()))
    other = BROKEN.model_copy(update={"line": 9})
    assert kinds(picture.broken_policy(subject, BASE, label_event(), other)) == [CreateCheckRun]


def test_the_check_of_a_broken_policy_quotes_the_line() -> None:
    [check, told] = broken(view())
    assert isinstance(check, CreateCheckRun)
    assert isinstance(told, AddComment)
    assert (check.name, check.head_sha, check.conclusion) == (picture.POLICY_CHECK, BASE, "FAILURE")
    assert "3: acess:" in check.summary
    assert "line 3" in told.body
