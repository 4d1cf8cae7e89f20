"""Properties of the rules, whatever happens: hints get lost, processes die, minds are changed.

The pretend world checks every step: that it was allowed, and that nothing is said, started or made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpals.loop.engine import MAX_STEPS
from pushpals.model import ENDED, JobState, Task
from pushpals.policy.repo_policy import RepoPolicy, Trigger
from tests.loop.pretend import World, fails, pauses, proposes, retries, runs
from tests.loop.snapshots import ADA, BEN, BROKEN, ROBOT, STRANGER, US

Happening = Callable[[World], object]

PEOPLE: dict[str, Happening] = {
    "ada labels": lambda w: w.label(ADA),
    "ben labels": lambda w: w.label(BEN),
    "a stranger labels": lambda w: w.label(STRANGER),
    "a robot labels": lambda w: w.label(ROBOT),
    "a ghost labels": lambda w: w.label(None),
    "we label": lambda w: w.label(US),
    "unlabelled": lambda w: w.labels.clear(),
    "closed": lambda w: setattr(w, "state", "CLOSED"),
    "reopened": lambda w: setattr(w, "state", "OPEN"),
    "merged": lambda w: w.close_pull("MERGED"),
    "rejected": lambda w: w.close_pull("CLOSED"),
}
RULES: dict[str, Happening] = {
    "ada may": lambda w: w.roles.update({ADA.id: "write"}),
    "ada may not": lambda w: w.roles.update({ADA.id: "triage"}),
    "ben may": lambda w: w.roles.update({BEN.id: "admin"}),
    "the policy breaks": lambda w: setattr(w, "policy", BROKEN),
    "the policy is mended": lambda w: setattr(w, "policy", RepoPolicy()),
    "the gate is strict": lambda w: setattr(w, "gate_passes", False),
    "the gate is open": lambda w: setattr(w, "gate_passes", True),
}
WORK: dict[str, Happening] = {
    "here runs": lambda w: w.work(w.processes[0], runs),
    "here proposes": lambda w: w.work(w.processes[0], proposes),
    "here fails": lambda w: w.work(w.processes[0], fails),
    "here retries": lambda w: w.work(w.processes[0], retries),
    "there proposes": lambda w: w.work(w.processes[1], proposes),
    "here dies": lambda w: w.processes[0].reboot(),
    "there dies": lambda w: w.processes[1].reboot(),
    "here is full": lambda w: setattr(w.processes[0], "free", False),
    "here is free": lambda w: setattr(w.processes[0], "free", True),
    "ten minutes pass": lambda w: w.pass_time(),
}
ODD: dict[str, Happening] = {
    "another label": lambda w: w.label(ADA, "Bug"),
    "another label counts": lambda w: setattr(w, "policy", RepoPolicy(trigger=Trigger(label="bug"))),
    "our comments are deleted": lambda w: w.comments.clear(),
    "our checks are deleted": lambda w: w.runs.clear(),
}
ROUNDS: dict[str, Happening] = {
    "ada remarks": lambda w: w.remark(ADA),
    "ben remarks": lambda w: w.remark(BEN),
    "a stranger remarks": lambda w: w.remark(STRANGER),
    "CI is red": lambda w: w.redden(),
    "a conflict": lambda w: w.conflict(),
    "here pauses": lambda w: w.work(w.processes[0], pauses),
    "ada doubles": lambda w: w.press(ADA, "budget-2x"),
    "a stranger doubles": lambda w: w.press(STRANGER, "budget-2x"),
    "ada stops": lambda w: w.press(ADA, "stop"),
}
HAPPENINGS = PEOPLE | RULES | WORK | ODD | ROUNDS

happening = st.one_of(
    *(st.sampled_from(sorted(group)) for group in (PEOPLE, RULES, WORK, WORK, ROUNDS, ROUNDS, ODD))
)
# How far each process comes with the hint: 0, it was lost; 1 or 2, the process was interrupted.
progress = st.tuples(st.sampled_from([0, 0, 1, 2, MAX_STEPS]), st.sampled_from([0, 0, 1, MAX_STEPS]))
Story = list[tuple[str, tuple[int, int]]]

LABELLED: Story = [("ada labels", (0, 0))]
ASKED: Story = [("ada labels", (1, 0))]
CLAIMED: Story = [("ada labels", (MAX_STEPS, 0))]
RUNNING: Story = [*CLAIMED, ("here runs", (0, 0))]
PROPOSED: Story = [*CLAIMED, ("here proposes", (0, 0))]
PUBLISHED: Story = [*CLAIMED, ("here proposes", (MAX_STEPS, 0))]
beginnings = st.sampled_from([[], LABELLED, ASKED, CLAIMED, RUNNING, PROPOSED, PUBLISHED])
endings = st.lists(st.tuples(happening, progress), min_size=3, max_size=30)
stories = st.builds(list.__add__, beginnings, endings)


ONE = (Task(goal="All of it", checks=("pytest -q",)),)
CHAIN = (*ONE, Task(goal="The rest", checks=("pytest -q",), depends_on=(0,)))
DIAMOND = (
    *(Task(goal=goal, checks=("pytest -q",)) for goal in ("Left", "Right")),
    Task(goal="Both", checks=("pytest -q",), depends_on=(0, 1)),
)
plans = st.sampled_from([ONE, ONE, CHAIN, DIAMOND])


def play(story: Story, tasks: Sequence[Task] = ONE) -> World:
    world = World(roles={ADA.id: "write"}, tasks=tasks)
    for name, steps in story:
        HAPPENINGS[name](world)
        for process, most in zip(world.processes, steps, strict=True):
            world.loop(process, most)
    return world


def settle(world: World) -> None:
    """Let both processes do what is owed until neither has anything to do, within the engine's limit."""
    for _ in range(4):
        done = [world.loop(process, MAX_STEPS) for process in world.processes]
        assert max(done) < MAX_STEPS, "the rules do not come to rest"
        if not any(done):
            return
    raise AssertionError("two processes keep undoing each other's work")


