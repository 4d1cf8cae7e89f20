"""From an issue to a well-formed request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushpals.audit.text import clean_untrusted, strip_unseen
from pushpals.localbuddy.commands import commands_of
from pushpals.localbuddy.form import read_form
from pushpals.model import Request
from pushpals.policy.access import roles_that_may

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pushpals.github import CommentView, LinkedView, SubjectView
    from pushpals.model import Person
    from pushpals.policy.repo_policy import RepoPolicy

BODY_LIMIT = 20_000
"""Characters of an issue's text that a model is shown; the digest covers all of it."""
COMMENTS_LIMIT = 6_000
"""Characters of the comments that a model is shown besides; the oldest are left out first."""
MOST_PEOPLE = 5
MOST_LINKS = 5
_MENTION = re.compile(r"(?<![\w/&#])#(?P<number>[0-9]{1,9})\b")


def request_of(number: int, title: str, body: str, asker: Person, cause: str, asked_at: datetime) -> Request:
    """Return the request that a title and a text make by themselves; see `read_request`."""
    # GitHub shows a title as it is written: nothing in it is hidden but what cannot be seen at all.
    seen, cleaned = strip_unseen(title), clean_untrusted(body)
    removed = dict.fromkeys((*seen.removed, *cleaned.removed))
    text = cleaned.text
    if len(text) > BODY_LIMIT:
        text = text[:BODY_LIMIT]
        removed[f"everything after the first {BODY_LIMIT:,} characters"] = None
    return Request(
        number=number,
        title=seen.text.strip() or f"Issue {number}",
        body=text,
        digest=Request.digest_of(title, body),
        asker=asker,
        cause=cause,
        asked_at=asked_at,
        cleaned=tuple(removed),
        brief=read_form(text),
    )


def read_request(
    view: SubjectView,
    cause: str,
    asker: Person,
    asked_at: datetime,
    said: Sequence[CommentView] = (),
    *,
    linked: Sequence[LinkedView] = (),
) -> Request:
    """Return the request an issue makes: its text cleaned, with the digest of the text as it stands.

    What cleaning took out (hidden HTML, zero-width characters …) is listed in `cleaned`. `said` are the
    comments that belong to the request, `linked` what it mentions; see `comments_to_show` and `mentioned`.
    The digest is of title and text alone.
    """
    asked = request_of(view.number, view.title, view.body, asker, cause, asked_at)
    removed = dict.fromkeys(asked.cleaned)
    body = _with_links(_with_comments(asked.body, said, removed), linked)
    return asked.model_copy(update={"body": body, "cleaned": tuple(removed)})


def _with_comments(text: str, said: Sequence[CommentView], removed: dict[str, None]) -> str:
    """Return the text with comments below it, oldest first; old ones are left out when there is no room."""
    shown: list[str] = []
    left = COMMENTS_LIMIT
    for comment in reversed(said):
        cleaned = clean_untrusted(comment.body)
        removed.update(dict.fromkeys(cleaned.removed))
        login = comment.author.login if comment.author else "ghost"
        part = f"{login} commented:\n{cleaned.text.strip()}"
        if len(part) > left:
            removed["older comments, for their length"] = None
            break
        left -= len(part)
        shown.insert(0, part)
    return "\n\n".join([text, *shown]) if shown else text


def mentioned(view: SubjectView, said: Sequence[CommentView] = ()) -> tuple[int, ...]:
    """Return the numbers of the issues and pull requests that a request mentions, the first few."""
    whole = "\n".join([view.title, view.body[:BODY_LIMIT], *(comment.body for comment in said)])
    numbers = (int(found["number"]) for found in _MENTION.finditer(whole))
    return tuple(dict.fromkeys(n for n in numbers if 0 < n != view.number))[:MOST_LINKS]


def _with_links(text: str, linked: Sequence[LinkedView]) -> str:
    if not linked:
        return text
    kinds = {"issue": "issue", "pull": "pull request"}
    lines = [f"#{each.number} ({kinds[each.kind]}, {each.state.lower()}): {_title(each)}" for each in linked]
    return "\n".join([text, "", "Mentioned:", *lines])


def _title(linked: LinkedView) -> str:
    return " ".join(strip_unseen(linked.title).text.split())[:200]


def people_who_commented(view: SubjectView) -> tuple[Person, ...]:
    """Return who lately wrote, or changed, comments that may belong to the request; their roles decide.

    To ask for a role costs a request, so it is asked for a few people only; others are taken to have none.
    """
    newest_first = reversed(_candidates(view))
    people = (who for comment in newest_first for who in (comment.author, comment.editor) if who)
    return tuple({person.id: person for person in people if not person.bot}.values())[:MOST_PEOPLE]


def comments_to_show(
    view: SubjectView, roles: Mapping[int, str], policy: RepoPolicy
) -> tuple[CommentView, ...]:
    """Return the comments that belong to the request: of people who may start work, or of all by policy."""
    may = set(roles_that_may(policy))

    def trusted(person: Person | None) -> bool:
        return person is not None and roles.get(person.id) in may

    return tuple(
        comment
        for comment in _candidates(view)
        if policy.access.outsiders
        or (trusted(comment.author) and (comment.last_edited_at is None or trusted(comment.editor)))
    )


def _candidates(view: SubjectView) -> list[CommentView]:
    """Return the comments of people that say something besides commands."""
    return [
        comment
        for comment in view.comments
        if not comment.mine
        and comment.author is not None
        and not comment.author.bot
        and not commands_of(comment.id, comment.body)
    ]
