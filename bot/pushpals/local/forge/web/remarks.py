"""Comments on lines of a diff: those of a review that is not sent yet, and where threads stand."""

from dataclasses import dataclass

from pushpals.local.forge.app_entities import CheckRun
from pushpals.local.forge.entities import PullRequest, Review, ReviewComment, ReviewThread
from pushpals.local.forge.reviews import Remark
from pushpals.local.forge.store import Store

Place = tuple[str, int]
"""A path, and a line of the new version of the file."""


@dataclass(frozen=True)
class Talk:
    """A review thread with its comments, as the pages show it."""

    thread: ReviewThread
    comments: list[ReviewComment]

    @property
    def hunk(self) -> list[str]:
        """The lines of the diff that lead to it."""
        return self.comments[0].diff_hunk.splitlines() if self.comments else []


class Drafts:
    """What people wrote on lines and did not send yet. A restart of the forge forgets it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], list[Remark]] = {}

    def of(self, login: str, pull: PullRequest) -> list[Remark]:
        """What this person has in hand for a pull request."""
        return list(self._kept.get((login, pull.id), ()))

    def add(self, login: str, pull: PullRequest, remark: Remark) -> None:
        """Keep a remark for the review."""
        self._kept.setdefault((login, pull.id), []).append(remark)

    def drop(self, login: str, pull: PullRequest, place: Place | None = None) -> None:
        """Forget those of a place, or all of them."""
        left = [] if place is None else [r for r in self.of(login, pull) if (r.path, r.line) != place]
        self._kept[login, pull.id] = left


def threads_of(store: Store, pull: PullRequest) -> list[Talk]:
    """The threads of a pull request, oldest first."""
    return [Talk(thread, store.comments_in(thread)) for thread in store.threads_of(pull)]


def begun_in(talks: list[Talk]) -> dict[int, list[Talk]]:
    """Threads by the review that began them."""
    found: dict[int, list[Talk]] = {}
    for talk in talks:
        found.setdefault(talk.comments[0].review_id, []).append(talk)
    return found


def at_lines(talks: list[Talk]) -> dict[Place, list[Talk]]:
    """Threads by the line they stand on now; outdated ones stand on none."""
    found: dict[Place, list[Talk]] = {}
    for talk in talks:
        if talk.thread.line is not None:
            found.setdefault((talk.thread.path, talk.thread.line), []).append(talk)
    return found


def says_something(review: Review, begun: dict[int, list[Talk]]) -> bool:
    """Whether a review shows in the conversation: GitHub makes an empty one for each answer in a thread."""
    return bool(review.state != "COMMENTED" or review.body.strip() or begun.get(review.id))


def waiting(runs: list[CheckRun]) -> list[CheckRun]:
    """The newest run of each name, where it has buttons."""
    newest = {run.name: run for run in sorted(runs, key=lambda run: run.id)}
    return [run for run in newest.values() if run.actions]
