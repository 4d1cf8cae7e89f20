"""From an issue to a well-formed request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.text import clean_untrusted, strip_unseen
from pushpals.model import Request

if TYPE_CHECKING:
    from datetime import datetime

    from pushpals.github import SubjectView
    from pushpals.model import Person

BODY_LIMIT = 20_000
"""Characters of an issue's text that a model is shown; the digest covers all of it."""


def read_request(view: SubjectView, cause: str, asker: Person, asked_at: datetime) -> Request:
    """Return the request an issue makes: its text cleaned, with the digest of the text as it stands.

    What cleaning took out (hidden HTML, zero-width characters …) is listed in `cleaned`.
    """
    # GitHub shows a title as it is written: nothing in it is hidden but what cannot be seen at all.
    title, body = strip_unseen(view.title), clean_untrusted(view.body)
    removed = dict.fromkeys((*title.removed, *body.removed))
    text = body.text
    if len(text) > BODY_LIMIT:
        text = text[:BODY_LIMIT]
        removed[f"everything after the first {BODY_LIMIT:,} characters"] = None
    return Request(
        number=view.number,
        title=title.text.strip() or f"Issue {view.number}",
        body=text,
        digest=Request.digest_of(view.title, view.body),
        asker=asker,
        cause=cause,
        asked_at=asked_at,
        cleaned=tuple(removed),
    )
