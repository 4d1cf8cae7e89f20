"""Everything that people say on an issue and its pull requests, wherever they say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.github import AddComment, AddReaction, ReplyToThread
from pushpals.localbuddy.commands import commands_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pushpals.github import CommentView, Mutation, PullView, ReviewView, SubjectView, ThreadView
    from pushpals.localbuddy.commands import Said
    from pushpals.model import Person


@dataclass(frozen=True)
class Place:
    """Where something was said, and so where it is answered."""

    subject: str
    """Id of the issue or pull request."""
    pull: PullView | None = None
    thread: ThreadView | None = None

    def answer(self, body: str) -> Mutation:
        """Return the write that answers here: in the thread where it is one."""
        return ReplyToThread(self.thread.id, body) if self.thread else AddComment(self.subject, body)


@dataclass(frozen=True)
class Utterance:
    """A comment or a review of a person."""

    id: str
    author: Person | None
    editor: Person | None
    """Who changed it last, if anybody did: then both answer for what it says."""
    body: str
    at: datetime
    """When it was written or last changed."""
    written: datetime
    reacted: frozenset[str]
    place: Place
    mine: bool

    @property
    def people(self) -> tuple[Person, ...]:
        """Who answers for what it says."""
        both = (self.author, self.editor)
        return tuple({person.id: person for person in both if person}.values())

    def said(self, slug: str) -> tuple[Said, ...]:
        """Return the commands in it; none in what a bot wrote."""
        if self.mine or self.author is None or any(person.bot for person in self.people):
            return ()
        return commands_of(self.id, self.body, slug)

    def acknowledge(self) -> tuple[Mutation, ...]:
        """Return the reaction that says it was read, unless it stands there."""
        return () if "EYES" in self.reacted else (AddReaction(self.id, "EYES"),)


def utterances(view: SubjectView) -> tuple[Utterance, ...]:
    """Return all comments and reviews that were read, ours too, the oldest first, each once."""
    found: dict[str, Utterance] = {}
    for utterance in _all(view):
        found.setdefault(utterance.id, utterance)
    return tuple(sorted(found.values(), key=lambda each: (each.written, each.id)))


def _all(view: SubjectView) -> Iterator[Utterance]:
    for comment in view.comments:
        yield _comment(comment, Place(view.id, view.pull))
    for pull in (*((view.pull,) if view.pull else ()), *(p for found in view.pulls.values() for p in found)):
        for comment in pull.comments:
            yield _comment(comment, Place(pull.id, pull))
        for review in pull.reviews:
            if review.submitted_at:
                yield _review(review, review.submitted_at, Place(pull.id, pull))
        for thread in pull.threads:
            for comment in thread.comments:
                yield _comment(comment, Place(pull.id, pull, thread))


def _comment(comment: CommentView, place: Place) -> Utterance:
    return Utterance(
        id=comment.id,
        author=comment.author,
        editor=comment.editor if comment.last_edited_at else None,
        body=comment.body,
        at=comment.last_edited_at or comment.created_at,
        written=comment.created_at,
        reacted=comment.reacted,
        place=place,
        mine=comment.mine,
    )


def _review(review: ReviewView, submitted: datetime, place: Place) -> Utterance:
    return Utterance(
        id=review.id,
        author=review.author,
        editor=review.editor if review.last_edited_at else None,
        body=review.body,
        at=review.last_edited_at or submitted,
        written=submitted,
        reacted=review.reacted,
        place=place,
        mine=review.mine,
    )
