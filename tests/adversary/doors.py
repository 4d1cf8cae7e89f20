"""Attacks on the listening door."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from pushpals.model import Failure, FailureKind, Hint, JobState
from pushpals.server import webhook
from pushpals.server.webhook import BODY_LIMIT, LARGE_AT_ONCE
from tests.adversary.cases import case
from tests.adversary.stage import Breach, Stage, asked, holds, quiet
from tests.server.deliveries import LABELED, SECRET, Sender, signature
from tests.server.test_status import job as status_job
from tests.server.test_status import reporter, shown

TOKEN = "ghs_" + "q7R2s9T4" * 5

BODY = json.dumps(LABELED).encode()
SOON = 2.0
"""Seconds for what takes milliseconds: an answer that never comes takes longer."""
BURST = 10_000
CUT_OFF = b"(cut off)"
ODD: tuple[object, ...] = (None, 7, "x", [], {}, [[]], True)


@case("send a webhook that is signed with another secret", control="signature")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    status, _ = await sender.raw(BODY, _headers(signature(BODY, b"guessed")))
    holds(status == 401 and sender.door.queue.depth == 0, "a stranger's webhook is believed")


@case("send a webhook of a genuine one's signature with other words", control="signature")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    other = BODY.replace(b"42", b"43")
    status, _ = await sender.raw(other, _headers(signature(BODY)))
    holds(status == 401 and sender.door.queue.depth == 0, "a signature serves for other words")


@case("sign with SHA-1, which can be forged", control="sha-256")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    weak = "sha1=" + hmac.new(SECRET, BODY, hashlib.sha1).hexdigest()
    status, _ = await sender.raw(BODY, {**_headers(weak), "X-Hub-Signature": weak})
    holds(status == 401 and sender.door.queue.depth == 0, "a SHA-1 signature is believed")


@case("learn the signature byte by byte from how long the refusal takes", control="constant time")
async def _(stage: Stage) -> None:
    compared: list[object] = []
    careful = hmac.compare_digest

    def spy(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return careful(one, other)

    stage.patch.setattr(hmac, "compare_digest", spy)
    assert not webhook.signature_ok(SECRET, BODY, signature(BODY, b"guessed"))
    holds(compared, "the comparison ends at the first byte that is wrong")


@case("send other bytes that parse to what was signed", control="raw bytes")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    status, _ = await sender.raw(BODY.replace(b"{", b"{ ", 1), _headers(signature(BODY)))
    holds(status == 401, "bytes that nobody signed are believed")


@case("send a body that is larger than any of GitHub's", control="body limit")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    status, _ = await sender.signed(BODY + b" " * BODY_LIMIT)
    holds(status == 413, "a body of any size is read")


@case("announce a large body without a signature, and make the server wait for it", control="signature form")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    answer = await _begun(sender, {"Content-Length": str(20 << 20), "X-GitHub-Event": "issues"})
    holds(answer.startswith(b"HTTP/1.1 401"), "the server waits for megabytes of a stranger")


@case("send a body so slowly that the connection is held for ever", control="body time")
async def _(stage: Stage) -> None:
    stage.patch.setattr(webhook, "BODY_SECONDS", 0.05)
    sender = await stage.door()
    answer = await _begun(sender, {"Content-Length": "1000", **_headers(signature(BODY))}, b'{"a')
    holds(answer.startswith(b"HTTP/1.1 408"), "a body that never comes is waited for")


@case("have the server hold a dozen large bodies at once", control="large bodies")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    now = most = 0
    read = web.BaseRequest.read

    async def counted(request: web.BaseRequest) -> bytes:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await read(request)
        finally:
            now -= 1

    stage.patch.setattr(web.BaseRequest, "read", counted)
    for _ in range(12):
        await _connect(
            stage, sender, {"Content-Length": str(8 << 20), **_headers(signature(BODY))}, b"x" * 1000
        )
    assert await sender.signed(BODY) == (202, "")  # what is small is read besides
    holds(most <= LARGE_AT_ONCE + 1, f"{most} bodies are held in memory at once")


@case("send a header of a megabyte", control="header limit")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    answer = await _begun(sender, {"Content-Length": "0", "X-Padding": "x" * (1 << 20)})
    holds(b" 400 " in answer or answer == CUT_OFF, "headers of any size are kept")


@case("send a bomb that unpacks to a thousand times its size", control="no unpacking")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    largest = 0
    right = webhook.signature_ok

    def spy(secret: bytes, body: bytes, header: str | None) -> bool:
        nonlocal largest
        largest = max(largest, len(body))
        return right(secret, body, header)

    stage.patch.setattr(webhook, "signature_ok", spy)
    packed = gzip.compress(b" " * (10 << 20))
    await sender.raw(packed, {**_headers(signature(packed)), "Content-Encoding": "gzip"})
    holds(largest <= len(packed), f"{len(packed)} bytes became {largest}")


@case("send ten thousand events for ten issues", control="coalescing")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    await _flood(sender, [_event(number % 10 + 1) for number in range(BURST)])
    holds(sender.door.queue.depth <= 10, "every event of a burst is kept")


@case("send events for more issues than can be worked on", control="queue limit")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    await _flood(sender, [_event(number + 1) for number in range(BURST + 200)])
    holds(sender.door.queue.depth <= BURST, "the queue grows with whatever comes")


@case("keep GitHub waiting until the work is done", control="answer first")
async def _(stage: Stage) -> None:
    sender = await stage.door()

    async def never(_hint: Hint) -> datetime | None:
        await asyncio.Event().wait()
        return None

    sender.door.queue.start(never, lambda: datetime.now(UTC))
    stage.stack.push_async_callback(sender.door.queue.close)
    try:
        async with asyncio.timeout(SOON):
            for guid in "abc":
                assert await sender.event("issues", LABELED, guid) == (202, "")
    except TimeoutError:
        raise Breach("an answer waits for the work") from None


@case("press a button again by replaying its webhook under another delivery id", control="press name")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    pressed = {
        "action": "requested_action",
        "check_run": {"id": 5, "external_id": "42-1"},
        "requested_action": {"identifier": "more"},
        "sender": {"id": 1, "login": "ada", "type": "User"},
        "repository": {"full_name": "octo/names"},
    }
    for guid in ("first", "second", "third"):
        await sender.event("check_run", pressed, guid)
    [hint] = sender.door.queue._waiting.values()
    holds(len({press.id for press in hint.presses}) == 1, "one press counts three times")


@case("send fields that are missing, null and of the wrong kind", control="tolerant fields")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    whole = {
        **LABELED,
        "check_run": {
            "id": 1,
            "external_id": "42-1",
            "check_suite": {"head_branch": "agent/x/42-1"},
            "app": {"id": 1},
        },
        "pull_request": {"number": 1, "head": {"ref": "x"}},
        "sender": {"id": 1, "login": "ada", "type": "User"},
        "comment": {"id": 1, "body": "x"},
        "requested_action": {"identifier": "stop"},
    }
    events = (
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "check_run",
        "check_suite",
        "status",
    )
    for event in events:
        for broken in _broken(whole):
            status, _ = await sender.event(event, broken)
            holds(status in {202, 400}, f"{event} makes an error of ours: {status}")


@case("knock from another machine", control="loopback")
async def _(stage: Stage) -> None:
    sender = await stage.door()
    port = urlsplit(sender.door.url).port
    try:
        _, writer = await asyncio.open_connection("127.0.0.2", port)
    except ConnectionError:
        return
    writer.close()
    raise Breach("the door can be reached by another address than this machine's own")


@case("ask the server's pages for its secrets", control="plain pages")
async def _(stage: Stage) -> None:
    town = await stage.town()
    async with town.server() as server, aiohttp.ClientSession() as session:
        seen = ""
        for path in ("/", "/healthz", "/metrics", "/status", "/debug", "/.env", "/webhook", "/../etc/passwd"):
            async with session.get(f"{server.url}{path}") as answer:
                seen += f"{dict(answer.headers)}{await answer.text()}"
    assert town.settings.private_key
    secrets = [*town.settings.known_secrets(), str(town.folder), "octo/names"]
    holds(not [secret for secret in secrets if secret in seen], "a page tells what nobody may know")


@case(
    "read the status page from a page of one's own, by a name that leads to loopback",
    control="loopback names",
)
async def _(stage: Stage) -> None:
    async with shown(reporter()) as (url, session):
        for path in ("/", "/status.json", "/metrics"):
            async with session.get(f"{url}{path}", headers={"Host": "evil.example"}) as answer:
                holds(answer.status == HTTPStatus.FORBIDDEN, "a page elsewhere reads what is worked on here")


@case("have the status page show a token that a job failed with", control="status without secrets")
async def _(stage: Stage) -> None:
    cause = f"The server refused {TOKEN}."
    failed = status_job(
        "1-1",
        JobState.FAILED,
        failure=Failure(kind=FailureKind.INFRASTRUCTURE, cause=cause, next_step="Say `/pushpals retry`."),
    )
    async with shown(reporter(failed)) as (url, session):
        seen = ""
        for path in ("/", "/status.json", "/metrics"):
            async with session.get(f"{url}{path}") as answer:
                seen += await answer.text()
    assert "The server refused" in seen
    holds(TOKEN not in seen, "the status page tells a token")


def _headers(signed: str) -> dict[str, str]:
    return {"X-GitHub-Event": "issues", "X-GitHub-Delivery": "a", "X-Hub-Signature-256": signed}


def _event(number: int) -> bytes:
    return json.dumps({**LABELED, "issue": {"number": number}}).encode()


def _request(headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = ["POST /webhook HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _connect(
    stage: Stage | None, sender: Sender, headers: dict[str, str], body: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(sender.door.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    if stage:
        stage.stack.callback(writer.close)
    writer.write(_request(headers, body))
    return reader, writer


async def _begun(sender: Sender, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Begin a request that never ends, and return the beginning of the answer; nothing if there is none."""
    reader, writer = await _connect(None, sender, headers, body)
    try:
        async with asyncio.timeout(1.0):
            return await reader.read(100)
    except TimeoutError:
        return b""
    except ConnectionError:
        return CUT_OFF
    finally:
        writer.close()


