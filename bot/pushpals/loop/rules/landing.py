"""What people say about landing: to put a pull request on the merge train, and to take a merged one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.audit.prose import answers
from pushpals.loop import steps
from pushpals.loop.rules.common import plan_jobs
from pushpals.loop.rules.integration import RIDING, integrate_steps, waits_for_the_word, why_not_land
from pushpals.loop.rules.places import job_branch, jobs_here
from pushpals.model import JobState
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from pushpals.localbuddy.commands import Command
    from pushpals.localbuddy.heard import Heard
    from pushpals.localbuddy.utterances import Place
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord
    from pushpals.policy.repo_policy import RepoPolicy


MOST_JOBS: Final = 17
"""Jobs of one plan, those that take others back with them: one look reads two commits of each, and a few more
(`pushpals.github.documents.MAX_COMMITS`)."""


def may_integrate(s: Snapshot, place: Place) -> bool:
    """Whether there is a pull request here that could get on the train."""
    return job_branch(place) is not None and any(waits_for_the_word(job) for job in jobs_here(s, place))


def integrate(s: Snapshot, policy: RepoPolicy, heard: Heard, _command: Command) -> str | list[steps.Step]:
    """Put the pull request on the train, or say why not."""
    place = heard.utterance.place
    if job_branch(place) is None or not (jobs := jobs_here(s, place)):
        return answers.not_now(Verb.INTEGRATE, "say it on an open pull request of PushPals.")
    job = jobs[-1]
    if job.state in RIDING:
        return answers.not_now(Verb.INTEGRATE, "it waits for the train, or is on it.")
    if not waits_for_the_word(job):
        return answers.not_now(Verb.INTEGRATE, "work on it is under way, or has ended.")
    if why := why_not_land(s, policy, job):
        return answers.not_now(Verb.INTEGRATE, why)
    return integrate_steps(s, policy, job, heard.person, heard.key)


def _to_revert(s: Snapshot, place: Place) -> list[JobRecord]:
    """Return the merged jobs here that nothing takes back, or has taken back."""
    ledger = [entry.record for entry in s.ledger.jobs]
    lost = {JobState.FAILED, JobState.CANCELLED}
    taken = {job.reverts for job in ledger if job.reverts and job.state not in lost}
    return [job for job in jobs_here(s, place) if job.state is JobState.MERGED and job.id not in taken]


def may_revert(s: Snapshot, place: Place) -> bool:
    """Whether there is a merged change here that could be taken back."""
    return bool(_to_revert(s, place))


def revert(s: Snapshot, _policy: RepoPolicy, heard: Heard, command: Command) -> str | list[steps.Step]:
    """Open a pull request that takes a merged change back, or say why not."""
    if len(plan_jobs(s.ledger)) >= MOST_JOBS:
        return answers.not_now(Verb.REVERT, f"the plan has had {MOST_JOBS} jobs. Revert it by hand.")
    found = [job for job in _to_revert(s, heard.utterance.place) if command.job in {None, job.id}]
    if not found:
        return answers.not_now(Verb.REVERT, "nothing here is merged that is not being taken back already.")
    if len(found) > 1:
        names = " or ".join(f"`/pushpals revert {job.id}`" for job in found)
        return answers.not_now(Verb.REVERT, f"several changes are merged. Say {names}.")
    pull = next((pull for pull in s.view.pulls.get(found[0].branch, ()) if pull.merged), None)
    merged_as = pull.merge_sha if pull else None
    return [steps.RevertJob(found[0].id, heard.key, heard.person, merged_as)]
