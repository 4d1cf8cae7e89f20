"""What people say: judged, acknowledged, answered or acted on, each command once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit.prose.answers import answered_keys
from pushpals.github import AddComment, AddReaction, CommentView, Done, PullView, SubjectView, ThreadView
from pushpals.github import ReplyToThread as Reply
from pushpals.github.documents import MAX_COMMITS
from pushpals.ledger import check_step
from pushpals.localbuddy.commands import commands_of
from pushpals.loop import steps
from pushpals.loop.decide import decide, people_to_check
from pushpals.loop.observe import with_written
from pushpals.loop.rules.conversation import conversation_steps, waiting_steps
from pushpals.loop.snapshot import Snapshot
from pushpals.model import JobRecord, JobState, OrderKind, Person, RequestRecord, Task, WaitReason
from pushpals.policy.repo_policy import RepoPolicy
from tests.loop.snapshots import (
    ADA,
    BRANCH,
    HEAD,
    NOON,
    ROBOT,
    STRANGER,
    US,
    job,
    pull,
    request,
    snapshot,
    view,
)

S = JobState
POLICY = RepoPolicy()


def said(
    text: str,
    person: Person | None = ADA,
    name: str = "c1",
    *,
    minutes: float = 0,
    editor: Person | None = None,
    reacted: Sequence[str] = (),
) -> CommentView:
    at = NOON + timedelta(minutes=minutes)
    edited = at if editor else None
    return CommentView(name, 1, person, text, at, edited, editor, person == US, "", frozenset(reacted))


def on_issue(*comments: CommentView, **facts: object) -> SubjectView:
    return view([], labels=(), comments=comments, **facts)  # type: ignore[arg-type]


def on_pull(*comments: CommentView, threads: Sequence[ThreadView] = ()) -> SubjectView:
    """Return the issue with a pull request that these comments stand on."""
    talked = replace(pull(), comments=tuple(comments), threads=tuple(threads))
    return view(pulls={BRANCH: (talked,)})


def key(text: str, name: str = "c1") -> str:
    return commands_of(name, text)[0].key


def owed(s: Snapshot) -> list[steps.Step]:
    return conversation_steps(s, POLICY)


def answer(found: Sequence[steps.Step]) -> str:
    """Return what the only step answers."""
    [step] = found
    assert isinstance(step, steps.Write)
    *reaction, comment = step.mutations
    assert all(isinstance(mutation, AddReaction) for mutation in reaction)
    assert isinstance(comment, AddComment | Reply)
    return comment.body


def done(found: Sequence[steps.Step]) -> steps.Step:
    """Return the step behind the reaction."""
    acknowledged, step = found
    assert acknowledged == steps.Write((AddReaction("c1", "EYES"),))
    return step


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/pushpals status", "Nothing was asked of PushPals here yet"),
        ("/pushpals explain", "Nothing was asked of PushPals here yet"),
        ("/pushpals help", "| `/pushpals run` |"),
        ("/pushpals statsu", "Perhaps `/pushpals status`?"),
        ("/pushpals cancel", "nothing is under way"),
        ("/pushpals retry", "Nothing was asked of PushPals here yet"),
        ("/pushpals fix the tests", "say it on an open pull request"),
        ("/pushpals budget 2x", "no job here has run out of budget"),
    ],
)
def test_what_is_told_is_told_at_once_below_the_reaction(text: str, told: str) -> None:
    found = owed(snapshot(on_issue(said(text))))
    assert told in answer(found)
    assert key(text) in answered_keys(answer(found))


FIX = "/pushpals fix Keep dashes.<!-- x -->"


@pytest.mark.parametrize(
    ("text", "place", "state", "expected"),
    [
        ("run", "issue", None, steps.OpenRequest),
        ("run", "issue", S.FAILED, steps.OpenRequest),
        ("run", "issue", S.RUNNING, None),
        ("run", "pull", S.MERGED, None),
        ("cancel", "issue", S.QUEUED, steps.CancelWork),
        ("cancel", "issue", S.RUNNING, steps.CancelWork),
        ("cancel", "pull", S.PUBLISHED, steps.CancelWork),
        ("cancel", "issue", S.MERGED, None),
        ("cancel 42-1", "issue", S.WAITING, steps.CancelWork),
        ("cancel 42-7", "issue", S.RUNNING, None),
        ("retry", "issue", S.FAILED, steps.Retry),
        ("retry", "issue", S.RUNNING, None),
        ("retry 42-1", "issue", S.MERGED, None),
        ("retry 42-7", "issue", S.FAILED, None),
        ("retry 42-1", "issue", S.CANCELLED, steps.OpenRequest),
        ("retry", "issue", S.CANCELLED, steps.OpenRequest),
        ("retry", "pull", S.PUBLISHED, steps.Retry),
        ("fix it", "pull", S.PUBLISHED, steps.GoOn),
        ("fix it", "issue", S.PUBLISHED, None),
        ("budget 2x", "issue", S.WAITING, steps.Resume),
        ("budget 2x", "issue", S.FAILED, None),
        ("approve", "issue", S.WAITING, None),
        ("reject", "issue", S.RUNNING, None),
        ("plan differently", "issue", S.RUNNING, None),
    ],
)
def test_what_acts_is_acknowledged_and_then_done(
    text: str, place: str, state: JobState | None, expected: type[steps.Step] | None
) -> None:
    comment = said(f"/pushpals {text}")
    subject = on_pull(comment) if place == "pull" else view(comments=[comment])
    waits = {"waiting": WaitReason.BUDGET} if state is S.WAITING else {}
    jobs = [job(state, **waits)] if state else []
    found = owed(snapshot(subject, request() if jobs else None, jobs))
    if expected is None:
        assert "does nothing here" in answer(found)
    else:
        step = done(found)
        assert isinstance(step, expected)
        assert key(f"/pushpals {text}") in repr(step)


@pytest.mark.parametrize(("verb", "kind"), [("approve", "allowed"), ("reject", "denied")])
def test_a_command_that_a_job_wants_to_run_is_allowed_or_denied(verb: str, kind: str) -> None:
    waits = job(S.WAITING, waiting=WaitReason.COMMAND, asks="make all")
    step = done(owed(snapshot(view(comments=[said(f"/pushpals {verb}")]), request(), [waits])))
    assert isinstance(step, steps.Resume)
    assert (step.job, step.cause, step.by) == ("42-1", key(f"/pushpals {verb}"), ADA)
    assert {"allowed": step.allowed, "denied": step.denied}[kind] == ("make all",)
    assert len(step.allowed + step.denied) == 1


def test_of_several_commands_that_wait_only_the_one_that_is_named_is_decided_on() -> None:
    """Whoever says yes has read one of them, and nobody knows which."""
    waits = {"waiting": WaitReason.COMMAND}
    jobs = [job(S.WAITING, asks="make all", **waits), job(S.WAITING, "42-2", asks="make deploy", **waits)]

    def decided(text: str) -> list[steps.Step]:
        return owed(snapshot(view(comments=[said(f"/pushpals {text}")]), request(), jobs))

    for verb in ("approve", "reject"):
        for text in (verb, f"{verb} command"):
            assert f"Say `/pushpals {verb} 42-1` or `/pushpals {verb} 42-2`" in answer(decided(text))
    allowed, denied = done(decided("approve 42-2")), done(decided("reject 42-1 no need"))
    assert isinstance(allowed, steps.Resume)
    assert isinstance(denied, steps.Resume)
    assert (allowed.job, allowed.allowed, denied.job, denied.denied) == (
        "42-2",
        ("make deploy",),
        "42-1",
        ("make all",),
    )
    assert "nothing waits" in answer(decided("approve 42-7"))


@pytest.mark.parametrize("text", ["fix it", "retry"])
def test_what_somebody_wants_changed_leaves_the_train_before_it_lands(text: str) -> None:
    s = snapshot(on_pull(said(f"/pushpals {text}")), request(), [job(S.INTEGRATING, head=HEAD)])
    assert done(owed(s)) == steps.VoidApproval("42-1", "`ada` asks for more.")


def test_one_stopped_task_is_tried_again_while_the_others_go_on() -> None:
    tasks = [Task(goal="One"), Task(goal="Two")]
    jobs = [job(S.CANCELLED), job(S.RUNNING, "42-2", index=1)]
    subject = view(comments=[said("/pushpals retry 42-1")])
    step = done(owed(snapshot(subject, request(tasks=tasks), jobs)))
    assert isinstance(step, steps.Retry)
    assert (step.job, step.head) == ("42-1", None)
    check_step(jobs[0], jobs[0].model_copy(update={"state": S.QUEUED}))
    again = snapshot(view(comments=[said("/pushpals run")]), request(tasks=tasks), jobs)
    assert "`/pushpals retry 42-1` tries 42-1 again" in answer(owed(again))


def test_no_request_grows_beyond_what_one_look_can_read() -> None:
    """Else one revert too many, or one that fails again and again, would end all looks at the issue."""
    jobs = [job(S.MERGED, f"42-{n}", index=n - 1) for n in range(1, 9)]
    while isinstance(found := owed(revertible(jobs))[-1], steps.RevertJob):
        jobs.append(job(S.FAILED, f"42-{len(jobs) + 1}", reverts=found.job, head=HEAD))
    assert len(jobs) >= 16  # each of eight may be taken back
    before, plan_and_base = 2, 3
    assert 2 * len(jobs) + before + plan_and_base <= MAX_COMMITS


def revertible(jobs: Sequence[JobRecord]) -> Snapshot:
    return snapshot(view(comments=[said("/pushpals revert 42-1")]), request(), jobs)


def test_fix_orders_a_round_that_begins_at_the_head_and_answers_in_the_thread() -> None:
    thread = ThreadView("t1", False, False, "auth/names.py", 4, (said(FIX),))
    s = snapshot(on_pull(threads=[thread]), request(), [job(S.PUBLISHED)])
    step = done(owed(s))
    assert isinstance(step, steps.GoOn)
    [order] = step.orders
    assert (step.job, step.head) == ("42-1", HEAD)
    assert (order.kind, order.text, order.by) == (OrderKind.FIX, "Keep dashes.", ADA)
    assert (order.thread, order.path, order.line) == ("t1", "auth/names.py", 4)


def test_in_a_thread_the_answer_goes_into_the_thread() -> None:
    thread = ThreadView("t1", False, False, "a.py", 4, (said("/pushpals status"),))
    [step] = owed(snapshot(on_pull(threads=[thread]), request(), [job(S.PUBLISHED)]))
    assert isinstance(step, steps.Write)
    assert isinstance(step.mutations[-1], Reply)


def test_a_fix_waits_until_the_round_under_way_has_ended() -> None:
    s = snapshot(on_pull(said(FIX)), request(), [job(S.RUNNING, head=HEAD)])
    assert owed(s) == [steps.Write((AddReaction("c1", "EYES"),))]
    acknowledged = snapshot(on_pull(said(FIX, reacted=["EYES"])), request(), [job(S.RUNNING, head=HEAD)])
    assert owed(acknowledged) == []


@pytest.mark.parametrize(
    "mark",
    ["answered", "cause of the request", "served by the job", "ordered from the job"],
)
def test_what_was_answered_or_acted_on_is_not_again(mark: str) -> None:
    text = "/pushpals fix it"
    comments = [said(text)]
    asked, done_job = request(), job(S.PUBLISHED)
    if mark == "answered":
        comments.append(said(f"<!-- pushpals:answer {key(text)} -->\nNo.", US, "c2"))
    elif mark == "cause of the request":
        asked = request(causes=["event-1", key(text)])
    elif mark == "served by the job":
        done_job = job(S.PUBLISHED, served=(key(text),))
    else:
        s = snapshot(on_pull(said(text)), request(), [job(S.PUBLISHED)])
        step = done(owed(s))
        assert isinstance(step, steps.GoOn)
        done_job = job(S.PUBLISHED, orders=step.orders)
    assert owed(snapshot(on_pull(*comments), asked, [done_job])) == []


def test_an_answer_that_somebody_else_wrote_is_none() -> None:
    forged = said(f"<!-- pushpals:answer {key('/pushpals status')} -->\nNo.", STRANGER, "c2")
    assert answer(owed(snapshot(on_issue(said("/pushpals status"), forged))))


@pytest.mark.parametrize(
    "comment",
    [
        said("/pushpals cancel", ROBOT),
        said("/pushpals cancel", US),
        said("/pushpals cancel", None),
        said("/pushpals cancel", editor=ROBOT),
        said("> /pushpals cancel"),
    ],
)
def test_nothing_else_commands_us(comment: CommentView) -> None:
    s = snapshot(view(comments=[comment]), request(), [job(S.RUNNING)])
    assert owed(s) == []
    assert STRANGER not in people_to_check(s.view, s.ledger, POLICY, NOON)


def test_what_nobody_heard_for_days_is_left() -> None:
    s = snapshot(on_issue(said("/pushpals run")), now=NOON + timedelta(days=3))
    assert owed(s) == []


def test_a_stranger_is_refused_once_and_then_left_alone() -> None:
    first = said("/pushpals run", STRANGER)
    s = snapshot(on_issue(first), roles={STRANGER.id: "read"})
    told = answer(owed(s))
    assert "`sam`, `run` needs write access." in told
    assert not any(isinstance(m, AddReaction) for m in owed(s)[0].mutations)  # type: ignore[union-attr]
    after = on_issue(first, said(told, US, "c2"), said("/pushpals cancel", STRANGER, "c3"))
    assert owed(snapshot(after, roles={STRANGER.id: "read"})) == []
    assert owed(snapshot(after, roles={STRANGER.id: "write"}))


def test_whoever_changed_a_comment_answers_for_it_too() -> None:
    edited = on_issue(said("/pushpals run", editor=STRANGER))
    assert "`sam`, `run` needs write access" in answer(owed(snapshot(edited)))
    assert set(people_to_check(edited, snapshot().ledger, POLICY, NOON)) == {ADA, STRANGER}
    both = snapshot(edited, roles={ADA.id: "write", STRANGER.id: "admin"})
    assert isinstance(done(owed(both)), steps.OpenRequest)


def test_run_starts_nothing_on_a_text_that_a_stranger_changed_meanwhile() -> None:
    changed = replace(
        on_issue(said("/pushpals run")), last_edited_at=NOON + timedelta(minutes=1), editor=STRANGER
    )
    assert "Nothing was started: `sam` changed this issue" in answer(owed(snapshot(changed)))


def test_a_cancel_that_was_cut_short_is_gone_on_with() -> None:
    stopped = request().model_copy(update={"stopped": "`ada` stopped it with `/pushpals cancel`."})
    s = snapshot(view(comments=[said("/pushpals cancel")]), stopped, [job(S.CANCELLED)])
    step = done(owed(s))
    assert step == steps.CancelWork(key("/pushpals cancel"), ADA, (), whole=True)
    by_another = stopped.model_copy(update={"stopped": "`ben` stopped it with `/pushpals cancel`."})
    other = snapshot(view(comments=[said("/pushpals cancel")]), by_another, [job(S.CANCELLED)])
    assert "nothing is under way" in answer(owed(other))


def test_help_lists_what_can_be_said_here_now_by_this_person() -> None:
    def listed(s: Snapshot) -> set[str]:
        rows = [line for line in answer(owed(s)).split("\n") if line.startswith("| `/pushpals ")]
        return {row.split()[2].strip("`") for row in rows}

    helped = said("/pushpals help")
    told = {"status", "explain", "help"}
    assert listed(snapshot(on_issue(helped))) == {*told, "ask", "run"}
    assert listed(snapshot(on_pull(helped), request(), [job(S.PUBLISHED)])) >= {"fix", "retry", "cancel"}
    mine = snapshot(on_issue(said("/pushpals help", STRANGER)), roles={STRANGER.id: "read"})
    assert listed(mine) == told


# Questions

ASK = "/pushpals ask why?"


def test_a_question_is_sent_for_and_holds_up_nothing_else() -> None:
    s = snapshot(on_issue(said(ASK), said("/pushpals status", name="c2")))
    [step] = owed(s)
    assert isinstance(step, steps.AskModel)
    assert step.heard.key == key(ASK)
    acknowledged = on_issue(said(ASK, reacted=["EYES"]), said("/pushpals status", name="c2"))
    sent = replace(s, view=acknowledged, errands=frozenset({key(ASK)}))
    assert key("/pushpals status", "c2") in answered_keys(answer(owed(sent)))


def test_a_question_that_somebody_has_acknowledged_is_left_to_them_for_a_while() -> None:
    s = snapshot(on_issue(said(ASK, reacted=["EYES"])))
    assert owed(s) == []
    assert waiting_steps(s, POLICY) == [steps.Wake(NOON + timedelta(minutes=10))]
    later = replace(s, now=NOON + timedelta(minutes=10))
    assert isinstance(owed(later)[0], steps.AskModel)
    assert waiting_steps(later, POLICY) == []


def test_on_a_persons_pull_request_only_the_conversation_counts() -> None:
    mine = replace(view(kind="pull", comments=[said(ASK)]), pull=pull("readme"))
    assert isinstance(decide(snapshot(mine))[0], steps.AskModel)
    assert decide(snapshot(replace(mine, comments=()))) == []


# Properties

TEXTS = st.sampled_from(
    [
        *("/pushpals status", "/pushpals help", "/pushpals statsu", "/pushpals run", "/pushpals cancel"),
        *("/pushpals retry", "/pushpals ask why?", "/pushpals status\n\n/pushpals run", "Hm.", FIX),
    ]
)
PEOPLE = st.sampled_from([ADA, STRANGER, ROBOT])
STATES = st.sampled_from([None, S.QUEUED, S.RUNNING, S.PUBLISHED, S.FAILED, S.MERGED])


def served(s: Snapshot, step: steps.Step, number: int) -> Snapshot:
    """Return the snapshot as it is after a step was done."""
    if isinstance(step, steps.Write):
        written = [
            said(m.body, US, f"ours-{number}") if isinstance(m, AddComment | Reply) else Done("c")
            for m in step.mutations
        ]
        return with_written(s, step.mutations, written)
    if isinstance(step, steps.AskModel):
        return replace(s, errands=s.errands | {step.heard.key})
    cause = step.orders[0].cause if isinstance(step, steps.GoOn) else getattr(step, "cause", "")
    assert cause
    old = s.ledger.request.record if s.ledger.request else request(causes=["none"])
    return with_causes(s, old, (*old.causes, cause))


def with_causes(s: Snapshot, asked: RequestRecord, causes: tuple[str, ...]) -> Snapshot:
    jobs = [entry.record for entry in s.ledger.jobs]
    return replace(s, ledger=snapshot(asked=asked.model_copy(update={"causes": causes}), jobs=jobs).ledger)


@given(st.lists(st.tuples(TEXTS, PEOPLE), max_size=5), STATES, st.booleans())
def test_all_that_is_said_comes_to_rest_and_is_answered_once(
    talk: list[tuple[str, Person]], state: JobState | None, on_the_pull: bool
) -> None:
    comments = [said(text, person, f"c{n}", minutes=-n) for n, (text, person) in enumerate(talk)]
    jobs: list[JobRecord] = [job(state)] if state else []
    subject = on_pull(*comments) if on_the_pull else view(comments=comments)
    roles: Mapping[int, str] = {ADA.id: "write", STRANGER.id: "read"}
    s = snapshot(subject, request() if jobs else None, jobs, roles=roles)
    most = 2 * sum(len(commands_of(c.id, c.body)) for c in comments)
    for number in range(most + 1):
        if not (found := owed(s)):
            break
        s = served(s, found[0], number)
    assert owed(s) == []
    pulls: list[PullView] = [each for found in s.view.pulls.values() for each in found]
    ours = [c.body for c in (*s.view.comments, *(c for p in pulls for c in p.comments)) if c.mine]
    keys = [answered for body in ours for answered in answered_keys(body)]
    assert len(keys) == len(set(keys))
    assert sum("pushpals:stranger" in body for body in ours) <= 1
