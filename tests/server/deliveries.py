"""Webhooks as GitHub sends them, to a door that may have nobody behind it."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from pushpals.model import Hint, RepoRef, SubjectRef
from pushpals.server import hints
from pushpals.server.door import Door

SECRET = b"hush"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LABELED = {
    "action": "labeled",
    "issue": {"number": 42},
    "repository": {"full_name": "octo/names"},
    "installation": {"id": 7},
}


def signature(body: bytes, secret: bytes = SECRET) -> str:
    """Return the value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def hint(number: int, repo: str = "octo/names") -> Hint:
    """Return a hint at an issue."""
    return Hint(ref=SubjectRef(repo=RepoRef.parse(repo), number=number))


def hint_of(event: str, payload: Mapping[str, Any], app: int = 31) -> Hint | None:
    """Return what the door makes of a delivery."""
    return hints.hint_of(hints.Delivery(event, "a-b-c", NOON, app), payload)


@dataclass(frozen=True)
class Sender:
    """Sends deliveries to a door and returns status and text of the answers."""

    door: Door
    session: aiohttp.ClientSession

    async def raw(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Send a body with these headers alone."""
        async with self.session.post(
            f"{self.door.url}/webhook", data=io.BytesIO(body), headers=headers
        ) as answer:
            return answer.status, await answer.text()

    async def signed(self, body: bytes, event: str = "issues", guid: str = "a-b-c") -> tuple[int, str]:
        """Send a body that is signed with the right secret."""
        headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": guid, "Content-Type": "application/json"}
        return await self.raw(body, {**headers, "X-Hub-Signature-256": signature(body)})

    async def event(self, event: str, payload: object, guid: str = "a-b-c") -> tuple[int, str]:
        """Send a payload as an event."""
        return await self.signed(json.dumps(payload).encode(), event, guid)
