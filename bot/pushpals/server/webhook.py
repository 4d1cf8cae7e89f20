"""The webhook endpoint: verify the raw bytes, keep only the hint, answer 202."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic_core import from_json

from pushpals.server.hints import Delivery, hint_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable

    from pushpals.model import Hint
    from pushpals.server.routes import Handler

log = logging.getLogger(__name__)

_ID_DIGITS = 20

BODY_LIMIT = 25 * 1024 * 1024
"""GitHub caps webhook payloads at 25 MB (docs.github.com, "Webhook events and payloads")."""
BODY_SECONDS = 10.0
"""How long a body may take to arrive: GitHub itself gives up after ten seconds."""
LARGE = 1024 * 1024
LARGE_AT_ONCE = 4
"""Bodies of more than `LARGE` bytes, or of unknown length, that are held in memory at the same time."""

_OUTCOMES = {400: "not_json", 401: "unsigned", 408: "slow", 413: "too_large"}
"""What a refusal is counted as, by its status."""
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_TURNED_AWAY = "The signature does not match. The App and this server need the same webhook secret.\n"


def signature_ok(secret: bytes, body: bytes, header: str | None) -> bool:
    """True when `header` is the SHA-256 HMAC of the raw body. Compared in constant time; no SHA-1."""
    expected = f"sha256={hmac.digest(secret, body, 'sha256').hex()}"
    return header is not None and hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))


def webhook_handler(
    secret: bytes,
    put: Callable[[Hint], Awaitable[None]],
    outcomes: Counter[str],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Handler:
    """Return the handler of `POST /webhook`. `outcomes` counts what became of deliveries.

    401: signature missing or wrong, nothing parsed; without one that could be right, nothing is even read.
    408: the body is too slow. 413: body over 25 MB. 400: signed, but not a JSON object. 202: taken, or of no
    interest.
    """
    large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def receive(request: web.BaseRequest) -> web.Response:
        response = await answer(request)
        if response.status in _OUTCOMES:
            outcomes[_OUTCOMES[response.status]] += 1
        return response

    async def answer(request: web.BaseRequest) -> web.Response:
        header = request.headers.get("X-Hub-Signature-256")
        if not could_be_signed(header):
            return web.Response(status=401, text=_TURNED_AWAY)
        try:
            body = await body_of(request, large)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text="The body is over 25 MB, more than GitHub sends.\n")
        except (TimeoutError, ConnectionError):
            return web.Response(status=408, text="The body did not arrive in time.\n")
        if not signature_ok(secret, body, header):
            return web.Response(status=401, text=_TURNED_AWAY)
        payload = _parsed(body)
        if not isinstance(payload, dict):
            return web.Response(
                status=400,
                text="The body is not a JSON object. Set the webhook's content type to application/json.\n",
            )
        delivery = Delivery(
            event=request.headers.get("X-GitHub-Event", ""),
            id=request.headers.get("X-GitHub-Delivery", "-")[:40],
            at=now(),
            app_id=_app_of(request),
        )
        hint = hint_of(delivery, payload)
        if hint:
            await put(hint)
        outcomes["hint" if hint else "ignored"] += 1
        tell(delivery, payload.get("action"), hint)
        return web.Response(status=202)

    return receive


def _parsed(body: bytes) -> object:
    """Return the JSON of a body; None for none. The quick parser takes no halves of surrogates, say."""
    try:
        return from_json(body, cache_strings="keys")
    except ValueError:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def tell(delivery: Delivery, action: object, hint: Hint | None) -> None:
    """Log a delivery, and what it was taken for."""
    shown = hint.shown if hint else "ignored"
    log.info("delivery %s %s.%s: %s", delivery.id[:40], delivery.event[:40], str(action)[:40], shown)


def could_be_signed(header: str | None) -> bool:
    """Tell whether a header has the form of a signature. Of whoever sends none, not a byte is read."""
    return header is not None and _SIGNATURE.fullmatch(header) is not None


async def body_of(request: web.BaseRequest, large: asyncio.Semaphore) -> bytes:
    """Return the raw body; raises TimeoutError for one that trickles in.

    Strangers can make us read, so what is large is read by turns: memory stays bounded however many call.
    """
    if request.content.is_eof():
        return request.content.read_nowait()  # it came with its headers: nothing is waited for
    length = request.content_length
    async with asyncio.timeout(BODY_SECONDS):
        if length is not None and length <= LARGE:
            return await request.read()
        async with large:
            return await request.read()


def _app_of(request: web.BaseRequest) -> int | None:
    """Return the id of the App that GitHub sent this to, which its headers tell."""
    target = request.headers.get("X-GitHub-Hook-Installation-Target-ID", "")
    return int(target) if target.isdecimal() and len(target) < _ID_DIGITS else None
