"""More work than workers: who waits with the best place is served first, and nobody is passed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pushpals.loop.waiting import WaitingList
from pushpals.loop.work import Crew
from pushpals.model import Hint, JobState, RepoRef, SubjectRef
from pushpals.policy.order import Place, first_place
from tests.loop.snapshots import job

REPO = RepoRef(owner="octo", name="names")


def hint(number: int) -> Hint:
    return Hint(ref=SubjectRef(repo=REPO, number=number))


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(list(Place))), max_size=20))
def test_the_best_place_is_served_first_and_within_it_who_came_first(puts: list[tuple[int, Place]]) -> None:
    waiting = WaitingList()
    places: dict[int, Place] = {}
    for number, place in puts:
        waiting.put(hint(number), place)
        places[number] = place  # who waits already keeps the turn it came with
    expected = sorted(places, key=lambda number: places[number])
    assert [each.ref.number for each in waiting.hints()] == expected
    for number, place in places.items():
        better = sum(other < place for other in places.values())
        assert waiting.ahead_of(hint(number).ref, place) == better


def test_jobs_wait_with_their_best_place() -> None:
    labelled, asked = job(JobState.QUEUED), job(JobState.QUEUED, cause="IC_1:1:abc")
    assert first_place([job(JobState.PUBLISHED)]) is None
    assert first_place([job(JobState.RUNNING, cause="IC_1:1:abc"), labelled]) is Place.LABELLED
    assert first_place([labelled, asked]) is Place.ASKED


class Roomy:
    """Services of a process with one worker."""

    class config:  # noqa: N801 - an attribute of the services
        """How it works."""

        capacity = 1


async def test_a_free_worker_is_kept_for_whoever_waits_with_a_better_place() -> None:
    told: list[int] = []

    async def tell(each: Hint) -> None:
        told.append(each.ref.number)

    crew = Crew(Roomy, tell)  # type: ignore[arg-type]
    labelled, asked = [job(JobState.QUEUED)], [job(JobState.QUEUED, cause="IC_1:1:abc")]
    assert crew.free_for(hint(1).ref, labelled)
    crew.wait_for_worker(hint(1), labelled)
    crew.wait_for_worker(hint(2), asked)
    assert crew.free_for(hint(2).ref, asked)
    assert not crew.free_for(hint(1).ref, labelled)
    assert not crew.free_for(hint(3).ref, labelled)
    await crew.waits_no_more(hint(2).ref)  # it was cancelled, say
    assert told == [1]
    assert crew.free_for(hint(1).ref, labelled)
