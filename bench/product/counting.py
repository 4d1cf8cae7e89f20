"""What stands for GitHub in a simulation: it answers at once, counts, and refuses what GitHub would."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pushpals.github.transport import Answer, Call, Transport

HOUR: Final = 3_600.0
MINUTE: Final = 60.0
REQUESTS, CREATIONS, CREATIONS_A_MINUTE = 5_000, 500, 80
"""What an installation has in an hour, for REST and for GraphQL each; what it may create."""
_CREATES: Final = re.compile(
    rb"\b(?:addComment|createPullRequest|addPullRequestReview|addPullRequestReviewThreadReply|mergePullRequest)\("
)
_SHORT = "1970-01-01T00:00:00Z"
_NONE: Mapping[str, Any] = {"nodes": []}
_SUBJECT: Final = {
    "viewer": {"databaseId": 9, "login": "pushpals[bot]"},
    "repository": {
        "id": "R_1",
        "databaseId": 1,
        "nameWithOwner": "octo/names",
        "isPrivate": False,
        "defaultBranchRef": {"name": "main", "target": {"oid": "0" * 40}},
        "url": "https://github.example/octo/names",
        "issueOrPullRequest": {
            "__typename": "Issue",
            "id": "I_1",
            "number": 1,
            "title": "It fails",
            "body": "x" * 1_000,
            "issueState": "OPEN",
            "author": None,
            "editor": None,
            "createdAt": _SHORT,
            "lastEditedAt": None,
            "url": "https://github.example/octo/names/issues/1",
            "labels": _NONE,
            "early": {"totalCount": 0, "nodes": []},
            "late": _NONE,
            "timelineItems": _NONE,
            "reactionGroups": [],
        },
    },
}
_ANSWERS: Final[Mapping[str, Any]] = {
    "role": {"user": {"id": 5}, "role_name": "write"},
    "subject": {"data": _SUBJECT},
    "write": {"data": {"m0": None}},
    "open_issues": {
        "data": {
            "repository": {
                "issues": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
                "touchedIssues": _NONE,
                "touchedPulls": _NONE,
            }
        }
    },
}


def private_key() -> str:
    """Return a new key for an App."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, unlocked = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, unlocked).decode()


@dataclass
class CountingGitHub:
    """Answers in the place of `Transport._exchange`. It reads from the documents what they create."""

    clock: Callable[[], float]
    repositories: Sequence[str] = ()
    limits: bool = True
    """Whether it refuses what is too much."""
    asked: dict[str, list[float]] = field(default_factory=lambda: {"rest": [], "graphql": []})
    created: list[float] = field(default_factory=list)
    refused: int = 0
    _left: dict[str, tuple[float, int]] = field(default_factory=dict)

    async def exchange(
        self,
        _transport: Transport,
        call: Call,
        _method: str,
        url: str,
        _headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        """Answer a request."""
        now = self.clock()
        reset, left = self._left.get(call.kind, (0.0, 0))
        if now >= reset:
            reset, left = now + HOUR, REQUESTS
        left -= 1
        self._left[call.kind] = reset, left
        self.asked[call.kind].append(now)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "x-ratelimit-limit": str(REQUESTS),
            "x-ratelimit-remaining": str(max(0, left)),
            "x-ratelimit-reset": str(int(reset)),
        }
        if left < 0 and self.limits:
            self.refused += 1
            return 403, headers, b'{"message": "API rate limit exceeded"}'
        new = len(_CREATES.findall(body))
        if new and not self._may_create(new, now):
            self.refused += 1
            return 403, {**headers, "retry-after": "60"}, b'{"message": "secondary rate limit"}'
        self.created += [now] * new
        if call.name == "repositories":
            return 200, {**headers, **self._next(url)}, self._page(url)
        if call.name == "token":
            expires = datetime.fromtimestamp(now + HOUR, UTC).isoformat()
            return 201, headers, json.dumps({"token": f"token-{int(now)}", "expires_at": expires}).encode()
        return 200, headers, json.dumps(_ANSWERS[call.name]).encode()

    def _may_create(self, new: int, now: float) -> bool:
        return (
            within(self.created, now - HOUR) + new <= CREATIONS
            and within(self.created, now - MINUTE) + new <= CREATIONS_A_MINUTE
        )

    def _page(self, url: str) -> bytes:
        first = 100 * (_page_of(url) - 1)
        some = [{"full_name": name} for name in self.repositories[first : first + 100]]
        return json.dumps({"total_count": len(self.repositories), "repositories": some}).encode()

    def _next(self, url: str) -> dict[str, str]:
        page = _page_of(url)
        if 100 * page >= len(self.repositories):
            return {}
        return {"link": f'<{url.partition("?")[0]}?per_page=100&page={page + 1}>; rel="next"'}


def _page_of(url: str) -> int:
    found = re.search(r"[?&]page=(\d+)", url)
    return int(found[1]) if found else 1


def within(times: Sequence[float], since: float) -> int:
    """Return how many of ascending `times` are after `since`."""
    count = 0
    for at in reversed(times):
        if at <= since:
            break
        count += 1
    return count


def fullest(times: Sequence[float], span: float) -> int:
    """Return how many of ascending `times` lie within any `span` seconds, at most."""
    window, most = deque[float](), 0
    for at in times:
        window.append(at)
        while window[0] <= at - span:
            window.popleft()
        most = max(most, len(window))
    return most
