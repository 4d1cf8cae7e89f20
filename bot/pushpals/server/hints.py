"""From a webhook to hints: which subjects may have changed. Pure, and forgiving of odd payloads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pushpals.model import Hint, RepoRef, SubjectRef

if TYPE_CHECKING:
    from collections.abc import Mapping

AGENT_BRANCH = re.compile(r"^agent/[^/]+/(?P<number>[0-9]{1,10})-[0-9]+$")

EVENTS = {
    "issues": frozenset({"closed", "reopened", "labeled", "unlabeled"}),
    "pull_request": frozenset({"closed", "reopened"}),
}
"""The events that can change what is owed, with their actions. All others are ignored."""


_IDS_END = 2**63
"""GitHub's ids fit 64 bits. One that does not would be asked for in vain, again and again."""


def hint_of(event: str, payload: Mapping[str, Any]) -> Hint | None:
    """Return the hint in a webhook payload; None when the event is of no interest or makes no sense.

    A pull request from an agent branch points at the issue that asked for it.
    """
    action = payload.get("action")
    if not isinstance(action, str) or action not in EVENTS.get(event, frozenset()):
        return None
    number = _number(event, payload)
    full_name = _at(payload, "repository", "full_name")
    if number is None or not isinstance(full_name, str):
        return None
    try:
        ref = SubjectRef(repo=RepoRef.parse(full_name), number=number)
    except ValueError:
        return None
    return Hint(ref=ref, installation=_whole(_at(payload, "installation", "id")))


def _number(event: str, payload: Mapping[str, Any]) -> int | None:
    if event == "issues":
        return _whole(_at(payload, "issue", "number"))
    return _match(AGENT_BRANCH, _at(payload, "pull_request", "head", "ref"))


def _match(pattern: re.Pattern[str], text: object) -> int | None:
    found = pattern.match(text) if isinstance(text, str) else None
    return int(found["number"]) if found else None


def _whole(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 < value < _IDS_END else None


def _at(value: object, *keys: str) -> object:
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
