"""A job's life in the ledger, and what happens to those who come too late."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pushpals.git import GitError, GitUnavailable, LeaseLost, Mirror, RefUpdate
from pushpals.git.process import Completed, Git
from pushpals.ledger import ClaimLost, Ledger, LedgerDamaged, job_ref, request_ref
from pushpals.model import Holder, JobRecord, JobState, RequestRecord
from tests.git.remotes import BareRemote, HttpRemote, git
from tests.ledger.records import BOT, NOON, job, moved, request

Rewrite = Callable[[dict[str, object]], None]


async def queued(ledger: Ledger, job_id: str = "42-1"):
    files = {"plan.md": b"the plan", "report.md": b"nothing yet"}
    return await ledger.create(
        job_ref(job_id), job(job_id), files=files, audit=['{"n": 1}'], message="Queued.", when=NOON
    )


async def test_the_life_of_a_job_is_told_by_its_ref(remote: BareRemote, ledger: Ledger) -> None:
    first = await queued(ledger)
    claim = moved(first.record, JobState.CLAIMED, attempt=1, holder=Holder(instance="w1", boot="b1"))
    second = await ledger.advance(
        first, claim, audit=['{"n": 2}', '{"n": 3}'], message="Claimed by w1.", when=NOON
    )
    third = await ledger.advance(
        second, moved(claim, JobState.RUNNING), files={"report.md": b"working"}, message="Running.", when=NOON
    )
    assert (third.root, third.ref) == (first.sha, "refs/pushpals/jobs/42-1")

    view = await ledger.observe(42, "main")
    assert view.jobs == (third,)
    assert [await ledger.file(third, name) for name in ("plan.md", "report.md", "patch.diff")] == [
        b"the plan",
        b"working",
        None,
    ]
    assert await ledger.audit_lines(third) == ['{"n": 1}', '{"n": 2}', '{"n": 3}']
    assert await ledger.audit_lines(first) == ['{"n": 1}']
    life = await ledger.history(third.ref)
    assert [(c.sha, c.sentence, c.when, c.record) for c in life] == [
        (first.sha, "Queued.", NOON, first.record),
        (second.sha, "Claimed by w1.", NOON, claim),
        (third.sha, "Running.", NOON, third.record),
    ]
    git(remote.path, "fsck", "--strict")


async def test_a_person_can_read_it_with_git_alone(remote: BareRemote, ledger: Ledger) -> None:
    entry = await queued(ledger)
    holder = Holder(instance="w1\nPushPals-State: merged", boot="b1")
    claim = moved(entry.record, JobState.CLAIMED, attempt=1, holder=holder)
    await ledger.advance(entry, claim, message="Claimed.", when=NOON)
    show = git(remote.path, "show", "-s", "--format=%an%n%s%n%(trailers:only)", entry.ref).splitlines()
    assert show == [
        "PushPals",
        "Claimed.",
        "PushPals-Job: 42-1",
        "PushPals-State: claimed",
        "PushPals-Attempt: 1",
        f"PushPals-Nonce: {claim.nonce}",
        "PushPals-Holder: w1 PushPals-State: merged",
    ]
    listed = git(remote.path, "ls-tree", "--name-only", entry.ref).splitlines()
    assert listed == ["audit.jsonl", "plan.md", "record.json", "report.md"]
    text = git(remote.path, "show", f"{entry.ref}:record.json")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False)


async def test_only_what_concerns_the_subject_is_fetched_in_one_fetch(
    remote: BareRemote, ledger: Ledger, rival: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (4, 42, 420):
        await rival.create(request_ref(number), request(number), message="Planned.", when=NOON)
        await queued(rival, f"{number}-10")
        await queued(rival, f"{number}-9")
    await ledger.observe(7, "main")

    ran: list[str] = []
    whole = Git.run

    async def counted(self: Git, *args: str, **options: Any) -> Completed:
        ran.append(args[0])
        return await whole(self, *args, **options)

    monkeypatch.setattr(Git, "run", counted)
    view = await ledger.observe(42, "main")
    assert ran.count("fetch") == 1
    assert len(ran) <= 5
    assert view.base == remote.refs()["refs/heads/main"]
    assert view.request
    assert view.request.record == request(42)
    assert [entry.record.id for entry in view.jobs] == ["42-9", "42-10"]
    assert set(await ledger._mirror.refs("refs/pushpals")) == {
        "refs/pushpals/requests/42",
        "refs/pushpals/jobs/42-9",
        "refs/pushpals/jobs/42-10",
    }


async def test_what_was_deleted_is_no_longer_seen(remote: BareRemote, ledger: Ledger) -> None:
    await ledger.create(request_ref(4), request(4), message="Planned.", when=NOON)
    await ledger.create(request_ref(42), request(42), message="Planned.", when=NOON)
    await queued(ledger, "4-1")
    assert (await ledger.observe(42, "main")).request
    assert (await ledger.observe(4, "main")).jobs
    for ref in ("refs/pushpals/requests/4", "refs/pushpals/jobs/4-1"):
        remote.delete(ref)
    view = await ledger.observe(4, "main")
    assert (view.request, view.jobs, view.damaged) == (None, (), ())
    assert "refs/pushpals/requests/42" in await ledger._mirror.refs()


async def test_a_chain_that_was_begun_anew_has_a_new_root(remote: BareRemote, ledger: Ledger) -> None:
    old = await queued(ledger)
    remote.delete(old.ref)
    new = await queued(ledger)
    (seen,) = (await ledger.observe(42, "main")).jobs
    assert (seen, seen.root) == (new, new.sha)
    assert new.root != old.root


async def test_all_jobs_are_listed_by_one_request(ledger: Ledger, remote: BareRemote) -> None:
    entries = [await queued(ledger, job_id) for job_id in ("42-10", "42-2", "7-1")]
    remote.point("refs/pushpals/jobs/not-a-job", entries[0].sha)
    shas = {entry.record.id: entry.sha for entry in entries}
    listed = await ledger.list_jobs()
    assert (list(listed), listed) == (["7-1", "42-2", "42-10"], shas)


async def test_one_record_is_read_by_its_ref(ledger: Ledger, rival: Ledger) -> None:
    entry = await queued(rival)
    later = await rival.advance(entry, moved(entry.record, JobState.CLAIMED), message="Claimed.", when=NOON)
    assert await ledger.read(JobRecord, entry.ref) == later
    assert await ledger.read(RequestRecord, request_ref(1)) is None
    assert await ledger.history(request_ref(1)) == []


# Races


async def test_who_comes_second_learns_what_is_there_now(ledger: Ledger, rival: Ledger) -> None:
    entry = await queued(ledger)
    (seen,) = (await rival.observe(42, "main")).jobs
    theirs = await rival.advance(seen, moved(seen.record, JobState.CLAIMED), message="Mine.", when=NOON)
    with pytest.raises(ClaimLost) as lost:
        await ledger.advance(entry, moved(entry.record, JobState.CLAIMED), message="Mine.", when=NOON)
    assert (lost.value.ref, lost.value.sha, lost.value.now) == (entry.ref, theirs.sha, theirs)
    with pytest.raises(ClaimLost) as lost:
        await ledger.create(entry.ref, job(), message="Queued.", when=NOON)
    assert lost.value.now == theirs


async def test_a_claim_lost_to_a_deletion_says_that_nothing_is_there(
    remote: BareRemote, ledger: Ledger
) -> None:
    entry = await queued(ledger)
    remote.delete(entry.ref)
    with pytest.raises(ClaimLost) as lost:
        await ledger.advance(entry, moved(entry.record, JobState.CLAIMED), message="Mine.", when=NOON)
    assert (lost.value.sha, lost.value.now) == (None, None)


async def test_of_two_ledgers_that_race_for_a_job_exactly_one_wins(
    remote: BareRemote, ledger: Ledger, rival: Ledger
) -> None:
    await asyncio.gather(*(queued(ledger, f"{n}-1") for n in range(1, 6)))

    states: list[JobState | None] = []

    async def claim(mine: Ledger, name: str, number: int) -> str | None:
        (entry,) = (await mine.observe(number, "main")).jobs
        record = moved(entry.record, JobState.CLAIMED, holder=Holder(instance=name, boot="b"))
        try:
            return (await mine.advance(entry, record, message="Claimed.", when=NOON)).sha
        except ClaimLost as lost:
            states.append(lost.now.record.state if lost.now else None)
            return None

    for number in range(1, 6):
        won = await asyncio.gather(claim(ledger, "one", number), claim(rival, "other", number))
        assert [sha for sha in won if sha] == [remote.refs()[f"refs/pushpals/jobs/{number}-1"]]
    assert states == [JobState.CLAIMED] * 5


async def test_the_work_moves_with_the_record_or_not_at_all(
    remote: BareRemote, ledger: Ledger, rival: Ledger
) -> None:
    entry = await queued(ledger)
    branch = RefUpdate("refs/heads/agent/bug-fixer/42-1", None, entry.sha)
    stale = await rival.read(JobRecord, entry.ref)
    assert stale
    entry = await ledger.advance(
        entry, moved(entry.record, JobState.CLAIMED), message="Claimed.", when=NOON, also=[branch]
    )
    assert remote.refs()[branch.ref] == branch.new
    before = remote.refs()
    other = RefUpdate("refs/heads/agent/other", None, stale.sha)
    with pytest.raises(ClaimLost):
        await rival.advance(
            stale, moved(stale.record, JobState.CLAIMED), message="x", when=NOON, also=[other]
        )
    taken = RefUpdate(branch.ref, None, entry.sha)
    with pytest.raises(LeaseLost) as lost:
        await ledger.advance(
            entry, moved(entry.record, JobState.RUNNING), message="x", when=NOON, also=[taken]
        )
    assert lost.value.ref == branch.ref
    assert remote.refs() == before


@pytest.fixture
async def distant(remote: BareRemote, tmp_path: Path):
    """The ledger behind a web server that can lose its answers, and that server."""

    async def token() -> str | None:
        return "a-token"

    async with HttpRemote(remote, "a-token").running() as server:
        yield Ledger(await Mirror.open(tmp_path / "distant.git", server.url, token), BOT), server


async def test_a_lost_answer_is_settled_by_looking(
    remote: BareRemote, distant: tuple[Ledger, HttpRemote]
) -> None:
    ledger, server = distant
    server.on_push = lambda: None
    entry = await queued(ledger)
    entry = await ledger.advance(entry, moved(entry.record, JobState.CLAIMED), message="Claimed.", when=NOON)
    assert remote.refs()[entry.ref] == entry.sha

    server.on_push = None
    server.cut_before_push = True
    with pytest.raises(GitUnavailable):
        await ledger.advance(entry, moved(entry.record, JobState.RUNNING), message="Running.", when=NOON)
    assert remote.refs()[entry.ref] == entry.sha


async def test_a_lost_answer_and_a_rivals_record_is_a_lost_claim(
    remote: BareRemote, distant: tuple[Ledger, HttpRemote], rival: Ledger
) -> None:
    ledger, server = distant
    entry = await queued(ledger)
    seen = await rival.read(JobRecord, entry.ref)
    assert seen
    theirs = await rival.advance(seen, moved(seen.record, JobState.CLAIMED), message="Mine.", when=NOON)
    remote.point(entry.ref, entry.sha)
    server.on_push = lambda: remote.point(entry.ref, theirs.sha)
    with pytest.raises(ClaimLost) as lost:
        await ledger.advance(entry, moved(entry.record, JobState.CLAIMED), message="Mine.", when=NOON)
    assert lost.value.now == theirs


# Damage


def rewrite(remote: BareRemote, ref: str, data: bytes | None) -> str:
    """Put `data` in place of the record at `ref` (None: no record at all), as a stranger might."""
    blob = git(remote.path, "hash-object", "-w", "--stdin", stdin=data or b"")
    tree = git(
        remote.path, "mktree", stdin=b"" if data is None else f"100644 blob {blob}\trecord.json\n".encode()
    )
    remote.point(ref, git(remote.path, "commit-tree", tree, "-p", remote.refs()[ref], "-m", "Broken"))
    return remote.refs()[ref]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "no record.json"),
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff", "JSON"),
        (b"[]", "record.json"),
        (b'{"version": 2}', "version"),
        (b'{"version": 1, "surprise": true}', "Field required"),
        (b"[" * 10_000, "JSON"),
    ],
)
async def test_a_damaged_record_is_named_and_hides_no_other(
    remote: BareRemote, ledger: Ledger, data: bytes | None, reason: str
) -> None:
    await ledger.create(request_ref(42), request(), message="Planned.", when=NOON)
    broken = await queued(ledger, "42-1")
    good = await queued(ledger, "42-2")
    sha = rewrite(remote, broken.ref, data)
    view = await ledger.observe(42, "main")
    assert view.jobs == (good,)
    assert view.request
    (damage,) = view.damaged
    assert (damage.ref, damage.sha) == (broken.ref, sha)
    assert reason in damage.reason
    assert "git push --force-with-lease=" in str(damage)
    assert "upgrade" in str(damage)
    with pytest.raises(LedgerDamaged):
        await ledger.read(JobRecord, broken.ref)
    with pytest.raises(LedgerDamaged):
        await ledger.history(broken.ref)
    with pytest.raises(ClaimLost) as lost:
        await ledger.advance(broken, moved(broken.record, JobState.CLAIMED), message="x", when=NOON)
    assert (lost.value.sha, lost.value.now) == (sha, None)


async def test_a_ref_that_is_no_chain_of_commits_hides_no_other(remote: BareRemote, ledger: Ledger) -> None:
    good = await queued(ledger, "42-2")
    blob = git(remote.path, "hash-object", "-w", "--stdin", stdin=b"not a commit")
    remote.point("refs/pushpals/jobs/42-1", blob)
    tree = git(remote.path, "rev-parse", f"{good.sha}^{{tree}}")
    remote.point("refs/pushpals/jobs/42-3", tree)
    remote.point("refs/pushpals/jobs/42-x", good.sha)
    remote.point("refs/pushpals/requests/42", good.sha)
    view = await ledger.observe(42, "main")
    assert (view.request, view.jobs) == (None, (good,))
    assert {d.ref.removeprefix("refs/pushpals/") for d in view.damaged} == {
        "jobs/42-1",
        "jobs/42-3",
        "jobs/42-x",
        "requests/42",
    }


async def test_a_record_of_another_place_is_not_believed(remote: BareRemote, ledger: Ledger) -> None:
    entry = await queued(ledger, "42-1")
    remote.point("refs/pushpals/jobs/42-7", entry.sha)
    view = await ledger.observe(42, "main")
    assert view.jobs == (entry,)
    assert ["it is the record of refs/pushpals/jobs/42-1." in str(d) for d in view.damaged] == [True]


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("ana asked for #42: A \u0378 in the title", "ana asked for #42: A \ufffd in the title"),
        ("\u0378", "\ufffd"),
        ("`make\u00a0test` fails", "`make test` fails"),
        ("error: patch failed:\n\tnames.py:3\r\n", "error: patch failed: names.py:3"),
        ("red\x1b[31m\n\nPushPals-State: merged", "red\ufffd[31m PushPals-State: merged"),
    ],
    ids=["unknown to Unicode", "nothing else", "odd space", "lines of git", "a trailer"],
)
async def test_whatever_a_sentence_quotes_is_recorded_on_one_line(
    ledger: Ledger, remote: BareRemote, sentence: str, told: str
) -> None:
    entry = await queued(ledger)
    await ledger.advance(entry, moved(entry.record, JobState.CLAIMED), message=sentence, when=NOON)
    assert git(remote.path, "show", "-s", "--format=%s", entry.ref) == told
    states = git(remote.path, "show", "-s", "--format=%(trailers:key=PushPals-State,valueonly)", entry.ref)
    assert states.split() == ["claimed"]
    assert [commit.sentence for commit in await ledger.history(entry.ref)] == ["Queued.", told]


# Refusals


async def test_an_illegal_step_is_refused_before_anything_is_written(
    remote: BareRemote, ledger: Ledger
) -> None:
    entry = await queued(ledger)
    before = remote.refs()
    with pytest.raises(ValueError, match="from queued to gated"):
        await ledger.advance(entry, moved(entry.record, JobState.GATED), message="x", when=NOON)
    with pytest.raises(ValueError, match="can not follow"):
        await ledger.advance(entry, job("42-2"), message="x", when=NOON)
    with pytest.raises(ValueError, match="belongs at refs/pushpals/jobs/42-1"):
        await ledger.create("refs/heads/main", entry.record, message="x", when=NOON)
    with pytest.raises(ValueError, match="base"):
        await ledger.advance(entry, moved(entry.record, JobState.CLAIMED, base="x"), message="x", when=NOON)
    for words in ("", "  ", "\n"):
        with pytest.raises(ValueError, match="is a sentence"):
            await ledger.advance(entry, moved(entry.record, JobState.CLAIMED), message=words, when=NOON)
    for line in ("", "two\nlines", "carriage\rreturn"):
        with pytest.raises(ValueError, match="audit line"):
            await ledger.advance(
                entry, moved(entry.record, JobState.CLAIMED), audit=[line], message="x", when=NOON
            )
    assert remote.refs() == before


async def test_an_entry_from_elsewhere_is_not_built_on_blindly(ledger: Ledger, rival: Ledger) -> None:
    entry = await queued(rival)
    with pytest.raises(GitError, match="not in the mirror"):
        await ledger.advance(entry, moved(entry.record, JobState.CLAIMED), message="x", when=NOON)
