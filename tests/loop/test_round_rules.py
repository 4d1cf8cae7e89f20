"""When a published job goes on for another round, by example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType, SimpleNamespace

import pytest

from pushpals.audit.prose.rounds import reply_mark
from pushpals.github import CiCheck, CommentView, CreateCheckRun, PullView, ReviewView, ThreadView
from pushpals.ledger import check_step
from pushpals.localbuddy.buttons import buttons_of
from pushpals.localbuddy.pull_picture import kept
from pushpals.loop import steps
from pushpals.loop.decide import decide, people_to_check
from pushpals.loop.hands import Again
from pushpals.loop.rounds import ended, retry
from pushpals.loop.rules.integration import why_not_by_itself
from pushpals.loop.rules.rounds import MOST_PEOPLE, people_of_rounds, round_steps
from pushpals.loop.snapshot import Snapshot
from pushpals.model import (
    Failure,
    FailureKind,
    JobRecord,
    JobState,
    Order,
    OrderKind,
    Person,
    Press,
    Standing,
    WaitReason,
)
from pushpals.policy.repo_policy import RepoPolicy
from tests.loop.snapshots import (
    ADA,
    BASE,
    BEN,
    BRANCH,
    HEAD,
    NOON,
    OTHER,
    ROBOT,
    STRANGER,
    US,
    job,
    pull,
    request,
    sha,
    snapshot,
    view,
)

POLICY = RepoPolicy()
STOPPED = Failure(kind=FailureKind.CANCELLED, cause="Ben stopped it.", next_step="Nothing.")


def said(
    body: str = "Say why.", by: Person = BEN, name: str = "remark-1", *, editor: Person | None = None
) -> CommentView:
    return CommentView(name, 7, by, body, NOON, None, editor, by == US, "")


def thread(*comments: CommentView, resolved: bool = False) -> ThreadView:
    return ThreadView("thread-1", resolved, False, "auth/names.py", 6, comments)


def review(state: str = "CHANGES_REQUESTED", body: str = "Say why.", by: Person = BEN) -> ReviewView:
    return ReviewView("review-1", 8, by, state, body, NOON, None, None, HEAD, by == US, "")  # type: ignore[arg-type]


def check(state: str = "failure", *, mine: bool = False, run_id: int | None = 5) -> CiCheck:
    return CiCheck("lint", state, state.upper(), "2 problems", "", mine, run_id, "github-actions")  # type: ignore[arg-type]


def seen(shown: PullView, **facts: object) -> Snapshot:
    record = job(JobState.PUBLISHED).model_copy(update=facts)
    return snapshot(
        view(pulls={BRANCH: (shown,)}), request(), [record], roles={ADA.id: "write", BEN.id: "write"}
    )


def orders(s: Snapshot) -> list[Order]:
    found = round_steps(s, POLICY)
    assert all(isinstance(step, steps.GoOn) and step.head == HEAD for step in found)
    return [order for step in found if isinstance(step, steps.GoOn) for order in step.orders]


def test_a_remark_in_a_thread_is_an_order_with_its_place() -> None:
    [order] = orders(seen(replace(pull(), threads=(thread(said()),))))
    assert (order.kind, order.cause, order.by, order.text) == (OrderKind.REVIEW, "remark-1", BEN, "Say why.")
    assert (order.path, order.line, order.thread) == ("auth/names.py", 6, "thread-1")


def test_a_crowd_of_strangers_costs_a_bounded_number_of_requests() -> None:
    crowd = [Person(id=1000 + n, login=f"stranger{n}") for n in range(MOST_PEOPLE + 50)]
    late = timedelta(hours=1)
    shown = [said(by=one, name=f"remark-{one.id}") for one in crowd]
    newest = replace(said(name="of-ben"), created_at=NOON + late)
    s = seen(replace(pull(), threads=(thread(*shown, newest, replace(newest, id="of-ben-2")),)))
    people = people_of_rounds(s.view, s.ledger)
    assert people[0] == BEN
    assert len(people) == len(set(people)) == MOST_PEOPLE


def test_all_that_a_review_asks_comes_in_one_round() -> None:
    shown = replace(
        pull(), reviews=(review(),), threads=(thread(said(), said("And this.", name="remark-2")),)
    )
    s = seen(shown)
    [step] = round_steps(s, POLICY)
    assert isinstance(step, steps.GoOn)
    assert [order.cause for order in step.orders] == ["review-1", "remark-1", "remark-2"]
    assert BEN in people_to_check(s.view, s.ledger, POLICY, s.now)


@pytest.mark.parametrize(
    "shown",
    [
        replace(pull(), threads=(thread(said(by=STRANGER)),)),
        replace(pull(), threads=(thread(said(by=ROBOT)),)),
        replace(pull(), threads=(thread(said(by=US)),)),
        replace(pull(), threads=(thread(said(editor=STRANGER)),)),
        replace(pull(), threads=(thread(said(), resolved=True),)),
        replace(pull(), threads=(thread(said("/pushpals help")),)),
        replace(pull(), threads=(thread(said("  ")),)),
        replace(pull(), reviews=(review("COMMENTED"),)),
        replace(pull(), reviews=(review("APPROVED"),)),
        replace(pull(), reviews=(review(body=" "),)),
        replace(pull(), reviews=(review(by=STRANGER),)),
        replace(pull(state="CLOSED"), threads=(thread(said()),)),
    ],
    ids=[
        "by an outsider",
        "by a bot",
        "by us",
        "rewritten by an outsider",
        "resolved",
        "a command",
        "empty",
        "a comment",
        "an approval",
        "no words",
        "an outsider's review",
        "the pull request is closed",
    ],
)
def test_what_is_no_order(shown: PullView) -> None:
    assert orders(seen(shown)) == []


def test_what_was_served_is_not_served_again() -> None:
    shown = replace(pull(), threads=(thread(said()),))
    assert orders(seen(shown, served=("remark-1",))) == []
    serving = Order(kind=OrderKind.REVIEW, cause="remark-1", at=NOON)
    assert orders(seen(shown, orders=(serving,))) == []


def test_another_replica_leaves_the_round_to_who_wrote_the_record() -> None:
    assert orders(seen(replace(pull(), threads=(thread(said()),)), by=OTHER)) == []


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.GATED, JobState.FAILED])
def test_a_job_that_is_being_worked_on_takes_its_orders_later(state: JobState) -> None:
    assert orders(seen(replace(pull(), threads=(thread(said()),)), state=state)) == []


def test_red_checks_of_the_repository_call_the_medic_once_all_have_ended() -> None:
    [order] = orders(seen(replace(pull(), ci=(check(), check("success")))))
    assert (order.kind, order.cause, order.runs) == (OrderKind.CI, f"ci:{HEAD}", (5,))
    assert "lint (failure)" in order.text
    assert "2 problems" in order.text
    assert orders(seen(replace(pull(), ci=(check(), check("pending"))))) == []
    assert orders(seen(replace(pull(), ci=(check(mine=True),)))) == []
    assert orders(seen(replace(pull(), ci=(check(),), head_sha=sha("pushed by ben")))) == []
    assert orders(seen(replace(pull(), ci=(check(),)), ci_rounds=2)) == []
    assert orders(seen(replace(pull(), ci=(check(),)), served=(f"ci:{HEAD}",))) == []


def test_a_conflict_with_the_default_branch_calls_the_resolver_at_most_twice() -> None:
    shown = replace(pull(), mergeable="CONFLICTING")
    [step] = round_steps(seen(shown), POLICY)
    assert isinstance(step, steps.GoOn)
    assert (step.orders[0].kind, step.merges) == (OrderKind.CONFLICT, BASE)
    assert orders(seen(shown, conflict_rounds=2)) == []
    assert orders(seen(replace(shown, base_ref="agent/bug-fixer/42-9"))) == []
    assert orders(seen(replace(shown, mergeable="UNKNOWN"))) == []


def test_a_round_that_came_to_nothing_leaves_what_is_published() -> None:
    """And the rules come to rest: what was asked is served, with the reason on the pull request."""
    served = seen(replace(pull(), threads=(thread(said()),)), served=("remark-1",), round=1)
    assert not any(isinstance(step, steps.GoOn) for step in decide(served))


@pytest.mark.parametrize("asked", ["a remark", "a command"])
def test_what_was_asked_is_answered_before_the_next_round_begins(asked: str) -> None:
    """The next round has orders of its own, and nobody would answer the ones before."""
    before = Order(kind=OrderKind.REVIEW, cause="remark-1", at=NOON, by=BEN, thread="thread-1")
    more = (
        said("And this.", name="remark-2") if asked == "a remark" else said("/pushpals fix this", name="c2")
    )

    def begins(*comments: CommentView) -> bool:
        shown = replace(pull(), body="<!-- pushpals:report 42-1/1 -->", threads=(thread(*comments),))
        s = seen(shown, round=1, orders=(before,), served=("remark-1",))
        return any(isinstance(step, steps.GoOn) for step in (*round_steps(s, POLICY), *decide(s)))

    assert not begins(said(), more)
    assert begins(said(), more, said(f"{reply_mark('remark-1')}Done.", US, "ours"))


def test_an_answer_in_a_long_thread_is_not_given_again() -> None:
    order = Order(kind=OrderKind.REVIEW, cause="remark-1", at=NOON, by=BEN, thread="thread-1")
    later = NOON + timedelta(hours=1)
    chat = [replace(said("Hm.", STRANGER, f"chat-{n}"), created_at=later) for n in range(10)]
    for comments, answered in ((chat, True), (chat[:9], False)):
        shown = replace(pull(), body="<!-- pushpals:report 42-1/1 -->", threads=(thread(*comments),))
        s = seen(shown, round=1, orders=(order,), served=("remark-1",))
        record = s.ledger.jobs[0].record
        owed = list(kept(s.view, request(), s.ledger.jobs, record))
        assert (owed == []) == answered


def in_a_round(**facts: object) -> JobRecord:
    """Return a job in its second round, which began on what somebody else had pushed to its branch."""
    published = job(JobState.PUBLISHED)
    stands = Standing(report=published.report, tree=published.tree, head=HEAD)
    asked = Order(kind=OrderKind.REVIEW, cause="remark-1", at=NOON, by=BEN)
    going_on = {
        "head": sha("pushed"),
        "start": sha("pushed"),
        "standing": stands,
        "orders": (asked,),
        "round": 1,
    }
    return job(JobState.RUNNING).model_copy(update={**going_on, **facts})


def test_a_round_that_came_to_nothing_claims_nothing_of_what_others_pushed() -> None:
    """The evidence that stands is that of the commit it was made on."""
    running = in_a_round()
    after = running.model_copy(update=ended(running, STOPPED))
    check_step(running, after)
    assert (after.state, after.head, after.tree) == (JobState.PUBLISHED, HEAD, running.standing.tree)  # type: ignore[union-attr]
    moved = replace(pull(), head_sha=sha("pushed"))
    s = snapshot(view(pulls={BRANCH: (moved,)}), request(), [after], roles={ADA.id: "write"})
    assert "Somebody else pushed" in (why_not_by_itself(s, RepoPolicy(), after) or "")
    drawn = [write for step in decide(s) if isinstance(step, steps.Write) for write in step.mutations]
    assert all(run.head_sha != sha("pushed") for run in drawn if isinstance(run, CreateCheckRun))


def test_what_to_do_after_a_round_that_came_to_nothing_starts_nothing_anew() -> None:
    why = Failure(kind=FailureKind.NO_CHANGE, cause="Nothing changed.", next_step="Then `/pushpals run`.")
    setback = ended(in_a_round(), why)["setback"]
    assert isinstance(setback, Failure)
    assert "`/pushpals fix …`" in setback.next_step
    assert "run" not in setback.next_step
    assert ended(job(JobState.RUNNING), why)["failure"] == why


def test_what_a_round_was_asked_stays_served_when_somebody_stops_it() -> None:
    after = ended(in_a_round(served=("remark-0",)), STOPPED, cause="press:1")
    assert after["served"] == ("remark-0", "remark-1", "press:1")


class Book:
    """Takes down what a step changes. Nobody works on anything."""

    changes: Mapping[str, object] = MappingProxyType({})
    repo = SimpleNamespace(ref=None)
    crew: Book

    def __init__(self) -> None:
        self.crew = self

    async def stop(self, _repo: object, _job: str) -> bool:
        return False

    async def record(self, s: Snapshot, _entry: object, changes: Mapping[str, object], _why: str) -> Snapshot:
        self.changes = changes
        return s


@pytest.mark.parametrize(("below", "base"), [(JobState.PUBLISHED, BASE), (JobState.MERGED, sha("now"))])
async def test_a_new_try_begins_on_what_it_builds_on_until_that_is_merged(below: JobState, base: str) -> None:
    upper = job(JobState.FAILED, "42-2", onto=BRANCH, index=1)
    s = snapshot(view(), request(), [job(below), upper])
    s = replace(s, ledger=replace(s.ledger, base=sha("now")))
    book = Book()
    with pytest.raises(Again):
        await retry(steps.Retry("42-2", "c", BEN), s, book)  # type: ignore[arg-type]
    assert book.changes["base"] == base


# Buttons


def pressed(action: str, person: Person = BEN, /, **facts: object) -> list[steps.Step]:
    waiting = {"state": JobState.WAITING, "waiting": WaitReason.BUDGET, "asks": "All turns are taken."}
    record = job(JobState.PROPOSED).model_copy(update={**waiting, **facts})
    shown = [button.identifier for button in buttons_of(record)]
    identifier = next((known for known in shown if known.startswith(action)), action)
    press = Press(id="d1", person=person, action=identifier, external_id="42-1", check_run=1, at=NOON)
    s = snapshot(view(), request(), [record], roles={ADA.id: "write", BEN.id: "write"})
    owed = decide(replace(s, presses=(press,)))
    return [step for step in owed if isinstance(step, steps.Resume | steps.EndJob | steps.AllowAlways)]


def test_a_button_doubles_the_budget() -> None:
    assert pressed("budget-2x") == [steps.Resume("42-1", "press:d1", BEN, factor=2.0)]
    assert pressed("budget-2x", STRANGER) == []
    assert pressed("budget-2x", served=("press:d1",)) == []
    assert pressed("budget-2x", waiting=WaitReason.COMMAND) == []
    assert pressed("budget-2x", state=JobState.RUNNING, holder=OTHER) == []


def test_a_button_stops_the_work() -> None:
    [step] = pressed("stop")
    assert isinstance(step, steps.EndJob)
    assert "`ben` stopped it" in step.failure.cause
    assert pressed("stop", STRANGER) == []


def test_buttons_decide_on_a_command() -> None:
    asks: dict[str, object] = {"waiting": WaitReason.COMMAND, "asks": "make deploy"}
    assert pressed("allow-once", BEN, **asks) == [
        steps.Resume("42-1", "press:d1", BEN, allowed=("make deploy",))
    ]
    assert pressed("allow-repo", BEN, **asks) == [steps.AllowAlways("42-1", "press:d1", BEN)]
    assert pressed("deny", BEN, **asks) == [steps.Resume("42-1", "press:d1", BEN, denied=("make deploy",))]
    assert pressed("deny", STRANGER, **asks) == []


def test_a_late_press_does_not_decide_on_the_next_command() -> None:
    asks: dict[str, object] = {"state": JobState.WAITING, "waiting": WaitReason.COMMAND, "asks": "make docs"}
    [once, *_] = buttons_of(job(JobState.PROPOSED).model_copy(update=asks))
    assert len(once.identifier) <= 20
    assert len(pressed(once.identifier, BEN, **asks)) == 1
    assert pressed(once.identifier, BEN, **{**asks, "asks": "make deploy"}) == []
    assert pressed(once.identifier, BEN, **{**asks, "served": ("press:d0",)}) == []


def test_a_press_that_comes_late_changes_nothing() -> None:
    assert pressed("budget-2x", state=JobState.PUBLISHED, head=HEAD) == []
    assert pressed("stop", state=JobState.PUBLISHED, head=HEAD) == []
