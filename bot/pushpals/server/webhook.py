"""The webhook endpoint: verify the raw bytes, keep only the hint, answer 202."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from pushpals.server.hints import Delivery, hint_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pushpals.model import Hint

log = logging.getLogger(__name__)

_ID_DIGITS = 20

BODY_LIMIT = 25 * 1024 * 1024
"""GitHub caps webhook payloads at 25 MB (docs.github.com, "Webhook events and payloads")."""


def signature_ok(secret: bytes, body: bytes, header: str | None) -> bool:
    """True when `header` is the SHA-256 HMAC of the raw body. Compared in constant time; no SHA-1."""
    expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return header is not None and hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))


def webhook_handler(
    secret: bytes,
    put: Callable[[Hint], Awaitable[None]],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of `POST /webhook`.

    401: signature missing or wrong, nothing parsed. 413: body over 25 MB. 400: signed, but not a JSON object.
    202: taken, or of no interest.
    """

    async def receive(request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text="The body is over 25 MB, more than GitHub sends.\n")
        if not signature_ok(secret, body, request.headers.get("X-Hub-Signature-256")):
            return web.Response(
                status=401,
                text="The signature does not match. The App and this server need the same webhook secret.\n",
            )
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            return web.Response(
                status=400,
                text="The body is not a JSON object. Set the webhook's content type to application/json.\n",
            )
        event = request.headers.get("X-GitHub-Event", "")
        delivery = Delivery(
            event=event,
            id=request.headers.get("X-GitHub-Delivery", "-")[:40],
            at=now(),
            app_id=_app_of(request),
        )
        hint = hint_of(delivery, payload)
        if hint:
            await put(hint)
        log.info(
            "delivery %s %s.%s: %s",
            delivery.id,
            event[:40],
            str(payload.get("action"))[:40],
            _named(hint),
        )
        return web.Response(status=202)

    return receive


def _named(hint: Hint | None) -> str:
    if hint is None:
        return "ignored"
    return f"the train of {hint.ref.repo}" if hint.train else str(hint.ref)


def _app_of(request: web.Request) -> int | None:
    """Return the id of the App that GitHub sent this to, which its headers tell."""
    target = request.headers.get("X-GitHub-Hook-Installation-Target-ID", "")
    return int(target) if target.isdecimal() and len(target) < _ID_DIGITS else None
