"""What people say about landing: to put a pull request on the merge train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose import answers
from pushpals.loop.rules.integration import RIDING, integrate_steps, waits_for_the_word, why_not_land
from pushpals.loop.rules.places import job_branch, jobs_here
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from pushpals.localbuddy.commands import Command
    from pushpals.localbuddy.heard import Heard
    from pushpals.localbuddy.utterances import Place
    from pushpals.loop import steps
    from pushpals.loop.snapshot import Snapshot
    from pushpals.policy.repo_policy import RepoPolicy


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