@settings(max_examples=200)
@given(stories, plans)
def test_all_comes_to_rest_and_nothing_is_done_twice_or_without_leave(
    story: Story, tasks: Sequence[Task]
) -> None:
    world = play(story, tasks)
    settle(world)
    before = world.facts()
    # The same hints again, in any order, change nothing.
    settle(world)
    world.processes.reverse()
    settle(world)
    assert world.facts() == before


@settings(max_examples=80)
@given(stories)
def test_whatever_happened_a_label_by_somebody_who_may_is_answered(
    story: Story,
) -> None:
    world = play(story)
    settle(world)
    world.policy, world.state, world.gate_passes = RepoPolicy(), "OPEN", True
    world.roles[BEN.id] = "write"
    world.close_pull("CLOSED")
    world.labels.clear()
    world.pass_time()
    settle(world)
    assert all(record.state in ENDED for record in world.jobs)

    known = {record.id for record in world.jobs}
    world.label(BEN)
    for process in world.processes:
        process.free = True
    for _ in range(8):
        settle(world)
        for process in world.processes:
            world.work(process, proposes)
        world.now += timedelta(minutes=2)
    settle(world)
    [new] = [record for record in world.jobs if record.id not in known]
    assert new.state is JobState.PUBLISHED
    assert world.pulls[new.branch].state == "OPEN"
    [told] = [comment for comment in world.comments if comment.body.startswith("<!-- pushpals:progress -->")]
    assert f"#{world.pulls[new.branch].number} ready for review" in told.body
    assert new.head is not None
    concluded = {(run.status, run.conclusion) for run in world.runs[new.head]}
    assert concluded == {("COMPLETED", "SUCCESS")}


@pytest.mark.parametrize("fatal", range(1, 9))
def test_a_process_that_dies_after_any_step_is_made_good_by_its_next_life(fatal: int) -> None:
    world = World(roles={ADA.id: "write"})
    here = world.processes[0]
    world.label(ADA)
    done = 0
    for _ in range(8):
        while steps := world.loop(here, 1 if done < fatal else MAX_STEPS):
            done += steps
            if done == fatal:
                here.reboot()
        world.work(here, proposes)
    assert done >= fatal
    assert [record.state for record in world.jobs] == [JobState.PUBLISHED]
    assert len(world.pulls) == 1
    assert len(world.comments) == 1


def test_a_plan_with_dependencies_is_worked_in_their_order_and_all_of_it_lands() -> None:
    world = World(roles={ADA.id: "write"}, tasks=DIAMOND)
    here = world.processes[0]
    world.label(ADA)
    world.loop(here, MAX_STEPS)
    assert [(record.id, record.state) for record in world.jobs] == [
        ("42-1", JobState.CLAIMED),
        ("42-2", JobState.CLAIMED),
    ]
    world.work(here, runs)
    world.work(here, proposes)
    settle(world)
    assert [record.id for record in world.jobs] == ["42-1", "42-2"], "a pull request has one base"
    world.merge(world.jobs[0].branch)
    settle(world)
    assert world.jobs[2].onto == world.jobs[1].branch
    world.work(here, runs)
    world.work(here, proposes)
    settle(world)
    for branch in list(world.pulls):
        world.merge(branch)
    settle(world)
    assert {record.state for record in world.jobs} == {JobState.MERGED}
    [told] = [comment for comment in world.comments if comment.body.startswith("<!-- pushpals:progress -->")]
    assert "3 of 3 tasks done" in told.body
    assert "Nothing more is asked of you." in told.body


def test_what_builds_on_a_failed_task_is_not_started() -> None:
    world = World(roles={ADA.id: "write"}, tasks=CHAIN)
    here = world.processes[0]
    world.label(ADA)
    world.loop(here, MAX_STEPS)
    world.work(here, fails)
    settle(world)
    assert [record.state for record in world.jobs] == [JobState.FAILED]
    [told] = world.comments
    assert "42-2 The rest · Bug Fixer · not started, since 42-1 did not succeed" in told.body


def test_the_plain_story() -> None:
    world = World(roles={ADA.id: "write"})
    here = world.processes[0]
    world.label(ADA)
    assert world.loop(here, MAX_STEPS) == 4  # request, job, acknowledgement, claim
    world.work(here, runs)
    world.work(here, proposes)
    assert world.loop(here, MAX_STEPS) == 4  # gate, publish, pull request, picture
    world.close_pull("MERGED")
    assert world.loop(here, MAX_STEPS) == 3  # record, picture, branch
    assert [record.state for record in world.jobs] == [JobState.MERGED]
