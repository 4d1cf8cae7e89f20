"""Requests on one repository with an installation token: who asks, with which permissions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import gidgethub
from cachetools import LRUCache
from gidgethub import sansio

from pushpals.github.auth import TokenKey, TokenSupply
from pushpals.github.documents import Document
from pushpals.github.endpoints import Endpoints
from pushpals.github.errors import AccessDenied, BadCredentials, NotFound
from pushpals.github.permissions import Permissions
from pushpals.github.transport import Api, Cache, Call, Room, Transport
from pushpals.model import RepoRef

Answer = Mapping[str, Any]
A = TypeVar("A")

_CACHED_URLS = 512  # Per installation. What is asked conditionally is small: one role per person.


def _caches() -> defaultdict[int, Cache]:
    # gidgethub keys its cache by URL alone: one for all would show one installation's answers to another.
    return defaultdict(lambda: LRUCache(maxsize=_CACHED_URLS))


@dataclass(frozen=True)
class Shared:
    """What all repositories of a process share."""

    endpoints: Endpoints
    transport: Transport
    tokens: TokenSupply
    installation_of: Callable[[RepoRef], Awaitable[int]]
    caches: defaultdict[int, Cache] = field(default_factory=_caches)


@dataclass(frozen=True)
class Effect:
    """What a document does; see `Call`."""

    writes: int = 0
    creates: int = 0
    urgent: bool = False
    whose: str = ""


READS = Effect()


@dataclass(frozen=True)
class Access:
    """Requests on `ref` with tokens of `permissions`."""

    shared: Shared
    ref: RepoRef
    permissions: Permissions

    async def token(self, permissions: Permissions) -> str:
        """Return a token for this repository alone, with at least ten minutes of life."""
        _, token = await self._granted(permissions)
        return token

    async def get(self, name: str, path: str, names: Mapping[str, str]) -> Answer:
        """Return the JSON object of a REST resource; free when it has not changed since the last time."""

        async def send(installation: int, token: str) -> Answer:
            api = self._api(Call("rest", name, installation), token)
            answer: Answer = await api.getitem(path, names)
            return answer

        return await self._authorized(send)

    async def get_list(self, name: str, path: str, names: Mapping[str, str]) -> Sequence[Answer]:
        """Return the JSON list of a REST resource: its first page."""

        async def send(installation: int, token: str) -> Sequence[Answer]:
            answer: Sequence[Answer] = await self._api(Call("rest", name, installation), token).getitem(
                path, names
            )
            return answer

        return await self._authorized(send)

    async def post(self, name: str, path: str, names: Mapping[str, str], data: Mapping[str, Any]) -> None:
        """Send a JSON object to a REST resource that answers with nothing."""

        async def send(installation: int, token: str) -> None:
            call = Call("rest", name, installation, 1)
            await self._api(call, token).post(path, names, data=data)

        await self._authorized(send)

    async def download(self, name: str, path: str, names: Mapping[str, str], *, limit: int) -> bytes:
        """Return the last `limit` bytes of what a REST resource redirects to; that place sees no token."""

        async def send(installation: int, token: str) -> bytes:
            call = Call("rest", name, installation, follow=False)
            url = sansio.format_url(path, dict(names), base_url=self.shared.endpoints.rest)
            headers = sansio.create_headers("pushpals", oauth_token=token)
            _, answered, content = await self.shared.transport.send(call, "GET", url, headers, b"")
            place = answered.get("location")
            return await self.shared.transport.tail(call, place, limit) if place else content[-limit:]

        return await self._authorized(send)

    async def room(self) -> Room:
        """Return what the installation has left of its hour."""
        return self.shared.transport.room(await self.shared.installation_of(self.ref))

    async def graphql(self, name: str, document: Document, effect: Effect = READS) -> Answer:
        """Return the whole answer, `data` beside `errors`: one write may fail while another stands."""

        async def send(installation: int, token: str) -> Answer:
            api = self._api(
                Call(
                    "graphql",
                    name,
                    installation,
                    effect.writes,
                    creates=effect.creates,
                    urgent=effect.urgent,
                    whose=effect.whose,
                ),
                token,
            )
            try:
                data = await api.graphql(
                    document.text, endpoint=self.shared.endpoints.graphql, **document.variables
                )
            except gidgethub.QueryError as error:
                answer: Answer = error.response
                return answer
            return {"data": data}

        return await self._authorized(send)

    async def _authorized(self, send: Callable[[int, str], Awaitable[A]]) -> A:
        """Send with a token; a token that GitHub no longer takes is replaced once.

        A 401 means that nothing was done, so this holds for writes as well.
        """
        key, token = await self._granted(self.permissions)
        try:
            return await send(key.installation, token)
        except BadCredentials:
            self.shared.tokens.forget(key, token)
            key, token = await self._granted(self.permissions)
            return await send(key.installation, token)

    async def _granted(self, permissions: Permissions) -> tuple[TokenKey, str]:
        key = TokenKey(await self.shared.installation_of(self.ref), self.ref, permissions)
        try:
            return key, await self.shared.tokens.token(key)
        except (NotFound, AccessDenied):
            # The number may be of an installation that is gone; by now it is no longer known by heart.
            current = await self.shared.installation_of(self.ref)
            if current == key.installation:
                raise
            key = TokenKey(current, self.ref, permissions)
            return key, await self.shared.tokens.token(key)

    def _api(self, call: Call, token: str) -> Api:
        cache = self.shared.caches[call.installation or 0]
        base_url = self.shared.endpoints.rest
        return Api(self.shared.transport, call, base_url=base_url, token=token, cache=cache)
