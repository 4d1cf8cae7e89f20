"""The one seam to the network: every request to GitHub passes `Transport.send`.

Here and nowhere else are retries, rate limits and pacing. A read may be sent again after any failure. A
write is sent again only when it is sure that nothing happened; a lost answer is raised with `lost=True`,
and the caller looks at GitHub again before deciding anything.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

import aiohttp
import tenacity
from cachetools import LRUCache
from gidgethub import abc as gidgethub_abc

from pushpals.github.creations import HOURLY, Creations
from pushpals.github.errors import (
    GitHubError,
    GitHubUnavailable,
    NotFound,
    RateLimited,
    created_enough,
    rate_limited,
    refusal,
)
from pushpals.github.limits import Allowance, Pacer, allowance_of, limited_until

Kind = Literal["rest", "graphql"]
Cache = gidgethub_abc.CACHE_TYPE
Answer = tuple[int, Mapping[str, str], bytes]
Observer = Callable[[Kind, str], None]
Scope = tuple[int | None, Kind]
"""Whose allowance (None: the App's own), and which of the two."""

_KINDS: tuple[Kind, ...] = ("rest", "graphql")
ATTEMPTS = 3
LONGEST_WAIT = 60.0
"""Seconds. A longer wait is the caller's to plan: a job can do something better than sleep."""

SHORT_WAIT = 5.0
"""Seconds that a write waits here for room to create in; for more it is told when to come back."""

_HOUR = 3_600.0
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
_CONNECTIONS = 50  # GitHub allows 100 concurrent requests, REST and GraphQL together.
_API_VERSION = "2022-11-28"
_NOT_JSON = object()
_jitter = tenacity.wait_random_exponential(multiplier=0.5, max=8)


@dataclass(frozen=True)
class Call:
    """What the transport must know of a request besides its bytes."""

    kind: Kind
    name: str
    """For people and metrics: `subject`, `write`, `role` …"""
    installation: int | None
    """Whose limits it counts against; None for the App itself."""
    writes: int = 0
    """How many things it creates or changes. With 0 it may be sent twice."""
    creates: int = 0
    """How many of them are new things that GitHub counts by the hour: comments, pull requests, reviews."""
    urgent: bool = False
    """Whether it answers somebody: then it goes before all else that creates."""
    whose: str = ""
    """Names what is created where, so that it has its turn when it comes back."""
    follow: bool = True
    """Whether to go where the answer to a GET redirects; else that is the answer."""


@dataclass(frozen=True)
class Room:
    """What an installation has left of its hour, as shares between 0 and 1."""

    creations: float
    """Of what it may create."""
    requests: float
    """Of its requests, of REST or GraphQL: of whichever is used up faster."""
    hour: float = 0.0
    """Of the hour in which these requests must last."""


class Transport:
    """The shared connection pool, with the retry policy. `clock` is seconds since the epoch."""

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        on_request: Observer,
        writes_per_second: float,
        creations_per_hour: int = HOURLY,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._on_request = on_request
        self._session: aiohttp.ClientSession | None = None
        self._pacers: defaultdict[int | None, Pacer] = defaultdict(
            lambda: Pacer(per_second=writes_per_second)
        )
        self.creations: defaultdict[int | None, Creations] = defaultdict(
            lambda: Creations(creations_per_hour)
        )
        """What each installation created within the hour."""
        self._limited: dict[Scope, float] = {}
        self.allowances: LRUCache[Scope, Allowance] = LRUCache(maxsize=1024)
        """What is left of each allowance, as the last answer told."""

    async def close(self) -> None:
        """Close the connections. A later request opens them again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self, call: Call, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send one request and return status (below 400), headers and body.

        Raises GitHubUnavailable, RateLimited when the wait is longer than `LONGEST_WAIT`, and the other
        errors of `pushpals.github.errors` for what GitHub refuses.
        """
        await self._pace(call)
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(self._may_retry),
            wait=self._wait,
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            sleep=self._sleep,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._once(call, method, url, headers, body, attempt.retry_state.attempt_number)
        raise AssertionError  # reraise=True leaves no other way out of the loop.

    async def tail(self, call: Call, url: str, limit: int) -> bytes:
        """Return the last `limit` bytes of what is at an address that GitHub redirected to, asked as nobody.

        Such an address is not GitHub's API: it is not counted, and must not see a token. Raises
        GitHubUnavailable, and NotFound for an address that no longer answers.
        """
        kept = bytearray()
        try:
            async with self._open().get(url, allow_redirects=False) as response:
                if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise GitHubUnavailable(
                        f"The answer to {call.name} came with status {response.status}.", lost=False
                    )
                if response.status != HTTPStatus.OK:
                    raise NotFound(f"What {call.name} asked for is no longer there.")
                async for chunk in response.content.iter_chunked(65_536):
                    kept += chunk
                    if len(kept) > 2 * limit:
                        del kept[:-limit]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise GitHubUnavailable(_unreachable(call, error), lost=False) from error
        return bytes(kept[-limit:])

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=_CONNECTIONS)
            )
        return self._session

    async def _pace(self, call: Call) -> None:
        if not call.writes:
            return
        await self._find_room(call)
        pacer = self._pacers[call.installation]
        delay = pacer.take(call.writes, now=self._clock())
        if delay > LONGEST_WAIT:
            pacer.give_back(call.writes)
            self.creations[call.installation].give_back(call.creates)
            raise rate_limited(call.name, self._clock() + delay)
        if delay > 0:
            await self._sleep(delay)

    async def _find_room(self, call: Call) -> None:
        """Return once what `call` creates fits into the hour. Raises RateLimited when that is not soon.

        Whoever is told a time has a turn then. Waiting here instead would keep others from being served.
        """
        hour, waited = self.creations[call.installation], 0.0
        while call.creates:
            delay = hour.take(call.creates, whose=call.whose, urgent=call.urgent, now=self._clock())
            if delay <= 0:
                return
            if waited + delay > SHORT_WAIT:
                raise created_enough(call.name, self._clock() + delay)
            waited += max(delay, 0.01)
            await self._sleep(delay)

    def room(self, installation: int | None) -> Room:
        """Return what an installation has left of its hour; what nothing is known of counts as whole."""
        now, hour = self._clock(), self.creations[installation]
        told = [self.allowances.get((installation, kind)) for kind in _KINDS]
        known = [a for a in told if a and a.limit and a.reset > now]
        shares = [(a.remaining / a.limit, min(1.0, (a.reset - now) / _HOUR)) for a in known]
        requests, left = min(shares, key=lambda share: share[0] - share[1], default=(1.0, 0.0))
        return Room(hour.left(now) / hour.hourly, requests, left)

    def _may_retry(self, error: BaseException) -> bool:
        if isinstance(error, RateLimited):
            return error.until - self._clock() <= LONGEST_WAIT
        return isinstance(error, GitHubUnavailable) and not error.lost

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited):
            return max(0.0, error.until - self._clock())
        return _jitter(state)

    async def _once(
        self, call: Call, method: str, url: str, headers: Mapping[str, str], body: bytes, attempt: int
    ) -> Answer:
        scope = (call.installation, call.kind)
        if (until := self._limited.get(scope, 0.0)) > self._clock():
            raise rate_limited(call.name, until)  # Asking on while limited can get an App banned.
        self._on_request(call.kind, call.name)
        status, answered, content = await self._exchange(call, method, url, headers, body)
        answer = _decoded(content)
        if allowance := allowance_of(answered):
            self.allowances[scope] = allowance
        limit = limited_until(status, answered, answer, now=self._clock(), attempt=attempt)
        if limit is not None:
            self._limited[scope] = limit
            raise rate_limited(call.name, limit)
        if error := _failure(call, status, answered, answer):
            raise error
        return status, answered, content

    async def _exchange(
        self, call: Call, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        sent = {**headers, "x-github-api-version": _API_VERSION}
        try:
            async with self._open().request(
                method,
                url,
                headers=sent,
                data=body or None,
                allow_redirects=method == "GET" and call.follow,
            ) as response:
                return response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise GitHubUnavailable(_unreachable(call, error), lost=False) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise GitHubUnavailable(_unreachable(call, error), lost=call.writes > 0) from error


class Api(gidgethub_abc.GitHubAPI):
    """gidgethub's client for one call: it forms the URL, headers, cache and pages; the transport sends."""

    def __init__(
        self,
        transport: Transport,
        call: Call,
        *,
        base_url: str,
        token: str | None = None,
        cache: Cache | None = None,
    ) -> None:
        super().__init__("pushpals", oauth_token=token, cache=cache, base_url=base_url)
        self._transport = transport
        self._call = call

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        return await self._transport.send(self._call, method, url, headers, body)

    async def sleep(self, seconds: float) -> None:
        """Sleep; gidgethub asks for it, and never calls it."""
        await asyncio.sleep(seconds)


def _decoded(content: bytes) -> object:
    """Return the JSON of a body, `_NOT_JSON` when it is none; None for no body."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return _NOT_JSON


def _failure(call: Call, status: int, headers: Mapping[str, str], answer: object) -> GitHubError | None:
    unsure = call.writes > 0
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return GitHubUnavailable(f"GitHub answered {call.name} with status {status}.", lost=unsure)
    if not call.follow and HTTPStatus.MULTIPLE_CHOICES < status < HTTPStatus.BAD_REQUEST:
        return None
    if status >= HTTPStatus.MULTIPLE_CHOICES and status != HTTPStatus.NOT_MODIFIED:
        return refusal(call.name, status, headers, answer)
    if answer is _NOT_JSON:
        return GitHubUnavailable(
            f"The answer to {call.name} is not GitHub's. Check the server's address, and proxies on the way.",
            lost=unsure,
        )
    if call.kind == "graphql" and _broke(answer):
        return GitHubUnavailable(f"GitHub failed while working on {call.name}.", lost=unsure)
    return None


def _broke(answer: object) -> bool:
    """Tell whether a GraphQL document failed as a whole for a reason of GitHub's own (status 200)."""
    if not isinstance(answer, dict) or any((answer.get("data") or {}).values()):
        return False
    return any("Something went wrong" in str(error.get("message")) for error in answer.get("errors") or ())


def _unreachable(call: Call, error: BaseException) -> str:
    reason = str(error) or type(error).__name__
    return f"GitHub could not be reached ({call.name}): {reason}. Check the network and the server's address."
