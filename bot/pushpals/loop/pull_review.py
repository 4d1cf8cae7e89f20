"""Review any pull request at a person's word: its change is read from git, and remarked on in place."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pushpals.audit.prose import answers, reviews, spent
from pushpals.audit.text import clean_untrusted, strip_unseen
from pushpals.git import GitError
from pushpals.github import AddReview, WriteFailed
from pushpals.localbuddy.commands import Command
from pushpals.localbuddy.job_review import line_comments
from pushpals.loop import reviewing, writes
from pushpals.loop.observe import with_written
from pushpals.loop.rules.verbs import no_more_questions
from pushpals.loop.spending import begin_question, count_usage
from pushpals.model import Report, Task, Usage
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.review_agent import Brief, Opinion, ask_model, review
from pushpals.workerpals import Assignment
from pushpals.workerpals.metered import BudgetSpent, MeteredModel

if TYPE_CHECKING:
    from pushpals.github import PullView
    from pushpals.localbuddy.heard import Heard
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import FileChange

DIFF_LIMIT: Final = 4_000_000
"""Bytes of a diff that is read at all."""


async def review_pull(step: steps.ReviewPull, s: Snapshot, hands: Hands) -> Snapshot:
    """Acknowledge the wish, and send for the review."""
    s = await begin_question(s, hands.services, hands.repo)
    if no_more_questions(s):
        return s
    reaction = step.heard.utterance.acknowledge()
    s = with_written(s, reaction, await hands.repo.client.write(*reaction))
    pull = step.heard.utterance.place.pull
    if pull is None or not isinstance(s.policy, RepoPolicy):
        return s
    return hands.crew.send(step.heard.key, PullReview(step.heard, pull, s.policy, s, hands), s)


@dataclass(frozen=True)
class PullReview:
    """The errand that reads a pull request and writes one review."""

    heard: Heard
    pull: PullView
    policy: RepoPolicy
    s: Snapshot
    hands: Hands

    async def run(self) -> bool:
        """Review, and answer in any case. No new look is needed: nothing but the answer was owed."""
        try:
            diff, files = await self._change()
        except GitError as error:
            await self._say(reviews.review_failed(f"The change could not be read: {error}"))
            return False
        if len(diff) > DIFF_LIMIT:
            size = f"The change is too large to be read: {len(diff):,} bytes, where {DIFF_LIMIT:,} are read."
            await self._say(reviews.review_failed(size))
            return False
        found = await asyncio.to_thread(review, diff, files)
        opinion, usage = await self._opinion(diff)
        await count_usage(self.hands.services, self.hands.repo, usage)
        report = reviewing.reviewed(Report(findings=found), opinion, self.hands.services.model.name)
        cost = f"It took {spent(usage)}." if usage.model_calls else ""
        if report.review is None:
            raise ValueError("a reviewed report has no review")
        body = reviews.asked_review(report.review, report.findings, self.pull.head_sha, cost)
        redact = self.hands.services.redactor
        body = redact(body)
        comments = tuple(replace(each, body=redact(each.body)) for each in line_comments(report.findings))
        answer = AddReview(self.pull.id, answers.answer(self.heard.key, body), comments, self.pull.head_sha)
        [written] = await writes.answer(self.hands.repo.client, self.hands.services.clock, answer)
        if isinstance(written, WriteFailed):
            await self._say(reviews.review_failed(f"GitHub did not take the review: {written}"))
        return False

    async def broke(self, code: str) -> None:
        """Answer that it broke."""
        await self._say(
            reviews.review_failed(f"Something broke in PushPals itself; the server's log has it: {code}.")
        )

    async def _say(self, text: str) -> None:
        text = self.hands.services.redactor(text)
        said = self.heard.utterance.place.answer(answers.answer(self.heard.key, text))
        await writes.answer(self.hands.repo.client, self.hands.services.clock, said)

    async def _change(self) -> tuple[bytes, tuple[FileChange, ...]]:
        """Return what the pull request changes since it left its base branch."""
        mirror, pull = self.hands.repo.mirror, self.pull
        ref = f"refs/pull/{pull.number}/head"
        if await mirror.resolve(f"{pull.head_sha}^{{commit}}") is None:
            await mirror.fetch(f"+{ref}:{ref}")
        base = pull.base_sha or self.s.ledger.base
        await mirror.ensure(base, f"refs/heads/{pull.base_ref}")
        left = await mirror.merge_base(base, pull.head_sha)
        if left is None:
            raise GitError(f"#{pull.number} and its base branch have no common history.")
        return await mirror.diff(left, pull.head_sha), await mirror.diff_files(left, pull.head_sha)

    async def _opinion(self, diff: bytes) -> tuple[Opinion | None, Usage]:
        """Ask the model, where the policy lets it, within the budget of one job."""
        services = self.hands.services
        if not reviewing.model_reads(self.policy, services.model):
            return None, Usage()
        said = self.heard.said
        asked = f"Look above all at this: {said.text}" if isinstance(said, Command) and said.text else ""
        about = f"{strip_unseen(self.pull.title).text}\n\n{self.pull.body}\n\n{asked}"
        request = clean_untrusted(about).text.strip()
        assignment = Assignment(
            task=Task(goal=self.pull.title),
            request_text=request,
            instructions="",
            checks=(),
            budget=self.policy.job_budget,
        )
        meter = MeteredModel(assignment, services.model, lambda _event: None, services.clock.monotonic)
        try:
            opinion = await ask_model(Brief(diff, request), reviewing.Metered(meter), secrets.token_hex(8))
        except BudgetSpent as over:
            opinion = Opinion(unread=f"No budget was left for the model's review. {over}")
        return opinion, meter.usage()
