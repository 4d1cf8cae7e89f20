"""App authentication: the App's own signature, and installation tokens narrowed to one repository.

Rules: GitHub documentation, "Generating a JSON Web Token (JWT) for a GitHub App" and "Generating an
installation access token for a GitHub App".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

import jwt
from cachetools import TLRUCache

from pushpals.github.errors import BadCredentials
from pushpals.github.permissions import Permissions
from pushpals.model import RepoRef

_BACKDATED = 60  # Seconds. GitHub refuses a signature from its own future, so lag behind a little.
_SIGNATURE_LIFE = 9 * 60  # Seconds from now; GitHub allows ten minutes.
_SIGNATURE_KEPT = 8 * 60
_TOKENS_KEPT = 4096  # Two for each repository that is worked on: to talk, and for git.
_LAST_MINUTES = 10 * 60  # Seconds. A token with less life left is replaced, so a step never outlives it.


@dataclass
class AppAuth:
    """The App's id and private key (PEM). `clock` is seconds since the epoch."""

    app_id: int
    private_key: str = field(repr=False)
    _signed: tuple[float, str] | None = field(default=None, init=False, repr=False, compare=False)

    def jwt(self, now: float) -> str:
        """Return the App's signature, good for at least a minute after `now`.

        Raises BadCredentials when the key cannot sign.
        """
        if self._signed is not None and self._signed[0] <= now < self._signed[0] + _SIGNATURE_KEPT:
            return self._signed[1]
        claims = {"iat": int(now) - _BACKDATED, "exp": int(now) + _SIGNATURE_LIFE, "iss": str(self.app_id)}
        try:
            signature = jwt.encode(claims, self.private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            # Without the cause: a parser's message may quote the key.
            raise BadCredentials(
                "The App's private key cannot sign. Give the whole PEM file that GitHub let you download, "
                "with its BEGIN and END lines."
            ) from None
        self._signed = (now, signature)
        return signature


ACTIONS_APP = 15368
"""Id of the App behind every `GITHUB_TOKEN`; its account is `github-actions[bot]`."""


@dataclass(frozen=True)
class TokenAuth:
    """A token that somebody else made, such as the `GITHUB_TOKEN` of a workflow's job.

    It may do what it was made for: it cannot be narrowed, and is not made again when it ends. What is written
    with it belongs to the App with `app_id`, whose buttons are pressed in vain: nobody tells us.
    """

    value: str = field(repr=False)
    app_id: int = ACTIONS_APP


@dataclass(frozen=True)
class TokenKey:
    """What a token is for. `repo` None means every repository of the installation."""

    installation: int
    repo: RepoRef | None
    permissions: Permissions

    def body(self) -> dict[str, Any]:
        """Return the request body that asks for this token."""
        asked: dict[str, Any] = {"permissions": dict(self.permissions)}
        if self.repo is not None:
            asked["repositories"] = [self.repo.name]
        return asked


@dataclass(frozen=True)
class _Token:
    value: str = field(repr=False)
    expires: float


class TokenSupply(Protocol):
    """Where tokens come from."""

    async def token(self, key: TokenKey) -> str:
        """Return a token for `key`."""

    def forget(self, key: TokenKey, token: str) -> None:
        """Take note that GitHub refused a token."""


class GivenToken:
    """The one token there is, whatever it is asked for."""

    def __init__(self, auth: TokenAuth) -> None:
        self._auth = auth

    async def token(self, _key: TokenKey) -> str:
        """Return the token."""
        return self._auth.value

    def forget(self, _key: TokenKey, _token: str) -> None:
        """Keep it: there is no other."""


class KeyedLocks:
    """One lock per key, so that nothing is asked for twice at once. Forgotten when nobody holds it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def __getitem__(self, key: Hashable) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())


class Tokens:
    """Installation tokens, kept until ten minutes before they end. One request at a time per key."""

    def __init__(
        self, create: Callable[[TokenKey], Awaitable[dict[str, Any]]], *, clock: Callable[[], float]
    ) -> None:
        self._create = create
        self._kept: TLRUCache[TokenKey, _Token] = TLRUCache(
            maxsize=_TOKENS_KEPT, ttu=lambda _key, token, _now: token.expires - _LAST_MINUTES, timer=clock
        )
        self._locks = KeyedLocks()

    async def token(self, key: TokenKey) -> str:
        """Return a token for `key` with at least ten minutes of life. Raises what `create` raises."""
        async with self._locks[key]:
            kept = self._kept.get(key)
            if kept is None:
                answer = await self._create(key)
                expires = datetime.fromisoformat(answer["expires_at"]).timestamp()
                kept = _Token(value=answer["token"], expires=expires)
                self._kept[key] = kept
            return kept.value

    def forget(self, key: TokenKey, token: str) -> None:
        """Drop `token`, which GitHub refused; a newer one under the same key stays."""
        kept = self._kept.get(key)
        if kept is not None and kept.value == token:
            del self._kept[key]
