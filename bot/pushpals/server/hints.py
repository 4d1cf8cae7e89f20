"""From a webhook to hints: which subjects may have changed. Pure, and forgiving of odd payloads."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pushpals.model import Hint, Press, RepoRef, SubjectRef, issue_of_branch

if TYPE_CHECKING:
    from datetime import datetime

OUR_CHECK = re.compile(r"^(?:[a-z]+-)?(?P<number>[0-9]{1,10})(?:-[0-9]+)?$")
"""External ids of our check runs: of a job `42-1`, of a plan `plan-42`."""

EVENTS: Mapping[str, frozenset[str | None]] = {
    "issues": frozenset({"closed", "edited", "labeled", "reopened", "unlabeled"}),
    "issue_comment": frozenset({"created", "edited"}),
    "pull_request": frozenset({"closed", "reopened", "synchronize"}),
    "pull_request_review": frozenset({"dismissed", "edited", "submitted"}),
    "pull_request_review_comment": frozenset({"created", "edited"}),
    "check_run": frozenset({"completed", "requested_action"}),
    "check_suite": frozenset({"completed"}),
    "status": frozenset({None}),
    "push": frozenset({None}),
}
"""The events that can change what is owed, with their actions (None: it has none). All others are ignored."""

_IDS_END = 2**63
"""GitHub's ids fit 64 bits. One that does not would be asked for in vain, again and again."""
_NAME_LENGTH = 32
_BUTTON_LENGTH = 20  # Characters of an identifier (GitHub documentation, "Create a check run").


@dataclass(frozen=True)
class Delivery:
    """A webhook as it came: what its headers say, and when it was taken."""

    event: str
    id: str
    at: datetime
    app_id: int | None = None
    """Id of the App it was sent to."""


def of_interest(event: str, action: object) -> bool:
    """Tell whether an event can change what is owed, as far as its name and action tell."""
    return isinstance(action, str | None) and action in EVENTS.get(event, ())


def hint_of(delivery: Delivery, payload: Mapping[str, Any]) -> Hint | None:
    """Return the hint in a webhook payload; None when the event is of no interest or makes no sense.

    What happens to a branch of ours points at the issue that it is for; what happens to another branch, at
    the repository's integration; a conversation on any other pull request, at that pull request. What bots
    write is no reason to look: they command nothing, and what we wrote ourselves we know.
    """
    action = payload.get("action")
    read = _READ.get(delivery.event)
    if read is None or not of_interest(delivery.event, action):
        return None
    full_name = _at(payload, "repository", "full_name")
    place = read(payload, delivery)
    if place is None or not isinstance(full_name, str):
        return None
    installation = _whole(_at(payload, "installation", "id"))
    try:
        hint = _plain(full_name, place.number, installation)
    except ValueError:
        return None
    return hint.model_copy(update={"presses": (place.press,)}) if place.press else hint


@lru_cache(maxsize=4096)
def _plain(full_name: str, number: int | None, installation: int | None) -> Hint:
    """Return a hint without presses, often asked for again; raises ValueError for what is no subject."""
    repo = RepoRef.parse(full_name)
    if number is None:
        return Hint.of_train(repo, installation)
    return Hint(ref=SubjectRef(repo=repo, number=number), installation=installation)


@dataclass(frozen=True)
class _Place:
    """Where to look: at a subject, or with None at the repository's integration."""

    number: int | None
    press: Press | None = None


_TRAIN = _Place(None)


def _subject(number: int | None) -> _Place | None:
    return None if number is None else _Place(number)


def _issue(payload: Mapping[str, Any], _: Delivery) -> _Place | None:
    ours = payload.get("action") == "edited" and _by_bot(payload)
    return None if ours else _subject(_whole(_at(payload, "issue", "number")))


def _issue_comment(payload: Mapping[str, Any], _: Delivery) -> _Place | None:
    return None if _by_bot(payload) else _subject(_whole(_at(payload, "issue", "number")))


def _review(payload: Mapping[str, Any], _: Delivery) -> _Place | None:
    if _by_bot(payload):
        return None
    ours = _issue_of(_at(payload, "pull_request", "head", "ref"))
    return _subject(ours or _whole(_at(payload, "pull_request", "number")))


