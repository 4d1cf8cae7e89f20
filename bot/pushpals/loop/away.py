"""Work that is done away from home: jobs claimed here and worked on elsewhere, on a copy of their record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushpals.audit.outgoing import clean_model_text
from pushpals.github import NotFound, RepoClient, RepositoryView, Room, SubjectView
from pushpals.ledger import NotThisJob, returned
from pushpals.loop.hands import entry_of
from pushpals.loop.landing import gate_job
from pushpals.loop.rounds import origin_of
from pushpals.loop.shift import Shift
from pushpals.loop.snapshot import Snapshot
from pushpals.loop.work import Crew
from pushpals.model import Failure, FailureKind, JobState, Person, SubjectRef
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.github import Mutation, Written
    from pushpals.ledger import Entry, LedgerView
    from pushpals.loop.hands import Hands
    from pushpals.loop.services import Repo, Services
    from pushpals.model import Evidence, JobId, JobRecord, RepoRef, RequestRecord, Sha

RUN_EVENT = "pushpals"
"""Type of the event that starts a run of the repository's workflow."""
HOME = "refs/pushpals-home/"
"""Where what was brought back lies while it is looked at."""
_NOBODY = Person(id=0, login="ghost")


@dataclass(frozen=True)
class Claim:
    """A job that was claimed for others to do, and the commit of the claim."""

    ref: SubjectRef
    job: JobId
    sha: Sha


@dataclass
class ClaimingCrew(Crew):
    """Claims jobs and begins with none of them: whoever is handed `claims` does that."""

    claims: list[Claim] = field(default_factory=list)
    _to_judge: set[tuple[RepoRef, JobId]] = field(default_factory=set)

    @property
    def free(self) -> bool:
        """True while one more job may be claimed."""
        return len(self.claims) < self.services.config.capacity

    def free_for(self, _ref: SubjectRef, _jobs: Sequence[JobRecord]) -> bool:
        """True while one of a subject's jobs may be claimed: nobody waits here for long."""
        return self.free

    def working(self, repo: RepoRef) -> frozenset[JobId]:
        """Return the jobs that are handed on without a new claim; claims are known by their record."""
        return frozenset(job for owner, job in self._to_judge if owner == repo)

    def _begin(self, entry: Entry[JobRecord], s: Snapshot, _hands: Hands) -> Snapshot:
        self.claims.append(Claim(s.ref, entry.record.id, entry.sha))
        if entry.record.state is JobState.PROPOSED:
            self._to_judge.add((s.ref.repo, entry.record.id))
        return replace(s, working=self.working(s.ref.repo), free=self.free)


class Unplugged(RepoClient):
    """GitHub, where there is none: what was read of it before, and nothing else."""

    def __init__(self, logs: Mapping[int, str]) -> None:
        """`logs` are those of check runs, by their database ids."""
        self._logs = logs

    async def write(self, *_mutations: Mutation, urgent: bool = False) -> tuple[Written, ...]:
        """Draw nothing: what people see is drawn at home."""
        del urgent
        return ()

    async def room(self) -> Room:
        """Return that nothing is used up: nothing is written here."""
        return Room(1.0, 1.0)

    async def ci_log(self, run_id: int, *, limit: int = 1_000_000) -> str:
        """Return a log that was taken along."""
        if run_id not in self._logs:
            raise NotFound("It was not taken along.")
        return self._logs[run_id][-limit:]


def snapshot_away(services: Services, repo: Repo, ledger: LedgerView, policy: bytes | None) -> Snapshot:
    """Return what a worker knows that has the ledger and nothing else. The issue is as the request has it."""
    if ledger.request is None:
        raise ValueError("There is no request to work for.")
    request = ledger.request.record
    return Snapshot(
        ref=SubjectRef(repo=repo.ref, number=request.request.number),
        now=services.clock.now(),
        holder=services.holder,
        view=_view(request, repo),
        ledger=ledger,
        policy=parse_policy(policy),
        roles={},
        works_for=services.config.works_for,
    )


