"""A day of many jobs on one installation, simulated without waiting.

The product's own are the queue of hints, the client with its tokens, retries, limits and pacing, the turns of
the look around, and the rules of what is left out. Git, the ledger and the work itself are not there. A job
asks what `tests/stories/test_requests.py` holds that jobs ask.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from bench.product import jump
from bench.product.counting import CountingGitHub, private_key
from pushpals.github import (
    PUSH,
    AddComment,
    AddReaction,
    AppAuth,
    CreateCheckRun,
    CreatePullRequest,
    Endpoints,
    GitHub,
    Mutation,
    RateLimited,
    RepoClient,
    UpdateCheckRun,
    UpdateComment,
)
from pushpals.github.transport import Transport
from pushpals.loop.reconcile import due
from pushpals.loop.writes import is_sparing, refreshes_rest, requests_low
from pushpals.model import Hint, RepoRef, SubjectRef
from pushpals.server.queue import HintQueue

INSTALLATION: Final = 7
BEGIN: Final = 1_800_000_000.0
DAY: Final = 86_400.0
LOOK_AROUND: Final = 300.0
REFRESHES: Final = (10.0, 40.0, 120.0)
REFRESH_EVERY: Final = 300.0
"""As `pushpals.loop.services.Config` has them."""
JOB, REPLY = 7, 3
"""Requests, tokens left out: a job's two looks, two roles and three writes; a look, a role and a write."""
FAILS, ASKED_ABOUT, MERGED = 0.05, 0.1, 0.7
"""Shares: jobs that fail; issues on which somebody asks how it goes; pull requests that are merged."""
EYES: Final = AddReaction("I_1")
NEW_CHECK: Final = CreateCheckRun(
    repository_id="R_1",
    name="PushPals / 1-1",
    external_id="1-1",
    status="IN_PROGRESS",
    title="Running",
    summary="Running.",
    head_sha="0" * 40,
)
SAME_CHECK: Final = UpdateCheckRun(
    repository_id="R_1",
    name="PushPals / 1-1",
    external_id="1-1",
    status="IN_PROGRESS",
    title="Running",
    summary="Running.",
    check_run_id="C_1",
)
SAME_COMMENT: Final = UpdateComment("IC_1", "How it stands.")


@dataclass
class Subject:
    """An issue, as far as its picture goes."""

    ref: SubjectRef
    start: float
    """When it is labelled, in seconds of the day."""
    seconds: float
    """How long its job takes."""
    fails: bool
    stage: str = "new"
    commented: bool = False
    opened: bool = False
    drawn: bool = True
    questions: int = 0
    """Those without an answer."""
    touched: float = 0.0
    merged: bool = False


@dataclass
class Waits:
    """How long what people wait for was held back by limits and pacing, in seconds."""

    results: list[float] = field(default_factory=list)
    """Pull requests, and what is said of failures."""
    answers: list[float] = field(default_factory=list)
    beginnings: list[float] = field(default_factory=list)
    """Reaction and check run at the beginning, with the comment where there is room."""