async def _flood(sender: Sender, bodies: list[bytes]) -> None:
    """Send many signed events over a few connections, each a long train of requests."""
    lanes = 8

    async def lane(some: list[bytes]) -> None:
        trains = [
            _request({**_headers(signature(body)), "Content-Length": str(len(body))}, body) for body in some
        ]
        parts = urlsplit(sender.door.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)

        async def answers() -> None:
            left = len(some)
            while left:
                left -= (await reader.readuntil(b"\r\n\r\n")).count(b"HTTP/1.1 202")

        reading = asyncio.create_task(answers())
        for start in range(0, len(trains), 50):
            writer.write(b"".join(trains[start : start + 50]))
            await writer.drain()
        await reading
        writer.close()

    async with asyncio.timeout(60):
        await asyncio.gather(*(lane(bodies[at::lanes]) for at in range(lanes)))


def _broken(value: object) -> Iterator[object]:
    """Yield `value` with each of its parts missing, null, or of another kind."""
    if not isinstance(value, dict):
        return
    for key, part in value.items():
        yield {name: other for name, other in value.items() if name != key}
        for odd in ODD:
            yield {**value, key: odd}
        for inner in _broken(part):
            yield {**value, key: inner}


@case("have a label worked on again by replaying its webhook", control="one job per cause")
async def _(stage: Stage) -> None:
    town = await stage.town(["I cannot."], policy="budget:\n  jobs: 3\n")
    async with asked(town) as (server, issue):
        for delivery in list(town.forge.store.deliveries.values()):
            town.forge.hooks.redeliver(delivery.id)
        await quiet(town, server)
        holds(len(await town.jobs(issue)) == 1, "a replayed webhook makes another job")
