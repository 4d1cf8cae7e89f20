"""What was said and what happened on an issue or pull request, in order, and who may do what there."""

from dataclasses import dataclass
from typing import Literal

from pushpals.local.forge.entities import Comment, Issue, Label, PullRequest, Repo, Review, TimelineEvent
from pushpals.local.forge.store import Store
from pushpals.local.forge.web.remarks import begun_in, says_something, threads_of
from pushpals.local.forge.web.site import Visit

Kind = Literal["comment", "review", "event"]
_KINDS: dict[type, Kind] = {Comment: "comment", Review: "review", TimelineEvent: "event"}


@dataclass(frozen=True)
class Rights:
    """What one person may do on one issue or pull request, as on GitHub."""

    write: bool
    label: bool
    edit: bool
    """Change title and text."""
    close: bool


def rights(visit: Visit, repo: Repo, subject: Issue | PullRequest) -> Rights:
    """What the visitor may do."""
    own = visit.account is not None and subject.author == visit.account.login
    triage = visit.can_triage(repo)
    return Rights(visit.can_write(repo), triage, visit.may_edit(repo, subject), own or triage)


def conversation(
    store: Store, subject: Issue | PullRequest
) -> list[tuple[Kind, Comment | Review | TimelineEvent]]:
    """Comments, reviews and events, oldest first."""
    events = store.timeline_of(subject)
    if isinstance(subject, PullRequest):
        # A merge closes, too; saying it once is enough.
        events = [event for event in events if not (event.kind == "closed" and subject.merged_at)]
        begun = begun_in(threads_of(store, subject))
        found: list[Comment | Review | TimelineEvent] = [
            review for review in store.reviews_of(subject) if says_something(review, begun)
        ]
    else:
        found = []
    found += [*store.comments_of(subject), *events]
    # Ids are given in the order of time, while times are whole seconds.
    return [(_KINDS[type(one)], one) for one in sorted(found, key=lambda one: one.id)]


def other_labels(store: Store, subject: Issue | PullRequest) -> list[Label]:
    """The repository's labels that are not on it."""
    labels = (label for label in store.labels.values() if label.repo_id == subject.repo_id)
    return sorted((x for x in labels if x.id not in subject.label_ids), key=lambda x: x.name)
