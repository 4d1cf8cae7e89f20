"""The way in: one `GitHub` per process, which knows the App and hands out repositories."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from cachetools import LRUCache

from pushpals.github.access import Access, Shared
from pushpals.github.auth import AppAuth, GivenToken, KeyedLocks, TokenAuth, TokenKey, Tokens, TokenSupply
from pushpals.github.creations import HOURLY
from pushpals.github.endpoints import Endpoints
from pushpals.github.errors import AccessDenied, BadCredentials, NotFound, Refused
from pushpals.github.limits import Allowance
from pushpals.github.permissions import CONTROL, LIST, Permissions
from pushpals.github.repo import RepoClient
from pushpals.github.transport import Api, Cache, Call, Observer, Room, Scope, Transport
from pushpals.model import RepoRef


@dataclass(frozen=True)
class AppInfo:
    """The App, as GitHub knows it."""

    id: int
    slug: str
    name: str
    owner: str
    permissions: Permissions
    events: tuple[str, ...]

    @property
    def bot_login(self) -> str:
        """The login under which the App writes. Its id is `SubjectView.viewer.id`."""
        return f"{self.slug}[bot]"


@dataclass(frozen=True)
class Installation:
    """The App on one account. It answers nothing while `suspended`."""

    id: int
    account: str
    all_repositories: bool
    permissions: Permissions
    events: tuple[str, ...]
    suspended: bool


@dataclass(frozen=True)
class LoggedDelivery:
    """A webhook delivery in the App's log. Its payload is asked for by its `id`."""

    id: int
    guid: str
    """Names the event: sent again, it has the same."""
    delivered_at: datetime
    event: str
    action: str | None


@dataclass(frozen=True)
class Created:
    """What an installation may still create, which GitHub counts by the hour."""

    installation: int | None
    limit: int
    left: int
    freed_at: float
    """When there is more room than now (seconds since the epoch)."""
    waiting: int
    """Writes that have been told to come back."""
    held: int
    """How many ever were."""


_GIVEN = Installation(0, "", all_repositories=False, permissions=Permissions(), events=(), suspended=False)
"""What a given token stands for: GitHub does not tell the installation."""


