"""How the controls of the listening door are switched off."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from pushpals.audit.redact import Redactor
from pushpals.loop.rules import causes
from pushpals.model import Hint
from pushpals.server import door, hints, webhook
from pushpals.server.queue import HintQueue
from tests.adversary.controls import control, swapped

RIGHT = webhook.signature_ok

swapped(
    "signature",
    "a webhook is believed only with the HMAC of the shared secret",
    "pushpals.server.webhook:signature_ok",
    by=lambda secret, body, header: True,
)
swapped(
    "signature form",
    "nothing is read for somebody who sends nothing that could be a signature",
    "pushpals.server.webhook:could_be_signed",
    by=lambda header: True,
)


@control("sha-256", "SHA-1 signatures are refused")
def _sha1(patch: pytest.MonkeyPatch) -> None:
    def either(secret: bytes, body: bytes, header: str | None) -> bool:
        old = "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest()
        return header == old or RIGHT(secret, body, header)

    patch.setattr(webhook, "could_be_signed", lambda header: True)
    patch.setattr(webhook, "signature_ok", either)


@control("constant time", "a signature is compared in a time that tells nothing of it")
def _variable_time(patch: pytest.MonkeyPatch) -> None:
    def compared(secret: bytes, body: bytes, header: str | None) -> bool:
        return header == "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()

    patch.setattr(webhook, "signature_ok", compared)


@control("raw bytes", "the signature is of the bytes as they came, not of what they parse to")
def _parsed(patch: pytest.MonkeyPatch) -> None:
    def of_parsed(secret: bytes, body: bytes, header: str | None) -> bool:
        return RIGHT(secret, json.dumps(json.loads(body)).encode(), header)

    patch.setattr(webhook, "signature_ok", of_parsed)


swapped(
    "body limit",
    "a body is at most as large as GitHub's largest",
    "pushpals.server.door:BODY_LIMIT",
    by=1 << 40,
)
swapped("header limit", "a header is at most 8 KB", "pushpals.server.door:HEADER_BYTES", by=1 << 24)


@control("body time", "a body that trickles in is given up")
def _patient(patch: pytest.MonkeyPatch) -> None:
    async def body_of(request: web.Request, _large: object) -> bytes:
        return await request.read()

    patch.setattr(webhook, "body_of", body_of)


swapped("large bodies", "large bodies are read by turns", "pushpals.server.webhook:LARGE_AT_ONCE", by=1 << 20)


@control("no unpacking", "a body is never unpacked")
def _unpacked(patch: pytest.MonkeyPatch) -> None:
    server = web.Server

    def unpacking(handler: Any, **how: Any) -> web.Server:
        return server(handler, **{**how, "auto_decompress": True})

    patch.setattr(web, "Server", unpacking)


@control("coalescing", "a subject waits in the queue once, however often it is hinted at")
def _every_one(patch: pytest.MonkeyPatch) -> None:
    def add(queue: HintQueue, hint: Hint) -> None:
        queue._waiting[hint.ref, len(queue._waiting)] = hint  # type: ignore[index]

    patch.setattr(HintQueue, "_add", add)


@control("queue limit", "a bounded number of subjects waits")
def _endless(patch: pytest.MonkeyPatch) -> None:
    def add(queue: HintQueue, hint: Hint) -> None:
        queue._waiting[hint.shown] = hint

    patch.setattr(HintQueue, "_add", add)


@control("answer first", "a webhook is answered before anything is done about it")
def _at_once(patch: pytest.MonkeyPatch) -> None:
    async def put(queue: HintQueue, hint: Hint) -> None:
        await queue._handle(hint)

    patch.setattr(HintQueue, "put", put)


@control("press name", "a button's press is known by what was signed, not by a header")
def _by_header(patch: pytest.MonkeyPatch) -> None:
    pressed = hints._pressed

    def named_by_id(payload: Any, delivery: Any) -> Any:
        place = pressed(payload, delivery)
        if place is None or place.press is None:
            return place
        return replace(place, press=place.press.model_copy(update={"id": delivery.id}))

    patch.setattr(hints, "_pressed", named_by_id)


@control("tolerant fields", "a payload may hold anything anywhere")
def _trusting(patch: pytest.MonkeyPatch) -> None:
    def at(value: Any, *keys: str) -> object:
        for key in keys:
            value = value[key]
        return value

    patch.setattr(hints, "_at", at)


@control("loopback", "the door listens on loopback unless told otherwise")
def _everywhere(patch: pytest.MonkeyPatch) -> None:
    opened = door.Door.open.__func__  # type: ignore[attr-defined]
    patch.setitem(opened.__kwdefaults__, "host", "0.0.0.0")  # noqa: S104 - the mistake that is tried


@control("plain pages", "pages that anybody may ask for say nothing")
def _talkative(patch: pytest.MonkeyPatch) -> None:
    async def healthz(request: web.BaseRequest) -> web.Response:
        return web.Response(text=f"ok {dict(request.headers)} {webhook.__name__} hush\n")

    patch.setattr(door, "health", lambda _readiness: {"/healthz": ("GET", healthz)})


swapped(
    "loopback names",
    "the status page is for who asks by this machine's own name",
    "pushpals.server.site:_is_loopback",
    by=lambda _: True,
)


@control("status without secrets", "the status page shows no secret")
def _unredacted_status(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Redactor, "data", lambda _redactor, data, *_: data)


@control("one job per cause", "what was asked is answered once, however often it is told")
def _forgetful(patch: pytest.MonkeyPatch) -> None:
    newest = causes.newest_cause

    def newest_of_all(view: Any, ledger: Any, label: str) -> Any:
        return newest(view, replace(ledger, request=None), label)

    patch.setattr(causes, "newest_cause", newest_of_all)
