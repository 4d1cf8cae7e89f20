"""What a plan's risk asks of people, and when their yes holds. Pure.

Low: checks and policy, nothing else. Medium: somebody other than the asker approves the plan before any work.
High: the plan is an RFC, a pull request of its own, that is approved before any code is written. A yes is
bound to the commit that shows the plan and to the text of the request.
"""

from __future__ import annotations

from typing import Final

from pushpals.model import Approval, Evidence, JobRecord, Person, RequestRecord, Risk, Sha
from pushpals.policy.access import Allowed, Refused, may_with
from pushpals.policy.job import mended
from pushpals.policy.repo_policy import RepoPolicy

RULE: Final = "approval.roles"


def waits_for_people(record: RequestRecord) -> bool:
    """Tell whether nothing may be worked on yet: the plan's risk asks for a yes that it does not have."""
    return needs_approval(record.plan.risk) and why_not_approved(record) is not None


def needs_approval(risk: Risk) -> bool:
    """Tell whether a plan of this risk is approved by a person before any work."""
    return risk is not Risk.LOW


def may_approve(
    role_name: str | None, policy: RepoPolicy, person: Person, record: RequestRecord
) -> Allowed | Refused:
    """Tell whether `person`, whose role is `role_name`, may approve the plan of `record`.

    Bots never do, nor does whoever asked, or put words into what is asked, alone: a second person reads what
    a plan of this risk would do.
    """
    verdict = may_with(role_name, policy.approval.roles, person, policy, "approving this plan", RULE)
    if isinstance(verdict, Allowed) and _is_author(person, record):
        reason = "whoever asked for a change of this risk, or shaped it, does not approve its plan alone."
        return Refused(reason, roles_that_approve(policy), "approval by a second person (built-in)")
    return verdict


def _is_author(person: Person, record: RequestRecord) -> bool:
    return any(person.id == author.id for author in record.request.authors)


def roles_that_approve(policy: RepoPolicy) -> tuple[str, ...]:
    """Return the roles that approve plans, for sentences that say who may."""
    refused = may_with(None, policy.approval.roles, Person(id=0, login=""), policy, "", RULE)
    return refused.who_may if isinstance(refused, Refused) else ()


def why_not_approved(record: RequestRecord) -> str | None:
    """Return why the plan has no valid yes, as a phrase; None when it has one."""
    approval = record.approval
    if approval is None:
        return "nobody has approved it yet"
    return why_void(approval, record.plan_commit, record.request.digest)


def why_void(approval: Approval, plan_commit: Sha | None, digest: str) -> str | None:
    """Return why a yes does not hold for this plan and this text, as a phrase; None when it does."""
    if approval.digest != digest:
        return "the request was edited after that"
    if approval.plan_commit != plan_commit:
        return "the plan was changed after that"
    return None


def approved_risk(record: RequestRecord) -> Risk:
    """Return up to which risk the work on a request has been approved by a person; low where none has."""
    if not needs_approval(record.plan.risk) or why_not_approved(record) is not None:
        return Risk.LOW
    return record.plan.risk


def held_back(record: RequestRecord, job: JobRecord) -> str | None:
    """Return why a published change is a draft that no machine lands, as a sentence; None when it is not.

    The change may turn out riskier than the plan that was approved, or than a plan that needed no approval.
    And a change of medium risk or more is validated by a check that shows its effect, not only by checks that
    passed before as well.
    """
    approved = approved_risk(record)
    if job.report.risk.rank > approved.rank:
        was = f"the approved plan's is {approved}" if needs_approval(approved) else "the plan's was low"
        return f"The change's risk is {job.report.risk}, and {was}."
    if needs_approval(job.report.risk) and not _shows_effect(job.report.evidence):
        return f"No check shows that it works, which a change of {job.report.risk} risk needs."
    return None


def _shows_effect(evidence: Evidence | None) -> bool:
    """True when a check shows what the change does; what still fails besides, as before, undoes nothing."""
    if evidence is None:
        return False
    return not evidence.thin or (evidence.left > 0 and bool(mended(evidence)))


def may_land(record: RequestRecord, job: JobRecord, approvers: tuple[Person, ...]) -> str | None:
    """Return why a machine may not land a published change, as a sentence; None when it may.

    `approvers` are people whose role lets them approve, and who approved exactly the published commit.
    """
    why = held_back(record, job)
    if why is None or any(not _is_author(person, record) and not person.bot for person in approvers):
        return None
    authors = " or ".join(f"`{author.login}`" for author in record.request.authors)
    return f"{why} Somebody other than {authors} approves the pull request first."