class GitHub:
    """GitHub, or a server that speaks like it, as one App sees it, or whoever holds a token.

    `on_request(kind, name)` is called before every HTTP request, retries included. `clock` is seconds
    since the epoch; `sleep` is what waits between retries. Writes beyond a short burst are spread to
    `writes_per_second`, and what they create is kept to `creations_per_hour`, for each installation.
    """

    def __init__(
        self,
        auth: AppAuth | TokenAuth,
        endpoints: Endpoints,
        *,
        on_request: Observer = lambda _kind, _name: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
        writes_per_second: float = 1.0,
        creations_per_hour: int = HOURLY,
    ) -> None:
        self.endpoints = endpoints
        self._auth = auth
        self._clock = clock
        self._transport = Transport(
            sleep=sleep,
            clock=clock,
            on_request=on_request,
            writes_per_second=writes_per_second,
            creations_per_hour=creations_per_hour,
        )
        self._tokens: TokenSupply = (
            GivenToken(auth) if isinstance(auth, TokenAuth) else Tokens(self._create_token, clock=clock)
        )
        self._shared = Shared(endpoints, self._transport, self._tokens, self._installation_of)
        self._installations: LRUCache[RepoRef, int] = LRUCache(1024)
        self._lookups = KeyedLocks()
        self._log_pages: Cache = LRUCache(maxsize=4)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def repo(
        self, ref: RepoRef, installation_id: int | None = None, *, permissions: Permissions = CONTROL
    ) -> RepoClient:
        """Return the calls on `ref`, made with a token of `permissions` for this repository alone.

        Webhooks tell the installation. Without it the first call looks it up, and raises NotFound when the
        App is not there.
        """
        if installation_id is not None:
            self._installations[ref] = installation_id
        access = Access(self._shared, ref, permissions)
        return RepoClient(access, app_id=self._auth.app_id, buttons=isinstance(self._auth, AppAuth))

    async def app(self) -> AppInfo:
        """Return what GitHub knows of this App. Raises BadCredentials when id and key do not fit."""
        data = await self._as_app("app").getitem("/app", jwt=self._jwt())
        owner = data.get("owner") or {}
        return AppInfo(
            id=data["id"],
            slug=data["slug"],
            name=data["name"],
            owner=owner.get("login") or owner.get("slug") or "",
            permissions=Permissions(**data["permissions"]),
            events=tuple(data["events"]),
        )

    async def installations(self) -> tuple[Installation, ...]:
        """Return every installation of the App; for a given token, the one it stands for."""
        if isinstance(self._auth, TokenAuth):
            return (_GIVEN,)
        pages = self._as_app("installations").getiter("/app/installations?per_page=100", jwt=self._jwt())
        return tuple([_installation(data) async for data in pages])

    async def deliveries(self) -> AsyncGenerator[LoggedDelivery, None]:
        """Yield the App's webhook deliveries of the last three days, the newest first.

        Pages are asked for as they are needed. The newest costs nothing while it has not changed.
        """
        api = self._as_app("deliveries", cache=self._log_pages)
        async for data in api.getiter("/app/hook/deliveries?per_page=100", jwt=self._jwt()):
            yield LoggedDelivery(
                id=data["id"],
                guid=data["guid"],
                delivered_at=datetime.fromisoformat(data["delivered_at"]),
                event=data["event"],
                action=data["action"],
            )

    async def webhook_url(self) -> str:
        """Return where the App's webhooks go; empty when it has none."""
        config = await self._as_app("webhook").getitem("/app/hook/config", jwt=self._jwt())
        return str(config.get("url") or "")

    async def payload(self, delivery: LoggedDelivery) -> Mapping[str, Any]:
        """Return what a delivery said. Raises NotFound when GitHub has forgotten it."""
        data = await self._as_app("delivery").getitem(f"/app/hook/deliveries/{delivery.id}", jwt=self._jwt())
        payload: Mapping[str, Any] = (data.get("request") or {}).get("payload") or {}
        return payload

    @property
    def app_id(self) -> int:
        """The App's id."""
        return self._auth.app_id

    @property
    def allowances(self) -> Mapping[Scope, Allowance]:
        """What is left of the App's and of each installation's allowance, as the last answers told."""
        return self._transport.allowances

    def room(self, installation: int | None) -> Room:
        """Return what an installation has left of its hour."""
        return self._transport.room(installation)

    def created(self) -> Iterator[Created]:
        """Yield what each installation created within the hour, of those that did, or were to."""
        now = self._clock()
        for installation, hour in self._transport.creations.items():
            if hour.left(now) == hour.hourly and not hour.held:
                continue
            yield Created(
                installation=installation,
                limit=hour.hourly,
                left=hour.left(now),
                freed_at=hour.freed_at(now),
                waiting=hour.waiting(now),
                held=hour.held,
            )

    async def repositories(self, installation_id: int) -> tuple[RepoRef, ...]:
        """Return the repositories that an installation gives the App."""
        token = await self._tokens.token(TokenKey(installation_id, None, LIST))
        call = Call("rest", "repositories", installation_id)
        api = Api(self._transport, call, base_url=self.endpoints.rest, token=token)
        path = "/installation/repositories?per_page=100"
        return tuple(
            [
                RepoRef.parse(data["full_name"])
                async for data in api.getiter(path, iterable_key="repositories")
            ]
        )

    async def _installation_of(self, ref: RepoRef) -> int:
        if isinstance(self._auth, TokenAuth):
            return _GIVEN.id
        async with self._lookups[ref]:
            known = self._installations.get(ref)
            return await self._look_up(ref) if known is None else known

    async def _look_up(self, ref: RepoRef) -> int:
        names = {"owner": ref.owner, "repo": ref.name}
        try:
            data = await self._as_app("installation").getitem(
                "/repos/{owner}/{repo}/installation", names, jwt=self._jwt()
            )
        except NotFound as error:
            raise NotFound(
                f"The App is not installed on {ref}. Install it from its page on {self.endpoints.web}, "
                "and give it this repository."
            ) from error
        number: int = data["id"]
        self._installations[ref] = number
        return number

    async def _create_token(self, key: TokenKey) -> dict[str, Any]:
        # Asking twice makes two tokens and harms nothing, so this counts as a read.
        path = f"/app/installations/{key.installation}/access_tokens"
        api = self._as_app("token", key.installation)
        try:
            answer: dict[str, Any] = await api.post(path, data=key.body(), jwt=self._jwt())
        except NotFound:
            self._forget(key)
            raise
        except Refused as error:
            self._forget(key)
            asked = ", ".join(f"{name}: {level}" for name, level in key.permissions.items())
            raise AccessDenied(
                f"The installation does not give the App what this step needs ({asked}). {error} "
                "Accept the App's permissions on its installation page, or give it this repository.",
                needed=asked,
            ) from error
        return answer

    def _forget(self, key: TokenKey) -> None:
        """Look the installation up next time: it may be gone, or the repository may have moved."""
        if key.repo is not None and self._installations.get(key.repo) == key.installation:
            del self._installations[key.repo]

    def _as_app(self, name: str, installation: int | None = None, cache: Cache | None = None) -> Api:
        call = Call("rest", name, installation)
        return Api(self._transport, call, base_url=self.endpoints.rest, cache=cache)

    def _jwt(self) -> str:
        if isinstance(self._auth, TokenAuth):
            raise BadCredentials("This can only be asked as a GitHub App, and a plain token was given.")
        return self._auth.jwt(self._clock())


def _installation(data: dict[str, Any]) -> Installation:
    return Installation(
        id=data["id"],
        account=(data.get("account") or {}).get("login") or "",
        all_repositories=data["repository_selection"] == "all",
        permissions=Permissions(**data["permissions"]),
        events=tuple(data["events"]),
        suspended=data.get("suspended_at") is not None,
    )
