"""The merge train's record: one ref, moved by compare-and-swap, seen by whoever looks at an issue."""

import pytest

from pushpals.git import LeaseLost, RefUpdate
from pushpals.ledger import TRAIN, ClaimLost, Ledger, LedgerDamaged, job_ref
from pushpals.model import JobState
from tests.git.remotes import BareRemote
from tests.ledger.records import NOON, job, moved, train


async def put(ledger: Ledger, job_id: str, *states: JobState) -> None:
    entry = await ledger.create(job_ref(job_id), job(job_id), message="Queued.", when=NOON)
    for state in states:
        entry = await ledger.advance(entry, moved(entry.record, state), message="Moved.", when=NOON)


S = JobState
PUBLISHED = (S.CLAIMED, S.RUNNING, S.PROPOSED, S.GATED, S.PUBLISHED)


async def test_everything_about_the_train_is_read_in_one_look(remote: BareRemote, ledger: Ledger) -> None:
    base = remote.refs()["refs/heads/main"]
    for branch in ("agent/bug-fixer/7-1", "main_agents", "ana/other"):
        remote.point(f"refs/heads/{branch}", base)
    await put(ledger, "10-1", *PUBLISHED, S.APPROVED)
    await put(ledger, "7-1", *PUBLISHED)
    await put(ledger, "8-1", S.CLAIMED)
    await put(ledger, "9-1", *PUBLISHED, S.MERGED)
    made = await ledger.create(TRAIN, train(base), message="The train was made.", when=NOON)

    view = await ledger.observe_train("main", "main_agents")
    assert view.base == base
    assert view.train == made
    assert [entry.record.id for entry in view.jobs] == ["7-1", "10-1"]
    assert view.heads == {"agent/bug-fixer/7-1": base, "main_agents": base}


async def test_without_a_train_there_is_none(remote: BareRemote, ledger: Ledger) -> None:
    view = await ledger.observe_train("main", "main_agents")
    assert (view.train, view.jobs, dict(view.heads)) == (None, (), {})


async def test_whoever_looks_at_an_issue_sees_the_train(ledger: Ledger, rival: Ledger) -> None:
    assert (await ledger.observe(42, "main")).train is None
    made = await rival.create(TRAIN, train(), message="The train was made.", when=NOON)
    assert (await ledger.observe(42, "main")).train == made


async def test_a_train_that_can_not_be_read_stops_the_train_and_no_issue(
    remote: BareRemote, ledger: Ledger
) -> None:
    await put(ledger, "42-1")
    remote.point(TRAIN, remote.refs()["refs/heads/main"])
    view = await ledger.observe(42, "main")
    assert (view.train, view.damaged, len(view.jobs)) == (None, (), 1)
    with pytest.raises(LedgerDamaged, match="refs/pushpals/train"):
        await ledger.observe_train("main", "main_agents")


async def test_of_two_who_drive_one_is_quicker(ledger: Ledger, rival: Ledger) -> None:
    made = await ledger.create(TRAIN, train(), message="The train was made.", when=NOON)
    theirs = (await rival.observe_train("main", "main_agents")).train
    assert theirs == made
    await rival.advance(theirs, train(runs=1), message="Tested.", when=NOON)
    with pytest.raises(ClaimLost):
        await ledger.advance(made, train(runs=2), message="Tested.", when=NOON)


async def test_what_was_tested_lands_with_the_record_or_not_at_all(
    remote: BareRemote, ledger: Ledger
) -> None:
    base = remote.refs()["refs/heads/main"]
    made = await ledger.create(TRAIN, train(base), message="The train was made.", when=NOON)
    remote.commit({"z.py": b"theirs\n"})
    await ledger.observe_train("main", "main_agents")
    with pytest.raises(LeaseLost):
        await ledger.advance(
            made,
            train(base, landed=1),
            message="Landed.",
            when=NOON,
            also=(RefUpdate("refs/heads/main", base, made.sha),),
        )
    assert remote.refs()[TRAIN] == made.sha


async def test_a_persons_git_tells_the_trains_life(ledger: Ledger) -> None:
    made = await ledger.create(TRAIN, train(), message="The train was made.", when=NOON)
    await ledger.advance(made, train(runs=1), message="Tested 3 branches.", when=NOON)
    assert [chapter.sentence for chapter in await ledger.history(TRAIN)] == [
        "The train was made.",
        "Tested 3 branches.",
    ]
