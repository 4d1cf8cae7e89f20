"""ReviewAgent in the loop: a model's opinion of a gated patch, and one more go for its worker."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pushpals.loop.logbook import Logbook
from pushpals.loop.rounds import FRESH
from pushpals.model import JobState, Order, OrderKind, ReviewNote
from pushpals.policy.diff import DiffError, read_diff
from pushpals.review_agent import Brief, Opinion, ask_model, score, unanswered
from pushpals.workerpals.metered import BudgetSpent, MeteredModel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pushpals.audit.chain import AuditEvent
    from pushpals.llm.api import ChatModel, Completion, Message, Sampling
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Finding, JobRecord, Report, Usage
    from pushpals.policy.repo_policy import RepoPolicy
    from pushpals.source_control import Gated
    from pushpals.workerpals import Assignment

SEND_BACKS = 1
"""How often the review sends a patch back to its worker; what it finds after that is a person's."""


@dataclass(frozen=True)
class Metered:
    """A model behind a job's budget, as a reviewer asks it."""

    meter: MeteredModel

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return self.meter.model.context_tokens

    async def complete(self, messages: Sequence[Message], *, sampling: Sampling) -> Completion:
        """Answer a conversation; raises BudgetSpent and ModelError."""
        return await self.meter.ask(messages, doing="review the change", sampling=sampling)


def model_reads(policy: RepoPolicy, model: ChatModel) -> bool:
    """Tell whether a model reads changes besides the rules."""
    wanted = policy.review.model
    return wanted == "always" or (wanted == "auto" and model.native_tools)


async def opinion_of(
    assignment: Assignment, diff: bytes, s: Snapshot, job: JobRecord, hands: Hands
) -> tuple[Opinion, Usage, list[AuditEvent]]:
    """Ask the model about a patch, within what is left of the job's budget; return also what that took."""
    services = hands.services
    book = Logbook(s.ref, job, services)
    meter = MeteredModel(assignment, services.model, book.note, services.clock.monotonic)
    brief = Brief(diff, assignment.request_text, assignment.task.acceptance)
    try:
        opinion = await ask_model(brief, Metered(meter), secrets.token_hex(8))
    except BudgetSpent as spent:
        opinion = Opinion(unread=f"No budget was left for the model's review. {spent}")
    redact = services.redactor
    findings = tuple(f.model_copy(update={"message": redact(f.message)}) for f in opinion.findings)
    unread = redact(opinion.unread) if opinion.unread else None
    return replace(opinion, findings=findings, unread=unread), meter.usage(), book.take()


def reviewed(report: Report, opinion: Opinion | None, model: str) -> Report:
    """Return the report with what rules and model say of the change, and the score that this makes.

    What the checks have answered is left out; what blocks comes first.
    """
    found = unanswered(report.findings, report.evidence)
    if opinion is None:
        note = ReviewNote(score=score(found))
        return report.model_copy(update={"findings": found, "review": note})
    findings = tuple(sorted((*found, *opinion.findings), key=lambda finding: not finding.blocking))
    note = ReviewNote(
        score=score(findings),
        model="" if opinion.unread else model,
        left_out=opinion.left_out,
        unread=opinion.unread,
    )
    return report.model_copy(update={"findings": findings, "review": note})


def on_shown_lines(report: Report, diff: bytes) -> Report:
    """Keep a finding's line only where `diff`, that of the whole pull request, shows it.

    In a further round a remark can be on a line that the pull request as a whole does not change, and GitHub
    takes none there.
    """
    try:
        shown = {part.path: part.present for part in read_diff(diff)}
    except DiffError:
        shown = {}

    def placed(finding: Finding) -> Finding:
        if finding.line is None or finding.line in shown.get(finding.path or "", frozenset()):
            return finding
        message = f"Line {finding.line}: {finding.message}"
        return finding.model_copy(update={"line": None, "message": message})

    return report.model_copy(update={"findings": tuple(placed(finding) for finding in report.findings)})


def goes_back(job: JobRecord, verdict: Gated) -> bool:
    """Tell whether the worker gets another go at what the review found."""
    blocking = any(finding.blocking for finding in verdict.report.findings)
    return verdict.failure is None and blocking and job.sent_back < SEND_BACKS


def sent_back(job: JobRecord, report: Report, patch_digest: str, at: datetime) -> dict[str, object]:
    """Return the changes that send a patch back to its worker, which goes on from it."""
    blocking = [finding for finding in report.findings if finding.blocking]
    orders = [
        Order(
            kind=OrderKind.FINDINGS,
            cause=f"findings:{patch_digest[:16]}:{number}",
            text=finding.message,
            at=at,
            path=finding.path,
            line=finding.line,
        )
        for number, finding in enumerate(blocking, 1)
    ]
    return {
        **FRESH,
        "state": JobState.QUEUED,
        "resumes": True,
        "sent_back": job.sent_back + 1,
        "orders": (*job.orders, *orders),
        "report": report,
    }
