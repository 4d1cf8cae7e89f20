"""What people say: each command is acknowledged, judged by who says it, and answered or acted on once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose import answers
from pushpals.localbuddy.commands import Mistake
from pushpals.localbuddy.heard import Heard, pending, told_off
from pushpals.localbuddy.request import people_who_commented
from pushpals.loop import steps
from pushpals.loop.rules.places import is_own
from pushpals.loop.rules.verbs import HANDLERS
from pushpals.policy.access import Refused, may
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from datetime import datetime

    from pushpals.github import SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.loop.rules.acting import Reply
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Person
    from pushpals.policy.repo_policy import RepoPolicy

_OPENS = frozenset({Verb.RUN, Verb.RETRY})


def conversation_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """Serve the oldest command that is owed something; one that waits for a model holds up no other."""
    owed = (_serve(s, policy, heard) for heard in pending(s.view, s.ledger, s.now))
    return next((found for found in owed if found and not isinstance(found[0], steps.Wake)), [])


def waiting_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """Return when to look again at a question that somebody else seems to be answering."""
    owed = [step for heard in pending(s.view, s.ledger, s.now) for step in _serve(s, policy, heard)]
    times = [step.at for step in owed if isinstance(step, steps.Wake)]
    return [steps.Wake(min(times))] if times else []


def people_to_check(view: SubjectView, ledger: LedgerView, now: datetime) -> tuple[Person, ...]:
    """Return the people whose role these rules will ask for: who said something, and what hangs on it."""
    people: list[Person] = []
    for heard in pending(view, ledger, now):
        people += heard.utterance.people
        if heard.verb in _OPENS:
            people += [who for who in (view.editor, *(event.actor for event in view.renamed)) if who]
            people += people_who_commented(view)
    return tuple(people)


def _serve(s: Snapshot, policy: RepoPolicy, heard: Heard) -> list[steps.Step]:
    refusal = _refusal(s, policy, heard)
    if refusal is not None:
        person, refused = refusal
        if person.id in told_off(s.view):
            return []
        text = answers.stranger_refusal(person.id, person.login, refused.reason)
        return [steps.Write((heard.utterance.place.answer(answers.answer(heard.key, text)),), urgent=True)]
    reply = _reply(s, policy, heard)
    if isinstance(reply, str):
        return [steps.Write(heard.answer(reply), urgent=True)]
    if reply and isinstance(reply[0], steps.Wake | steps.AskModel | steps.ReviewPull):
        return reply
    acknowledgement = heard.utterance.acknowledge()
    return [*([steps.Write(acknowledgement)] if acknowledgement else []), *reply]


def _refusal(s: Snapshot, policy: RepoPolicy, heard: Heard) -> tuple[Person, Refused] | None:
    """Return who may not say it, and why: who wrote it and who changed it must both have the right."""
    place = heard.utterance.place
    for person in heard.utterance.people:
        own = is_own(s, person, place)
        verdict = may(heard.verb, s.roles.get(person.id), policy, person, own=own)
        if isinstance(verdict, Refused):
            return person, verdict
    return None


def _reply(s: Snapshot, policy: RepoPolicy, heard: Heard) -> Reply:
    said = heard.said
    if isinstance(said, Mistake):
        return answers.mistake_answer(said.said, said.problem, said.suggestion)
    handler = HANDLERS.get(said.verb)
    if handler is None:
        return answers.not_now(said.verb, "this PushPals cannot do that.")
    return handler.serve(s, policy, heard, said)
