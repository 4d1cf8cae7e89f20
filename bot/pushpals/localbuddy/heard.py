"""Which commands on an issue or pull request have no answer yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pushpals.audit.prose import answers
from pushpals.localbuddy.commands import Command
from pushpals.localbuddy.picture import may_be_unread
from pushpals.localbuddy.utterances import utterances
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from pushpals.github import Mutation, SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.localbuddy.commands import Said
    from pushpals.localbuddy.utterances import Utterance
    from pushpals.model import Person

LATE: Final = timedelta(days=3)
"""What nobody heard for so long is not acted on any more: GitHub redelivers a webhook for three days."""


@dataclass(frozen=True)
class Heard:
    """One command, with the comment it stands in."""

    utterance: Utterance
    said: Said

    @property
    def key(self) -> str:
        """The command's name for good."""
        return self.said.key

    @property
    def verb(self) -> Verb:
        """What right it takes; a mistake takes that of `help`."""
        return self.said.verb if isinstance(self.said, Command) else Verb.HELP

    @property
    def person(self) -> Person:
        """Who wrote it."""
        return self.utterance.people[0]

    def answer(self, text: str) -> tuple[Mutation, ...]:
        """Return the writes that answer it where it was said, with the reaction if that is missing."""
        body = answers.answer(self.key, text)
        return (*self.utterance.acknowledge(), self.utterance.place.answer(body))


def pending(view: SubjectView, ledger: LedgerView, now: datetime) -> tuple[Heard, ...]:
    """Return the commands that are neither answered nor acted on, the oldest first."""
    said = utterances(view)
    done = acted_on(ledger).union(*(answers.answered_keys(each.body) for each in said if each.mine))
    slug = view.viewer.login.removesuffix("[bot]")
    return tuple(
        Heard(each, command)
        for each in said
        if now - each.at < LATE and not ("EYES" in each.reacted and may_be_unread(view, each.written))
        for command in each.said(slug)
        if command.key not in done
    )


def acted_on(ledger: LedgerView) -> frozenset[str]:
    """Return the keys of all commands that the ledger says were acted on."""
    causes = set(ledger.request.record.causes) if ledger.request else set()
    for entry in ledger.jobs:
        causes.update(entry.record.served, (order.cause for order in entry.record.orders))
    return frozenset(causes)


def told_off(view: SubjectView) -> Collection[int]:
    """Return the ids of the accounts that were told here that they may not say what they said."""
    return frozenset(
        found for each in utterances(view) if each.mine for found in answers.strangers(each.body)
    )
