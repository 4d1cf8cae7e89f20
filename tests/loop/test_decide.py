"""The rules of the product, each by example. `test_convergence` has the properties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from pushpals.audit import prose
from pushpals.github import (
    AddComment,
    AddReaction,
    CreateCheckRun,
    CreatePullRequest,
    Mutation,
    RenameEvent,
    SubjectView,
    UpdateCheckRun,
    UpdateComment,
)
from pushpals.loop import steps
from pushpals.loop.decide import decide, people_to_check
from pushpals.loop.rules.causes import newest_cause
from pushpals.loop.rules.common import BEFORE_PUBLICATION as BEFORE
from pushpals.loop.rules.common import labelled
from pushpals.loop.rules.tasks import ready_tasks
from pushpals.model import ENDED, FailureKind, Holder, JobState, Person, Task
from pushpals.policy.repo_policy import Access, RepoPolicy, Trigger
from tests.loop.snapshots import (
    ADA,
    BEN,
    BRANCH,
    BROKEN,
    HEAD,
    ME,
    ME_BEFORE,
    NOON,
    OTHER,
    REPORT,
    ROBOT,
    STRANGER,
    TREE,
    US,
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

DRAWN = view(
    comments=[comment(prose.progress_comment(request(), [job()], {}))],
    reacted=["EYES"],
    runs={sha("42-1 root"): (check_run(),)},
)
"""The issue as it looks once a queued job was drawn."""
BEFORE_PUBLICATION = sorted(BEFORE)
NEXT_DAY = timedelta(days=1)


def writes(step: steps.Step) -> list[type[Mutation]]:
    assert isinstance(step, steps.Write)
    return [type(mutation) for mutation in step.mutations]


def only_comment(found: Sequence[steps.Step]) -> str:
    [step] = found
    assert isinstance(step, steps.Write)
    [mutation] = step.mutations
    assert isinstance(mutation, AddComment)
    return mutation.body


def ended(found: Sequence[steps.Step]) -> steps.EndJob:
    [step] = found
    assert isinstance(step, steps.EndJob)
    assert step.job == "42-1"
    assert step.failure.cause
    assert step.failure.next_step
    return step


# Who asks


@pytest.mark.parametrize("role", ["write", "maintain", "admin"])
def test_a_label_by_somebody_who_may_opens_a_request(role: str) -> None:
    s = snapshot(roles={ADA.id: role})
    assert decide(s) == [steps.OpenRequest("event-1", ADA, NOON)]
    assert people_to_check(s.view, s.ledger, RepoPolicy(), NOON) == (ADA,)


@pytest.mark.parametrize(
    ("actor", "role", "words"),
    [
        (STRANGER, "triage", "`sam`, starting PushPals here needs write access."),
        (STRANGER, "read", "`sam`, starting PushPals here needs write access."),
        (STRANGER, "none", "`sam`, starting PushPals here needs write access."),
        (STRANGER, None, "`sam`, starting PushPals here needs write access."),
        (ROBOT, "admin", "`dependabot[bot]`, bots cannot start PushPals."),
        (None, None, "`ghost`, the account that added the label is gone."),
    ],
)
def test_a_label_by_anybody_else_gets_one_polite_comment(
    actor: Person | None, role: str | None, words: str
) -> None:
    roles = {actor.id: role} if actor and role else {}
    asked = view([label_event(actor=actor)])
    body = only_comment(decide(snapshot(asked, roles=roles)))
    assert words in body
    assert "A maintainer can add `agent:ready` for you" in body

    answered = view([label_event(actor=actor)], comments=[comment(body)])
    assert decide(snapshot(answered, roles=roles)) == []
    assert people_to_check(answered, snapshot().ledger, RepoPolicy(), NOON) == ()
    forged = view([label_event(actor=actor)], comments=[comment(body, mine=False)])
    assert only_comment(decide(snapshot(forged, roles=roles))) == body


def test_a_refusal_that_may_stand_among_unread_comments_is_not_repeated() -> None:
    chatter = [comment("hm", mine=False, name=f"c{n}", at=NOON + NEXT_DAY) for n in range(80)]
    asked = view([label_event(actor=STRANGER)], comments=chatter, unread=40)
    assert decide(snapshot(asked, roles={})) == []
    later = view([label_event("event-2", STRANGER, NOON + 2 * NEXT_DAY)], comments=chatter, unread=40)
    assert "needs write access" in only_comment(decide(snapshot(later, roles={})))
    # Somebody who may start work is answered in any case: that answer is in the ledger, not in a comment.
    assert decide(snapshot(view(comments=chatter, unread=40))) == [steps.OpenRequest("event-1", ADA, NOON)]


@pytest.mark.parametrize(
    "editor", [STRANGER, None, ADA, BEN], ids=["outsider", "gone", "the asker", "may too"]
)
def test_a_text_changed_after_the_label_counts_if_its_editor_may_start_work(editor: Person | None) -> None:
    changed = replace(view(), last_edited_at=NOON, editor=editor)
    found = decide(snapshot(changed, roles={ADA.id: "write", BEN.id: "admin", STRANGER.id: "triage"}))
    if editor in {ADA, BEN}:
        assert found == [steps.OpenRequest("event-1", ADA, NOON)]
    else:
        assert "changed this issue after `agent:ready` was added" in only_comment(found)
    assert {ADA, *([editor] if editor else [])} == set(
        people_to_check(changed, snapshot().ledger, RepoPolicy(), NOON)
    )


def test_a_title_changed_by_an_outsider_after_the_label_counts_as_well() -> None:
    renamed = replace(view(), renamed=(RenameEvent("r", NOON, STRANGER, "Old", "New"),))
    assert "changed this issue" in only_comment(decide(snapshot(renamed)))
    before = replace(view(), renamed=(RenameEvent("r", NOON - NEXT_DAY, STRANGER, "Old", "New"),))
    assert decide(snapshot(before)) == [steps.OpenRequest("event-1", ADA, NOON)]


def test_our_own_label_asks_for_nothing() -> None:
    assert decide(snapshot(view([label_event(actor=US)]))) == []


def test_only_the_newest_label_counts() -> None:
    events = [label_event("event-1", STRANGER), label_event("event-2", ADA)]
    assert decide(snapshot(view(events))) == [steps.OpenRequest("event-2", ADA, NOON)]
    refused = decide(snapshot(view(events[::-1])))
    assert "needs write access" in only_comment(refused)


@pytest.mark.parametrize(
    "subject",
    [
        view(labels=[]),
        view(labels=["bug"]),
        view([]),
        view([label_event(label="bug")]),
        view(state="CLOSED"),
        view(kind="pull"),
    ],
    ids=["label removed", "another label", "no event", "event of another label", "closed", "a pull request"],
)
def test_without_a_standing_label_nothing_happens(subject: SubjectView) -> None:
    assert decide(snapshot(subject)) == []


def test_letter_case_does_not_tell_labels_apart() -> None:
    subject = view([label_event(label="Agent:Ready")], labels=["AGENT:READY"])
    assert labelled(subject, "agent:ready")
    assert decide(snapshot(subject)) == [steps.OpenRequest("event-1", ADA, NOON)]


def test_the_policy_names_the_label_and_the_roles() -> None:
    policy = RepoPolicy(trigger=Trigger(label="bot: go"), access=Access(roles=("triage",)))
    subject = view([label_event(actor=STRANGER, label="bot: go")], labels=["bot: go"])
    found = decide(snapshot(subject, policy=policy, roles={STRANGER.id: "triage"}))
    assert found == [steps.OpenRequest("event-1", STRANGER, NOON)]
    assert decide(snapshot(policy=policy)) == []


# From the request to the job


def test_a_request_without_a_job_is_queued_whatever_became_of_the_label() -> None:
    for subject in (view(), view(labels=[]), view(state="CLOSED")):
        assert decide(snapshot(subject, request())) == [steps.QueueJob()]


CHAIN = (Task(goal="One"), Task(goal="Two", depends_on=(0,)), Task(goal="Three", depends_on=(1,)))


@pytest.mark.parametrize(
    ("below", "onto"),
    [
        (JobState.PUBLISHED, "42-1"),
        (JobState.MERGED, None),
        (JobState.RUNNING, "-"),
        (JobState.CANCELLED, "-"),
    ],
)
def test_a_task_begins_where_what_it_needs_lies(below: JobState, onto: str | None) -> None:
    """What somebody merged into a branch that it was built on is not on the default branch yet."""
    two = job(JobState.MERGED, "42-2", onto=BRANCH, index=1)
    ready = ready_tasks(snapshot(view(), request(tasks=CHAIN), [job(below), two]).ledger)
    assert ready == ([] if onto == "-" else [steps.QueueJob(2, onto)])


def test_a_new_cause_after_the_end_makes_a_further_job() -> None:
    events = [label_event(), label_event("event-2", BEN)]
    over = job(JobState.FAILED)
    s = snapshot(view(events), request(), [over], roles={BEN.id: "write"})
    assert decide(s) == [steps.OpenRequest("event-2", BEN, NOON)]
    asked = request(BEN, ["event-1", "event-2"], first=2)
    assert decide(snapshot(view(events), asked, [over], roles={BEN.id: "write"})) == [steps.QueueJob()]


@pytest.mark.parametrize("state", [*BEFORE_PUBLICATION, JobState.PUBLISHED])
def test_asking_again_while_a_job_is_under_way_joins_it(state: JobState) -> None:
    subject = view([label_event(), label_event("event-2")])
    assert decide(snapshot(subject, request(), [job(state)])) == [steps.JoinRequest("event-2")]


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_was_asked_and_ended_is_not_started_again(state: JobState) -> None:
    for step in decide(snapshot(DRAWN, request(), [job(state)])):
        assert isinstance(step, steps.Write)


def test_after_a_crash_between_request_and_job_the_askers_role_is_read_for_the_job_to_come() -> None:
    s = snapshot(view(), request())
    assert people_to_check(s.view, s.ledger, RepoPolicy(), NOON) == (ADA,)
    again = snapshot(view(), request(first=2), [job(JobState.FAILED, cause="event-0")])
    assert people_to_check(again.view, again.ledger, RepoPolicy(), NOON) == (ADA,)


# Starting


def test_the_acknowledgement_goes_before_the_start() -> None:
    first, second = decide(snapshot(view(), request(), [job()]))
    assert writes(first) == [AddReaction, AddComment, CreateCheckRun]
    assert second == steps.StartJob("42-1")
    assert decide(snapshot(DRAWN, request(), [job()])) == [steps.StartJob("42-1")]


def test_when_little_may_be_created_the_opening_comment_is_left_out() -> None:
    plain = snapshot(view(), request(), [job()])
    first, _ = decide(replace(plain, sparing=True))
    assert writes(first) == [AddReaction, CreateCheckRun]
    stopped = request().model_copy(update={"stopped": "Nothing of it goes on."})
    for told in (
        snapshot(view(), request(), [job(JobState.FAILED)]),
        snapshot(view(), request(), [job(JobState.WAITING)]),
        snapshot(view(unread=30), request(), [job()]),  # it may not be found again in there
        snapshot(view(), stopped, [job(JobState.CANCELLED)]),
    ):
        assert "AddComment" in str(decide(replace(told, sparing=True)))


def test_a_comment_that_stands_is_kept_true_however_little_may_be_created() -> None:
    s = snapshot(replace(DRAWN, pulls={BRANCH: (pull(),)}), request(), [job(JobState.PUBLISHED)])
    [written] = decide(replace(s, sparing=True))
    assert UpdateComment in writes(written)


def test_a_full_crew_lets_the_job_wait() -> None:
    assert decide(snapshot(DRAWN, request(), [job()], free=False)) == []
    [only] = decide(snapshot(view(), request(), [job()], free=False))
    assert writes(only) == [AddReaction, AddComment, CreateCheckRun]


def test_a_retry_waits_for_its_time() -> None:
    due = NOON + timedelta(minutes=5)
    waiting = job(not_before=due, failures=(FailureKind.MODEL,), attempt=1)
    *drawn, last = decide(snapshot(DRAWN, request(), [waiting]))
    assert last == steps.Wake(due)
    assert [writes(step) for step in drawn] == [[UpdateComment]]
    assert decide(snapshot(DRAWN, request(), [waiting], now=due))[-1] == steps.StartJob("42-1")


# Jobs that are worked on elsewhere


def test_a_job_for_workers_waits_for_them() -> None:
    sent = RepoPolicy(dispatch="worker")
    [only] = decide(snapshot(view(), request(), [job(queued_at=NOON)], policy=sent))
    assert writes(only) == [AddReaction, AddComment, CreateCheckRun]
    assert "for a worker" in str(only)
    held = job(JobState.RUNNING, queued_at=NOON, claimed_at=NOON, holder=Holder(instance="w", boot="1"))
    assert decide(snapshot(DRAWN, request(), [held], policy=sent, abandoned=["42-1"]))[0] != steps.StartJob(
        "42-1"
    )


def test_a_run_is_asked_for_and_asked_for_again_while_none_comes() -> None:
    sent = RepoPolicy(dispatch="actions")
    now = NOON + timedelta(hours=1)

    def owed(*ago: int) -> list[steps.Step]:
        asked = tuple(now - timedelta(minutes=minutes) for minutes in ago)
        found = decide(snapshot(DRAWN, request(), [job(runs_asked=asked)], policy=sent, now=now))
        return [step for step in found if not isinstance(step, steps.Write)]

    assert owed() == [steps.AskForRun("42-1")]
    assert owed(14) == [steps.Wake(now + timedelta(minutes=1))]
    assert owed(16) == [steps.AskForRun("42-1")]
    assert owed(50, 33, 16) == []


# Two replicas


def test_who_did_not_write_the_record_leaves_its_picture_and_its_next_step_alone() -> None:
    for state in (JobState.QUEUED, JobState.PROPOSED, JobState.GATED, JobState.PUBLISHED, JobState.FAILED):
        theirs = job(state, by=OTHER)
        assert decide(snapshot(view(), request(), [theirs])) == []
        assert decide(snapshot(view(), request(), [theirs], abandoned=["42-1"])) != []
        assert decide(snapshot(view(), request(), [job(state, by=ME_BEFORE)])) != []


def test_whoever_is_free_takes_a_job_that_was_acknowledged() -> None:
    theirs = job(by=OTHER)
    assert decide(snapshot(DRAWN, request(), [theirs])) == [steps.StartJob("42-1")]


def test_anybody_may_stop_a_job() -> None:
    theirs = job(JobState.PROPOSED, by=OTHER)
    assert ended(decide(snapshot(view(labels=[]), request(), [theirs]))).job == "42-1"
    assert decide(snapshot(view_with_pull("MERGED"), request(), [job(JobState.PUBLISHED, by=OTHER)])) == [
        steps.MarkMerged("42-1")
    ]


# While it is held


@pytest.mark.parametrize("state", [JobState.CLAIMED, JobState.RUNNING])
def test_a_claim_is_left_alone_or_taken_over(state: JobState) -> None:
    def owed(**facts: object) -> list[steps.Step]:
        mine = {key: facts.pop(key) for key in ("working", "abandoned", "free") if key in facts}
        return decide(snapshot(DRAWN, request(), [job(state, **facts)], **mine))  # type: ignore[arg-type]

    def taken(found: list[steps.Step]) -> bool:
        return steps.StartJob("42-1") in found

    assert not taken(owed(working=["42-1"]))
    assert not taken(owed(working=["42-1"], abandoned=["42-1"], holder=OTHER))
    assert not taken(owed(holder=OTHER))
    assert taken(owed(holder=OTHER, abandoned=["42-1"]))
    assert taken(owed(holder=ME_BEFORE))
    assert not taken(owed(holder=ME_BEFORE, free=False))
    assert not taken(owed(holder=None))
    assert taken(owed(holder=None, abandoned=["42-1"]))


def test_a_live_picture_is_left_to_the_worker_that_draws_it() -> None:
    running = job(JobState.RUNNING)
    assert decide(snapshot(DRAWN, request(), [running], working=["42-1"])) == []
    [redrawn] = decide(snapshot(DRAWN, request(), [job(JobState.RUNNING, holder=OTHER)]))
    assert writes(redrawn) == [UpdateComment]


def test_after_three_lost_attempts_nobody_tries_again() -> None:
    lost = job(JobState.RUNNING, attempt=3, holder=ME_BEFORE)
    failure = ended(decide(snapshot(DRAWN, request(), [lost]))).failure
    assert failure.kind is FailureKind.INFRASTRUCTURE
    assert "3 times" in failure.cause
    second = job(JobState.RUNNING, attempt=2, holder=ME_BEFORE)
    assert decide(snapshot(DRAWN, request(), [second])) == [steps.StartJob("42-1")]


# Towards publication


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (JobState.QUEUED, steps.StartJob("42-1")),
        (JobState.PROPOSED, steps.GateJob("42-1")),
        (JobState.GATED, steps.PublishJob("42-1")),
    ],
)
def test_each_state_has_its_next_step(state: JobState, step: steps.Step) -> None:
    assert decide(snapshot(DRAWN, request(), [job(state)]))[-1] == step


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.PROPOSED, JobState.GATED, JobState.RUNNING])
@pytest.mark.parametrize("role", ["triage", "read", None])
def test_who_lost_the_role_starts_and_publishes_nothing(state: JobState, role: str | None) -> None:
    """A running job that was abandoned is started again only for somebody who still may."""
    roles = {ADA.id: role} if role else {}
    abandoned = job(state, holder=ME_BEFORE) if state is JobState.RUNNING else job(state)
    failure = ended(decide(snapshot(DRAWN, request(), [abandoned], roles=roles))).failure
    assert failure.kind is FailureKind.ACCESS
    assert "`ada` asked for this and may no longer" in failure.cause
    assert "write or maintain or admin" in failure.next_step


def test_a_lost_role_does_not_stop_work_that_is_under_way() -> None:
    running = job(JobState.RUNNING)
    assert decide(snapshot(DRAWN, request(), [running], roles={}, working=["42-1"])) == []


@pytest.mark.parametrize("state", [state for state in BEFORE_PUBLICATION if state != JobState.QUEUED])
@pytest.mark.parametrize("broken", [False, True])
def test_closing_the_issue_stops_the_work(state: JobState, broken: bool) -> None:
    closed = snapshot(
        view(state="CLOSED"), request(), [job(state)], working=["42-1"], policy=BROKEN if broken else None
    )
    failure = ended(decide(closed)).failure
    assert failure.kind is FailureKind.CANCELLED
    assert "was closed" in failure.cause


@pytest.mark.parametrize("state", BEFORE_PUBLICATION)
def test_removing_the_label_stops_the_work(state: JobState) -> None:
    failure = ended(decide(snapshot(view(labels=[]), request(), [job(state)], working=["42-1"]))).failure
    assert failure.kind is FailureKind.CANCELLED
    assert "`agent:ready` was removed" in failure.cause


def test_what_is_published_stays_published() -> None:
    for subject in (view(labels=[]), view(state="CLOSED")):
        for step in decide(snapshot(subject, request(), [job(JobState.PUBLISHED)])):
            assert isinstance(step, steps.Write)


# After publication


def test_the_pull_request_comes_before_what_names_it() -> None:
    [step] = decide(snapshot(DRAWN, request(), [job(JobState.PUBLISHED)]))
    assert writes(step) == [CreatePullRequest, CreateCheckRun]
    [after] = decide(snapshot(view_with_pull(), request(), [job(JobState.PUBLISHED)]))
    assert writes(after) == [UpdateComment, UpdateCheckRun]


def view_with_pull(state: str = "OPEN") -> SubjectView:
    drawn = {sha("42-1 root"): (check_run(),), HEAD: (check_run(),)}
    return view(
        comments=DRAWN.comments, reacted=["EYES"], runs=drawn, pulls={BRANCH: (pull(BRANCH, state=state),)}
    )


def test_a_merged_pull_request_is_recorded() -> None:
    published = job(JobState.PUBLISHED)
    assert decide(snapshot(view_with_pull("MERGED"), request(), [published])) == [steps.MarkMerged("42-1")]
    broken = snapshot(view_with_pull("MERGED"), request(), [published], policy=BROKEN)
    assert decide(broken) == [steps.MarkMerged("42-1")]


def test_a_rejected_pull_request_ends_the_job() -> None:
    failure = ended(decide(snapshot(view_with_pull("CLOSED"), request(), [job(JobState.PUBLISHED)]))).failure
    assert failure.kind is FailureKind.CANCELLED
    assert "#43 was closed without merging" in failure.cause


def test_of_several_pull_requests_of_a_branch_one_that_is_open_or_merged_counts() -> None:
    published = job(JobState.PUBLISHED)
    for state, expected in (("MERGED", steps.MarkMerged), ("OPEN", steps.Write)):
        two = (pull(number=50, state="CLOSED"), pull(number=43, state=state))
        subject = view(comments=DRAWN.comments, reacted=["EYES"], pulls={BRANCH: two})
        assert isinstance(decide(snapshot(subject, request(), [published]))[0], expected)


def test_nothing_is_asked_of_a_repository_without_a_default_branch() -> None:
    published = job(JobState.PUBLISHED)
    subject = view(comments=DRAWN.comments, reacted=["EYES"], runs=DRAWN.check_runs, branch=None)
    for step in decide(snapshot(subject, request(), [published])):
        assert CreatePullRequest not in writes(step)


def test_the_check_of_the_job_before_is_brought_to_its_end_too() -> None:
    """A process may die between the end of a job and its picture, and the next job come meanwhile."""
    jobs = [job(JobState.CANCELLED), job(JobState.RUNNING, "42-2", "event-2")]
    runs = {sha("42-1 root"): (check_run(),), sha("42-2 root"): (check_run("42-2"),)}
    asked = request(causes=["event-1", "event-2"], first=2)
    subject = view(
        [label_event(), label_event("event-2")],
        comments=[comment(prose.progress_comment(asked, jobs[1:], {}))],
        reacted=["EYES"],
        runs=runs,
    )
    [step] = decide(snapshot(subject, asked, jobs, working=["42-2"]))
    assert isinstance(step, steps.Write)
    [update] = step.mutations
    assert isinstance(update, UpdateCheckRun)
    assert (update.external_id, update.status, update.conclusion) == ("42-1", "COMPLETED", "CANCELLED")


# A policy that cannot be read


def test_a_broken_policy_is_shown_on_a_check_and_in_one_comment() -> None:
    [step] = decide(snapshot(policy=BROKEN))
    assert writes(step) == [CreateCheckRun, AddComment]
    assert isinstance(step, steps.Write)
    check, told = step.mutations
    assert isinstance(check, CreateCheckRun)
    assert isinstance(told, AddComment)
    assert (check.name, check.conclusion, check.head_sha) == ("PushPals / policy", "FAILURE", sha("base"))
    assert "3: acess:" in check.summary
    assert "line 3" in told.body

    shown = check_run("policy", name=check.name, summary=check.summary, title=check.title)
    drawn = view(comments=[comment(told.body)], runs={sha("base"): (shown,)})
    assert decide(snapshot(drawn, policy=BROKEN)) == []
    # Mended: the same cause starts work now, and nobody has to label again.
    assert decide(snapshot(drawn)) == [steps.OpenRequest("event-1", ADA, NOON)]
    mistake = BROKEN.model_copy(update={"line": 4})
    [again] = decide(snapshot(drawn, policy=mistake))
    assert writes(again) == [CreateCheckRun]


@pytest.mark.parametrize("state", [JobState.PROPOSED, JobState.GATED])
def test_nothing_is_published_under_a_broken_policy(state: JobState) -> None:
    failure = ended(decide(snapshot(DRAWN, request(), [job(state)], policy=BROKEN))).failure
    assert failure.kind is FailureKind.POLICY
    assert failure.rule == ".github/pushpals.yml line 3"
    assert "unknown key" in failure.cause


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.CLAIMED, JobState.RUNNING])
def test_nothing_starts_under_a_broken_policy_and_what_works_goes_on(state: JobState) -> None:
    waiting = job(state, holder=None if state is JobState.QUEUED else ME_BEFORE)
    for step in decide(snapshot(DRAWN, request(), [waiting], policy=BROKEN)):
        assert isinstance(step, steps.Write)


def test_the_picture_is_drawn_under_a_broken_policy_even_when_asked_again() -> None:
    failed = job(JobState.PUBLISHED, report=REPORT)
    events = [label_event(), label_event("event-2")]
    s = snapshot(view(events, reacted=["EYES"]), request(), [failed], policy=BROKEN)
    [told] = decide(s)
    assert writes(told) == [CreateCheckRun, AddComment]
    drawn = view(
        events,
        reacted=["EYES"],
        comments=[comment(m.body) for m in told.mutations if isinstance(m, AddComment)],  # type: ignore[union-attr]
        runs={
            sha("base"): tuple(
                check_run("policy", name=m.name, summary=m.summary)
                for m in told.mutations  # type: ignore[union-attr]
                if isinstance(m, CreateCheckRun)
            )
        },
    )
    [after] = decide(snapshot(drawn, request(), [failed], policy=BROKEN))
    assert CreatePullRequest in writes(after)


def test_a_cause_in_the_ledger_has_its_answer() -> None:
    s = snapshot(view(), request(causes=["event-0", "event-1"]), [job(JobState.FAILED)])
    assert newest_cause(s.view, s.ledger, "agent:ready") is None


@pytest.mark.parametrize("state", [JobState.CLAIMED, JobState.RUNNING])
def test_a_claim_taken_away_is_left_alone_until_its_time_is_over(state: JobState) -> None:
    """A run of a workflow works on a copy of the record, so here nothing moves meanwhile."""
    held = job(state, holder=ME_BEFORE, by=ME_BEFORE, away_until=NOON + timedelta(minutes=30))

    def taken(at: timedelta, **facts: object) -> bool:
        s = replace(snapshot(DRAWN, request(), [held], **facts), now=NOON + at)  # type: ignore[arg-type]
        return any(isinstance(step, steps.StartJob) for step in decide(s))

    assert not taken(timedelta(minutes=29))
    assert not taken(timedelta(minutes=29), abandoned=["42-1"])
    assert taken(timedelta(minutes=30))


def test_what_a_run_brought_back_is_published_by_that_run_alone() -> None:
    def publishes(by: Holder) -> bool:
        away = job(JobState.GATED, by=by, away_until=NOON + timedelta(minutes=30), tree=TREE, report=REPORT)
        owed = decide(snapshot(DRAWN, request(), [away]))
        return any(isinstance(step, steps.PublishJob) for step in owed)

    assert publishes(ME)
    assert not publishes(ME_BEFORE)
