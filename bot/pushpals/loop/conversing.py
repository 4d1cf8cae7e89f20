"""Do what people said: stop work, and let a model answer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.audit.prose import answers
from pushpals.audit.text import clean_untrusted, strip_unseen
from pushpals.git import GitError
from pushpals.github import ClosePullRequest, WriteFailed
from pushpals.llm import ModelError
from pushpals.localbuddy.answers import Question, ask
from pushpals.localbuddy.commands import Command
from pushpals.localbuddy.pull_picture import pull_numbers
from pushpals.loop import writes
from pushpals.loop.hands import Again, entry_of
from pushpals.loop.observe import with_written
from pushpals.loop.requests import save_request
from pushpals.loop.rounds import ended
from pushpals.loop.rules.acting import stopped_by
from pushpals.loop.rules.common import plan_jobs
from pushpals.loop.rules.places import jobs_here
from pushpals.loop.rules.verbs import no_more_questions
from pushpals.loop.spending import Counted, begin_question, count_usage
from pushpals.model import ENDED, Failure, FailureKind

if TYPE_CHECKING:
    from pushpals.github import PullView
    from pushpals.localbuddy.heard import Heard
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Sha


async def cancel_work(step: steps.CancelWork, s: Snapshot, hands: Hands) -> Snapshot:
    """Stop the workers, close the pull requests, and record who stopped what.

    That the whole plan is stopped is recorded first, and that the command is done last: a crash in between
    leaves nothing that goes on, and the command is served again.
    """
    if any([await hands.crew.stop(hands.repo.ref, job) for job in step.jobs]):
        raise Again  # the workers may have moved their records on their way out
    cause = stopped_by(step.by)
    failure = Failure(
        kind=FailureKind.CANCELLED,
        cause=cause,
        next_step=f"Nothing more of it is published. {_again(step, s)}",
    )
    if step.whole:
        s = await _record_request(s, hands, {"stopped": cause}, cause)
    for job in step.jobs:
        entry = entry_of(s, job)
        if entry.record.state in ENDED:
            continue
        await _close_pulls(s, hands, entry.record)
        changes = ended(entry.record, failure, for_good=True, cause=None if step.whole else step.cause)
        s = await hands.record(s, entry, changes, cause)
    if step.whole and s.ledger.request:
        causes = (*s.ledger.request.record.causes, step.cause)
        s = await _record_request(s, hands, {"causes": causes}, "Nothing of it goes on.")
    return s


def _again(step: steps.CancelWork, s: Snapshot) -> str:
    """Say how to begin again: what was published was rejected, and a part is tried again by itself."""
    published = any(entry_of(s, job).record.head for job in step.jobs)
    if step.whole or published or len(step.jobs) != 1:
        return "`/pushpals run` on the issue starts anew."
    return f"`/pushpals retry {step.jobs[0]}` tries it again."


async def _record_request(s: Snapshot, hands: Hands, changes: dict[str, object], why: str) -> Snapshot:
    old = s.ledger.request
    if old is None or all(getattr(old.record, name) == value for name, value in changes.items()):
        return s
    entry = await save_request(hands, old, old.record.model_copy(update=changes), why)
    return replace(s, ledger=replace(s.ledger, request=entry))


async def _close_pulls(s: Snapshot, hands: Hands, job: JobRecord) -> None:
    still_open = [pull for pull in s.view.pulls.get(job.branch, ()) if pull.state == "OPEN"]
    written = await hands.repo.client.write(*(ClosePullRequest(pull.id) for pull in still_open))
    failed = [result for result in written if isinstance(result, WriteFailed)]
    if failed:
        raise failed[0]


async def ask_model(step: steps.AskModel, s: Snapshot, hands: Hands) -> Snapshot:
    """Acknowledge a question, and send for its answer."""
    s = await begin_question(s, hands.services, hands.repo)
    if no_more_questions(s):
        return s
    reaction = step.heard.utterance.acknowledge()
    s = with_written(s, reaction, await hands.repo.client.write(*reaction))
    return hands.crew.send(step.heard.key, Answering(step.heard, s, hands), s)


@dataclass(frozen=True)
class Answering:
    """The errand that asks the model and writes its answer; it looks at GitHub no more than that."""

    heard: Heard
    s: Snapshot
    hands: Hands

    async def run(self) -> bool:
        """Ask, and answer in any case. No new look is needed: nothing but the answer was owed."""
        model, mirror = Counted(self.hands.services.model), self.hands.repo.mirror
        try:
            text = await ask(await self._question(), mirror, model, secrets.token_hex(16))
        except ModelError as error:
            text = answers.question_failed(error.what, error.remedy)
        except GitError as error:
            text = answers.question_failed(f"The repository could not be read: {error}", "Ask again later.")
        await self._answer(self.hands.services.redactor(text))
        await count_usage(self.hands.services, self.hands.repo, model.usage)
        return False

    async def broke(self, code: str) -> None:
        """Answer that it broke."""
        remedy = f"The server's log has the details under {code}. Ask again with `/pushpals ask …`."
        await self._answer(answers.question_failed("Something broke in PushPals itself.", remedy))

    async def _answer(self, text: str) -> None:
        said = self.heard.utterance.place.answer(answers.answer(self.heard.key, text))
        await writes.answer(self.hands.repo.client, self.hands.services.clock, said)

    async def _question(self) -> Question:
        s, place, said = self.s, self.heard.utterance.place, self.heard.said
        title, body = (place.pull.title, place.pull.body) if place.pull else (s.view.title, s.view.body)
        if s.ledger.request:
            title, body = s.ledger.request.record.request.title, s.ledger.request.record.request.body
        jobs = [entry.record for entry in plan_jobs(s.ledger)]
        plan = ""
        if s.ledger.request:
            request, pulls = s.ledger.request.record, pull_numbers(s.view, jobs)
            plan = prose.plan_markdown(request) + answers.status_answer(request, jobs, pulls, s.live, "")
        commit, base = s.ledger.base, None
        if place.pull is not None:
            commit, base = await self._change(place.pull)
        asked = said.text if isinstance(said, Command) else ""
        if place.thread is not None:
            asked = f"(Asked about {place.thread.path}, line {place.thread.line}.)\n{asked}"
        return Question(
            text=asked,
            request=f"{strip_unseen(title).text}\n\n{clean_untrusted(body).text}",
            plan=plan,
            commit=commit,
            base=base,
        )

    async def _change(self, pull: PullView) -> tuple[Sha, Sha | None]:
        """Return the head of a pull request and where it branched off, fetched with git where need be."""
        mirror = self.hands.repo.mirror
        if await mirror.resolve(f"{pull.head_sha}^{{commit}}") is None:
            ref = f"refs/pull/{pull.number}/head"
            await mirror.fetch(f"+{ref}:{ref}")
        [*ours] = jobs_here(self.s, self.heard.utterance.place)
        base = ours[-1].base if ours else await mirror.merge_base(self.s.ledger.base, pull.head_sha)
        return pull.head_sha, base