def _pull_request(payload: Mapping[str, Any], _: Delivery) -> _Place | None:
    ours = _issue_of(_at(payload, "pull_request", "head", "ref"))
    if ours is not None:
        by_us = payload.get("action") == "synchronize" and _by_bot(payload)
        return None if by_us else _Place(ours)
    is_pull = isinstance(_at(payload, "pull_request", "head", "ref"), str)
    return _TRAIN if is_pull and payload.get("action") in {"closed", "reopened"} else None


def _check_run(payload: Mapping[str, Any], delivery: Delivery) -> _Place | None:
    if payload.get("action") == "requested_action":
        return _pressed(payload, delivery)
    return _ci(payload, delivery, "check_run", _at(payload, "check_run", "check_suite", "head_branch"))


def _check_suite(payload: Mapping[str, Any], delivery: Delivery) -> _Place | None:
    return _ci(payload, delivery, "check_suite", _at(payload, "check_suite", "head_branch"))


def _ci(payload: Mapping[str, Any], delivery: Delivery, kind: str, branch: object) -> _Place | None:
    app = _whole(_at(payload, kind, "app", "id"))
    if app is not None and app == delivery.app_id:
        return None
    pulls = _at(payload, kind, "pull_requests")
    heads = [_at(pull, "head", "ref") for pull in pulls] if isinstance(pulls, list) else []
    return _branches([branch, *heads])


def _status(payload: Mapping[str, Any], _: Delivery) -> _Place | None:
    found = payload.get("branches")
    if payload.get("state") == "pending" or not isinstance(found, list):
        return None
    return _branches([_at(branch, "name") for branch in found])


def _push(payload: Mapping[str, Any], _: Delivery) -> _Place | None:
    ref = payload.get("ref")
    if not isinstance(ref, str) or not ref.startswith("refs/heads/"):
        return None
    return _TRAIN if _issue_of(ref.removeprefix("refs/heads/")) is None else None


def _own(run: object, delivery: Delivery) -> bool:
    """Tell whether a check run is the App's own, as far as that is told: others may name theirs alike."""
    app = _whole(_at(run, "app", "id"))
    return app is None or delivery.app_id is None or app == delivery.app_id


def _pressed(payload: Mapping[str, Any], delivery: Delivery) -> _Place | None:
    sender, run = payload.get("sender"), payload.get("check_run")
    external, action = _at(run, "external_id"), _at(payload, "requested_action", "identifier")
    found = OUR_CHECK.match(external) if isinstance(external, str) else None
    if (
        not _own(run, delivery)
        or found is None
        or not isinstance(action, str)
        or len(action) > _BUTTON_LENGTH
        or _by_bot(payload)
    ):
        return None
    try:
        press = Press.model_validate(
            {
                "id": _name_of(payload),
                "person": {"id": _whole(_at(sender, "id")), "login": _at(sender, "login")},
                "action": action,
                "external_id": external,
                "check_run": _whole(_at(run, "id")),
                "at": delivery.at,
            }
        )
    except ValidationError:
        return None
    return _Place(int(found["number"]), press)


def _name_of(payload: Mapping[str, Any]) -> str:
    """Return a name for what is told: the same for whatever repeats it, through whichever door.

    The headers, the delivery's id among them, are not signed, and the log of deliveries gives no raw body.
    """
    told = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()[:_NAME_LENGTH]


_READ: Mapping[str, Callable[[Mapping[str, Any], Delivery], _Place | None]] = {
    "issues": _issue,
    "issue_comment": _issue_comment,
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "pull_request_review_comment": _review,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "status": _status,
    "push": _push,
}


def _branches(names: list[object]) -> _Place | None:
    """Return where news of a commit on these branches belong; the first that is known decides."""
    known = [name for name in names if isinstance(name, str)]
    ours = [number for number in map(_issue_of, known) if number is not None]
    return _Place(ours[0]) if ours else _TRAIN if known else None


def _issue_of(branch: object) -> int | None:
    return issue_of_branch(branch) if isinstance(branch, str) else None


def _by_bot(payload: Mapping[str, Any]) -> bool:
    return _at(payload, "sender", "type") == "Bot"


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
