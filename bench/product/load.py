"""A load generator for loopback: a fixed number of connections, each asking again once it was answered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field

from bench.product.webhook_server import SECRET

VARIETY = 256


@dataclass
class Load:
    """What came of it."""

    seconds: float
    delays: list[float] = field(default_factory=list)
    """Milliseconds from each request to its answer."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.delays) / self.seconds

    @property
    def p99(self) -> float:
        """The delay that one in a hundred exceeds, in milliseconds."""
        return sorted(self.delays)[int(len(self.delays) * 0.99)]


def requests() -> list[bytes]:
    """Return signed deliveries of labelled issues, each of another issue, about 8 KB as GitHub's are."""
    made = []
    for number in range(1, VARIETY + 1):
        payload = {
            "action": "labeled",
            "label": {"name": "pushpals", "id": 7},
            "issue": {
                "number": number,
                "title": "It fails",
                "body": "x" * 4000,
                "labels": [{"name": "pushpals"}],
            },
            "repository": {
                "id": 1,
                "name": "names",
                "full_name": "octo/names",
                "owner": {"login": "octo", "id": 2},
            },
            "sender": {"login": "ada", "id": 3, "type": "User"},
            "installation": {"id": 5},
            "links": [f"https://example.org/{n}/{'y' * 40}" for n in range(60)],
        }
        body = json.dumps(payload).encode()
        mac = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        head = (
            "POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"User-Agent: Hookshot\r\nX-GitHub-Event: issues\r\nX-GitHub-Delivery: d-{number}\r\n"
            f"X-Hub-Signature-256: sha256={mac}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class _Caller(asyncio.Protocol):
    def __init__(self, left: list[int], made: list[bytes], delays: list[float]) -> None:
        self._left, self._made, self._delays = left, made, delays
        self._buffer = b""
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP connection
        self._transport = transport
        self._next()

    def _next(self) -> None:
        if self._left[0] <= 0:
            self._transport.close()
            return
        self._left[0] -= 1
        self._began = time.perf_counter()
        self._transport.write(self._made[self._left[0] % len(self._made)])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        lowered = head.lower()
        if b"chunked" in lowered:
            whole = rest.endswith(b"0\r\n\r\n")
        else:
            length = lowered.partition(b"content-length:")[2].split(b"\r\n")[0].strip()
            whole = len(rest) >= int(length or b"0")
        if not whole:
            return
        if head[9:10] != b"2":
            self.done.set_exception(ConnectionError(f"refused: {head[:60]!r}"))
            self._transport.abort()
            return
        self._delays.append((time.perf_counter() - self._began) * 1000)
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            if exc or self._buffer:
                self.done.set_exception(exc or ConnectionError("cut off"))
            else:
                self.done.set_result(None)


async def _press(port: int, made: list[bytes], count: int, connections: int) -> Load:
    loop = asyncio.get_running_loop()
    left, delays = [count], list[float]()
    began = time.perf_counter()
    callers = [
        (await loop.create_connection(lambda: _Caller(left, made, delays), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(caller.done for caller in callers))
    if len(delays) != count:
        raise ConnectionError(f"{count - len(delays)} of {count} deliveries were not answered")
    return Load(time.perf_counter() - began, delays)


def press(port: int, made: list[bytes], count: int, connections: int = 32) -> Load:
    """Send `count` requests to a port of loopback. Raises ConnectionError when one is refused."""
    return asyncio.run(_press(port, made, count, connections))
