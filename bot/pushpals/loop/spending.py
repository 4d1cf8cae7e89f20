"""What a repository's work costs in a day: kept in the jobs' records, and in one of its own for the rest."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pushpals.git import GitError
from pushpals.ledger import SPENDING, ClaimLost, LedgerError
from pushpals.llm.api import GREEDY
from pushpals.model import Spending, SpendingRecord, Usage
from pushpals.policy.budget import questions_over
from pushpals.policy.repo_policy import RepoPolicy

if TYPE_CHECKING:
    from datetime import date

    from pushpals.llm.api import ChatModel, Completion, Message, Sampling, ToolSpec
    from pushpals.loop.services import Repo, Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord

log = logging.getLogger(__name__)

TRIES = 8
"""How often the record is read again when somebody else has moved it meanwhile."""


def spent_today(before: JobRecord, after: JobRecord, day: date) -> Spending | None:
    """Return what a job has spent on `day` once its record says `after`."""
    tokens = _tokens(after.usage) - _tokens(before.usage)
    usd = (after.usage.usd or 0.0) - (before.usage.usd or 0.0)
    if tokens <= 0 and usd <= 0:
        return before.today
    known = before.today if before.today and before.today.day == day else Spending(day=day)
    return known.plus(tokens=max(0, tokens), usd=max(0.0, usd))


def _tokens(usage: Usage) -> int:
    return usage.tokens_in + usage.tokens_out


async def so_far(services: Services, repo: Repo) -> Spending:
    """Return what was spent today in a repository. Raises git's errors for the network."""
    return await repo.ledger.spent_on(services.clock.now().date())


async def begin_question(s: Snapshot, services: Services, repo: Repo) -> Snapshot:
    """Return the snapshot knowing what was spent today, one question more included if it may be asked.

    Whether it may is for `questions_over` to say; one that may not be asked is not counted. Raises ClaimLost
    and git's errors.
    """
    if not isinstance(s.policy, RepoPolicy):
        return s
    async with repo.beginning:
        spent = await so_far(services, repo)
        if questions_over(s.policy, spent) is None:
            one = Spending(day=spent.day, questions=1)
            known = await _add(services, repo, one, most=s.policy.budget.questions)
            spent = spent.model_copy(update={"questions": known.questions})
    return replace(s, spent=spent)


async def count_usage(services: Services, repo: Repo, usage: Usage) -> None:
    """Count what was spent outside of jobs. That is spent in any case: what cannot be written is logged."""
    spent = Spending(day=services.clock.now().date(), tokens=_tokens(usage), usd=usage.usd or 0.0)
    if not spent.tokens and not spent.usd:
        return
    try:
        await _add(services, repo, spent)
    except (GitError, LedgerError) as error:
        log.warning("%s: %d tokens were not counted: %s", repo.ref, spent.tokens, error)


async def _add(services: Services, repo: Repo, more: Spending, *, most: int | None = None) -> Spending:
    """Add to the day's spending by compare-and-swap; return what stood there before.

    Nothing is added where `most` questions stand there already. Raises ClaimLost when others keep moving it.
    """
    tries = 0
    while True:
        tries += 1
        old = await repo.ledger.read(SpendingRecord, SPENDING)
        known = old.record.today if old and old.record.today.day == more.day else Spending(day=more.day)
        if most is not None and known.questions >= most:
            return known
        now = services.clock.now()
        record = SpendingRecord(
            today=known.plus(tokens=more.tokens, usd=more.usd, questions=more.questions),
            nonce=secrets.token_hex(8),
            updated_at=now,
        )
        try:
            if old is None:
                await repo.ledger.create(SPENDING, record, message="A day's spending begins.", when=now)
            else:
                await repo.ledger.advance(old, record, message="More is spent.", when=now)
        except ClaimLost:
            if tries == TRIES:
                raise
        else:
            return known


@dataclass
class Counted:
    """A model that remembers what was asked of it; what an answer cost is spent whatever becomes of it."""

    model: ChatModel
    usage: Usage = Usage()  # noqa: RUF009 - frozen

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return self.model.context_tokens

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        """Answer a conversation; raises ModelError."""
        answer = await self.model.complete(messages, tools=tools, sampling=sampling)
        usd = None if self.usage.usd is None or answer.usd is None else self.usage.usd + answer.usd
        self.usage = Usage(
            tokens_in=self.usage.tokens_in + answer.tokens_in,
            tokens_out=self.usage.tokens_out + answer.tokens_out,
            usd=usd,
        )
        return answer