def _view(record: RequestRecord, repo: Repo) -> SubjectView:
    asked = record.request
    repository = RepositoryView("", 0, str(repo.ref), True, repo.branch, record.base, "", {})  # noqa: FBT003
    return SubjectView(
        kind="issue",
        id="",
        number=asked.number,
        title=asked.title,
        body=asked.body,
        state="OPEN",
        author=asked.asker,
        created_at=asked.asked_at,
        last_edited_at=None,
        editor=None,
        url="",
        labels={},
        comments=(),
        comments_total=0,
        labelled=(),
        renamed=(),
        reacted=frozenset(),
        repository=repository,
        viewer=_NOBODY,
        pull=None,
        pulls={},
        check_runs={},
    )


async def look_away(services: Services, repo: Repo, number: int) -> Snapshot:
    """Read the ledger, and nothing else, into a snapshot."""
    ledger = await repo.ledger.observe(number, await repo.default_branch())
    return snapshot_away(services, repo, ledger, await repo.mirror.read(ledger.base, POLICY_PATH))


async def gather(repo: Repo, job: JobRecord) -> None:
    """Fetch all that work on a job will read, so that its mirror can be taken along."""
    await origin_of(repo, job)
    await repo.mirror.ensure(job.base, f"refs/heads/{job.branch}" if job.round else None)


async def bring_back(taken: Entry[JobRecord], tip: Sha, s: Snapshot, hands: Hands) -> Snapshot:
    """Make what was brought back the job's record, if it is one; else record that it was refused.

    What is published of it is judged here once more, by all rules, on the evidence that came along. Raises
    ClaimLost when the record moved meanwhile, by a person's word say: then nothing of it counts.
    """
    try:
        brought = await returned(hands.repo.mirror, taken, tip, hands.services.clock.now())
        evidence = _evidence(brought.record)
    except NotThisJob as refused:
        return await give_up(taken, s, hands, _refused(refused))
    await hands.repo.ledger.adopt(taken, brought)
    s = _with(s, brought)
    if brought.record.state is JobState.GATED:
        return await gate_job(brought, s, hands, evidence=evidence)
    return await _inert(brought, s, hands)


def _evidence(job: JobRecord) -> Evidence | None:
    """Return the evidence of a patch that passed a gate. Raises NotThisJob for what no gate leaves behind."""
    if job.state is JobState.PROPOSED:
        raise NotThisJob("Its patch was not judged.")
    if job.state is not JobState.GATED:
        return None
    evidence = job.report.evidence
    if evidence is None or evidence.tree != job.tree:
        raise NotThisJob("It says that a patch passed the gate, and has no evidence of that very tree.")
    return evidence


async def give_up(entry: Entry[JobRecord], s: Snapshot, hands: Hands, failure: Failure) -> Snapshot:
    """Let go of a claim whose work came to nothing: tried again where that may help, else ended."""
    shift = Shift(entry, s, hands)
    return _with(s, await shift.give_up(failure))


def _with(s: Snapshot, entry: Entry[JobRecord]) -> Snapshot:
    jobs = tuple(entry if job.record.id == entry.record.id else job for job in s.ledger.jobs)
    return replace(s, ledger=replace(s.ledger, jobs=jobs))


def _refused(refused: NotThisJob) -> Failure:
    return Failure(
        kind=FailureKind.POLICY,
        cause=f"What the workflow's job brought back was refused: {refused}",
        next_step="Look at that run before anything else: a worker does not do so by itself. Then say "
        "`/pushpals retry`.",
        rule="brought back",
    )


async def _inert(entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
    """Let nothing act in sentences that people will read as ours."""
    changes: dict[str, object] = {}
    for name in ("failure", "setback"):
        failure: Failure | None = getattr(entry.record, name)
        if failure is None:
            continue
        clean = failure.model_copy(
            update={
                "cause": clean_model_text(failure.cause).text,
                "next_step": clean_model_text(failure.next_step).text,
            }
        )
        if clean != failure:
            changes[name] = clean
    return await hands.record(s, entry_of(s, entry.record.id), changes, "Cleaned.") if changes else s