class Day:
    """One server, one installation, one day."""

    def __init__(self, repositories: int, jobs: int, key: str) -> None:
        self._dice = random.Random(6)  # noqa: S311 - the same day each time
        self._refs = [RepoRef(owner="octo", name=f"names-{n}") for n in range(repositories)]
        self._loop = asyncio.get_running_loop()
        self.github_side = CountingGitHub(self.now, [str(ref) for ref in self._refs])
        self.waits = Waits()
        self.without_comment = 0
        self._github = GitHub(AppAuth(1, key), Endpoints.at("http://github.example"), clock=self.now)
        self._clients = {ref: self._github.repo(ref, INSTALLATION) for ref in self._refs}
        self.queue = HintQueue()
        self._subjects: dict[SubjectRef, Subject] = {}
        self._of: dict[RepoRef, list[Subject]] = {ref: [] for ref in self._refs}
        self._looked: dict[RepoRef, int] = {}
        self._seen: dict[RepoRef, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._since: dict[tuple[SubjectRef, str], float] = {}
        for number in range(1, jobs + 1):
            self._plan(number)

    def now(self) -> float:
        """Return the time, seconds since the epoch."""
        return BEGIN + self._loop.time()

    @property
    def repositories(self) -> int:
        """How many there are."""
        return len(self._refs)

    @property
    def subjects(self) -> Collection[Subject]:
        """The issues."""
        return self._subjects.values()

    @property
    def unfinished(self) -> int:
        """How many jobs people were not told the end of."""
        return sum(1 for subject in self._subjects.values() if subject.stage != "told")

    async def pass_by(self) -> None:
        """Let the day pass, and after it three hours in which nothing new comes."""
        self.queue.start(self._handle, lambda: datetime.fromtimestamp(self.now(), UTC))
        looking = asyncio.create_task(self._look_around())
        for subject in self._subjects.values():
            self._later(subject.start, partial(self._happens, subject, touched=True))
        await asyncio.sleep(DAY + 3 * 3_600)
        looking.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(looking, *self._tasks, return_exceptions=True)
        await self.queue.close()

    def _plan(self, number: int) -> None:
        dice, ref = self._dice, SubjectRef(repo=self._dice.choice(self._refs), number=number)
        seconds = min(2_400.0, max(20.0, dice.lognormvariate(5.2, 0.7)))
        subject = Subject(ref, dice.uniform(0, DAY), seconds, dice.random() < FAILS)
        self._subjects[ref] = subject
        self._of[ref.repo].append(subject)
        if dice.random() < ASKED_ABOUT:
            self._later(subject.start + dice.uniform(5, 1_800), partial(self._asks, subject))

    def _later(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        async def then() -> None:
            await asyncio.sleep(seconds)
            await what()

        task = self._loop.create_task(then())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _happens(self, subject: Subject, *, touched: bool = False) -> None:
        """A webhook comes, or a worker ends."""
        if touched:
            subject.touched = self.now()
        await self.queue.put(Hint(ref=subject.ref, installation=INSTALLATION))

    async def _asks(self, subject: Subject) -> None:
        subject.questions += 1
        await self._happens(subject, touched=True)

    async def _handle(self, hint: Hint) -> datetime | None:
        """As `Engine.handle` does: a limit means to look again at the time told."""
        try:
            await self._settle(self._subjects[hint.ref])
        except RateLimited as limited:
            return datetime.fromtimestamp(limited.until, UTC)
        return None

    async def _settle(self, subject: Subject) -> None:
        client = self._clients[subject.ref.repo]
        await client.git_token(PUSH)  # the ledger is fetched
        await client.subject(subject.ref.number)
        sparing = await is_sparing(client)
        if subject.questions:
            await client.role_of("ada")
            await self._write(subject, "answers", EYES, AddComment("I_1", "It runs."), urgent=True)
            subject.questions = 0
        if subject.stage == "new":
            await client.role_of("ada")
            await self._begin(subject, sparing=sparing)
        elif subject.stage == "worked":
            await client.role_of("ada")
            await self._end(subject, sparing=sparing)
        elif subject.stage == "told" and not subject.fails:
            await self._bring_in_step(subject, sparing=sparing)

    async def _begin(self, subject: Subject, *, sparing: bool) -> None:
        comment = () if sparing else (AddComment("I_1", "How it stands."),)
        await self._write(subject, "beginnings", EYES, *comment, NEW_CHECK)
        subject.commented, subject.stage = not sparing, "working"
        self._later(0.0, partial(self._work, subject))

    async def _work(self, subject: Subject) -> None:
        """Work, and redraw what people see at the times at which workers do."""
        client, passed, times = self._clients[subject.ref.repo], 0.0, list(REFRESHES)
        while True:
            at = times.pop(0) if times else passed + REFRESH_EVERY
            if at >= subject.seconds:
                break
            await asyncio.sleep(at - passed)
            passed = at
            if not await refreshes_rest(client):
                same = (SAME_COMMENT,) if subject.commented else ()
                with _left_out_when_limited():
                    await client.write(*same, SAME_CHECK)
        await asyncio.sleep(subject.seconds - passed)
        subject.stage = "worked"
        await self._happens(subject)

    async def _end(self, subject: Subject, *, sparing: bool) -> None:
        if subject.fails:
            told: Mutation = SAME_COMMENT if subject.commented else AddComment("I_1", "It failed.")
            await self._write(subject, "results", told, SAME_CHECK)
            subject.commented, subject.stage = True, "told"
            return
        opened = CreatePullRequest(
            repository_id="R_1",
            base="main",
            head=f"agent/bug-fixer/{subject.ref.number}-1",
            title="t",
            body="b",
        )
        await self._write(subject, "results", opened, NEW_CHECK)
        subject.stage, subject.drawn = "told", False
        self.without_comment += not subject.commented
        self._later(
            self._dice.uniform(60, 900), partial(self._happens, subject, touched=True)
        )  # its CI has spoken
        if self._dice.random() < MERGED:
            self._later(self._dice.uniform(600, 43_200), partial(self._merge, subject))
        await self._bring_in_step(subject, sparing=sparing)

    async def _merge(self, subject: Subject) -> None:
        subject.merged, subject.drawn = True, False
        await self._happens(subject, touched=True)

    async def _bring_in_step(self, subject: Subject, *, sparing: bool) -> None:
        owed: list[Mutation] = [] if subject.drawn else [SAME_CHECK]
        if subject.commented and owed:
            owed.append(SAME_COMMENT)
        elif not subject.commented and not sparing:
            owed.append(AddComment("I_1", "How it stands."))
        if owed:
            await self._clients[subject.ref.repo].write(*owed)
        subject.drawn, subject.commented = True, subject.commented or not sparing

    async def _write(self, subject: Subject, kind: str, *mutations: Mutation, urgent: bool = False) -> None:
        """Write, and note how long that took since it was first tried."""
        client: RepoClient = self._clients[subject.ref.repo]
        since = self._since.setdefault((subject.ref, kind), self.now())
        await client.write(*mutations, urgent=urgent)
        del self._since[subject.ref, kind]
        getattr(self.waits, kind).append(self.now() - since)

    async def _look_around(self) -> None:
        """As `Reconciler.run` does: hints at labelled issues, and at what was touched since the last time."""
        for number in range(10_000):
            with _left_out_when_limited():
                refs = await self._github.repositories(INSTALLATION)
                first, others = due(refs, self._looked, ())
                for place, ref in enumerate([*first, *others]):
                    if place >= len(first) and requests_low(self._github.room(INSTALLATION)):
                        break
                    await self._look_at(ref)
                    self._looked[ref] = number
            await asyncio.sleep(LOOK_AROUND)

    async def _look_at(self, ref: RepoRef) -> None:
        client, since = self._clients[ref], self._seen.get(ref, 0.0)
        await client.open_issues("agent:ready")
        await client.git_token(PUSH)
        self._seen[ref] = self.now()
        for subject in self._of[ref]:
            begun = subject.start + BEGIN <= self.now()
            if begun and (not subject.merged or subject.touched > since):
                await self._happens(subject)


class _left_out_when_limited:  # noqa: N801 - reads as the statement it is
    """What is limited in here is left out this time."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> bool:
        """Swallow RateLimited."""
        return kind is not None and issubclass(kind, RateLimited)


def simulate(repositories: int, jobs: int) -> Day:
    """Return a day that has passed."""

    async def pass_by() -> Day:
        day = Day(repositories, jobs, private_key())

        async def exchange(*asked: Any) -> Any:  # noqa: ANN401 - what `Transport._exchange` takes and returns
            return await day.github_side.exchange(*asked)

        with patch.object(Transport, "_exchange", exchange):
            await day.pass_by()
        return day

    return jump.run(pass_by())
