from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.ledger import TRANSITIONS, check_transition
from pushpals.model import ENDED, JobState

STATES = st.sampled_from(JobState)
FORWARD = [
    "queued",
    "claimed",
    "running",
    "proposed",
    "gated",
    "published",
    "approved",
    "integrating",
    "merged",
]
SIDEWAYS = {JobState.FAILED, JobState.CANCELLED, JobState.SUPERSEDED, JobState.WAITING}


def legal(old: JobState, new: JobState) -> bool:
    try:
        check_transition(old, new)
    except ValueError:
        return False
    return True


def test_the_main_road_is_open_from_end_to_end() -> None:
    states = [JobState(name) for name in FORWARD]
    assert all(legal(old, new) for old, new in pairwise(states))


@given(STATES, STATES)
def test_the_check_says_what_the_table_says(old: JobState, new: JobState) -> None:
    assert legal(old, new) == (new in TRANSITIONS[old])


@given(STATES)
def test_every_state_may_stay_and_every_live_one_may_leave_the_road(state: JobState) -> None:
    assert legal(state, state)
    assert state in ENDED or all(legal(state, aside) for aside in SIDEWAYS)


@given(st.sampled_from(sorted(ENDED - {JobState.FAILED, JobState.CANCELLED})), STATES)
def test_an_end_is_an_end(end: JobState, new: JobState) -> None:
    assert legal(end, new) == (new is end)


@given(STATES, STATES)
def test_nothing_is_published_that_was_not_gated_and_nothing_gated_that_was_not_proposed(
    old: JobState, new: JobState
) -> None:
    must_come_from = {
        JobState.GATED: {JobState.PROPOSED, JobState.WAITING},
        JobState.RUNNING: {JobState.CLAIMED},
        JobState.INTEGRATING: {JobState.APPROVED},
        JobState.PUBLISHED: {JobState.GATED, JobState.APPROVED, JobState.INTEGRATING, JobState.WAITING},
    }
    if legal(old, new) and new in must_come_from:
        assert old in {*must_come_from[new], new}


@given(STATES, STATES)
def test_a_round_that_came_to_nothing_goes_back_to_what_stands(old: JobState, new: JobState) -> None:
    in_round = {JobState.QUEUED, JobState.CLAIMED, JobState.RUNNING, JobState.PROPOSED}
    try:
        check_transition(old, new, stands=True)
    except ValueError:
        assert not legal(old, new)
        assert not (new is JobState.PUBLISHED and old in in_round)
    else:
        assert legal(old, new) or (new is JobState.PUBLISHED and old in in_round)


@given(st.lists(STATES, min_size=1))
def test_whatever_happens_a_job_that_moves_legally_can_still_end(path: list[JobState]) -> None:
    state = JobState.QUEUED
    for wish in path:
        state = wish if legal(state, wish) else state
    assert state in ENDED or legal(state, JobState.CANCELLED)


def test_the_refusal_says_what_would_have_been_possible() -> None:
    with pytest.raises(ValueError, match=r"After merged comes: nothing, it is an end\."):
        check_transition(JobState.MERGED, JobState.QUEUED)
    with pytest.raises(ValueError, match="After approved comes: cancelled, failed, integrating, merged"):
        check_transition(JobState.APPROVED, JobState.CLAIMED)
