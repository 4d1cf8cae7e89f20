"""Requests on one repository with an installation token: who asks, with which permissions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import gidgethub
from cachetools import LRUCache

from pushpals.github.auth import TokenKey, Tokens
from pushpals.github.documents import Document
from pushpals.github.endpoints import Endpoints
from pushpals.github.errors import BadCredentials
from pushpals.github.permissions import Permissions
from pushpals.github.transport import Api, Cache, Call, Transport
from pushpals.model import RepoRef

T = TypeVar("T")
Answer = Mapping[str, Any]

_CACHED_URLS = 512  # Per installation. What is asked conditionally is small: one role per person.


def _caches() -> defaultdict[int, Cache]:
    # gidgethub keys its cache by URL alone: one for all would show one installation's answers to another.
    return defaultdict(lambda: LRUCache(maxsize=_CACHED_URLS))


@dataclass(frozen=True)
class Shared:
    """What all repositories of a process share."""

    endpoints: Endpoints
    transport: Transport
    tokens: Tokens
    installation_of: Callable[[RepoRef], Awaitable[int]]
    caches: defaultdict[int, Cache] = field(default_factory=_caches)


@dataclass(frozen=True)
class Access:
    """Requests on `ref`. Without `installation` the App's installation there is looked up first."""

    shared: Shared
    ref: RepoRef
    installation: int | None
    permissions: Permissions

    async def token(self, permissions: Permissions) -> str:
        """Return a token for this repository alone, with at least ten minutes of life."""
        return await self.shared.tokens.token(TokenKey(await self._number(), self.ref, permissions))

    async def get(self, name: str, path: str, names: Mapping[str, str]) -> Answer:
        """Return the JSON object of a REST resource; free when it has not changed since the last time."""
        call = Call("rest", name, await self._number())
        answer: Answer = await self._authorized(lambda token: self._api(call, token).getitem(path, names))
        return answer

    async def graphql(self, name: str, document: Document, *, writes: int = 0) -> Answer:
        """Return the whole answer, `data` beside `errors`: one write may fail while another stands."""
        call = Call("graphql", name, await self._number(), writes)

        async def send(token: str) -> Answer:
            api = self._api(call, token)
            try:
                data = await api.graphql(
                    document.text, endpoint=self.shared.endpoints.graphql, **document.variables
                )
            except gidgethub.QueryError as error:
                answer: Answer = error.response
                return answer
            return {"data": data}

        return await self._authorized(send)

    async def _number(self) -> int:
        return self.installation or await self.shared.installation_of(self.ref)

    async def _authorized(self, send: Callable[[str], Awaitable[T]]) -> T:
        """Send with a token; a token that GitHub no longer takes is replaced once.

        A 401 means that nothing was done, so this holds for writes as well.
        """
        key = TokenKey(await self._number(), self.ref, self.permissions)
        token = await self.shared.tokens.token(key)
        try:
            return await send(token)
        except BadCredentials:
            self.shared.tokens.forget(key, token)
            return await send(await self.shared.tokens.token(key))

    def _api(self, call: Call, token: str) -> Api:
        cache = self.shared.caches[call.installation or 0]
        return Api(self.shared.transport, call, base_url=self.shared.endpoints.rest, token=token, cache=cache)
