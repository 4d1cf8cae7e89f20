"""Apps made from a manifest: a person agrees on a page, and a code is exchanged once, for App and key."""

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from pushpals.local.forge import apps
from pushpals.local.forge.app_entities import App
from pushpals.local.forge.errors import NotFoundError, UnprocessableError
from pushpals.local.forge.render import Renderer
from pushpals.local.forge.request_keys import CHANGED
from pushpals.local.forge.store import Store

CODE_LIFE = timedelta(hours=1)
NAME_LIMIT = 34


@dataclass(frozen=True)
class Manifest:
    """What was asked for, as far as the forge goes by it."""

    name: str
    redirect_url: str
    webhook_url: str | None
    permissions: dict[str, str]
    events: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Read the field of the form. Raises UnprocessableError for what GitHub would refuse as well."""
        try:
            given = json.loads(text)
            hook = given.get("hook_attributes") or {}
            manifest = cls(
                name=str(given.get("name") or ""),
                redirect_url=str(given["redirect_url"]),
                webhook_url=str(hook["url"]) if hook and hook.get("active", True) else None,
                permissions={str(k): str(v) for k, v in (given.get("default_permissions") or {}).items()},
                events=tuple(map(str, given.get("default_events") or ())),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnprocessableError(f"The manifest cannot be read: {error!r}") from None
        if not given.get("url"):
            raise UnprocessableError("The manifest names no homepage (url).")
        if urlsplit(manifest.redirect_url).scheme not in {"http", "https"}:
            raise UnprocessableError("The manifest's redirect_url is no address.")
        return manifest


@dataclass(frozen=True)
class _Made:
    app: App
    pem: str
    until: datetime


class Manifests:
    """Apps that were agreed to and whose key nobody has fetched yet."""

    def __init__(self, store: Store, renderer: Renderer, watch: Callable[[App], None]) -> None:
        """`watch` is told of each new App, so that it gets its webhooks."""
        self._store = store
        self._renderer = renderer
        self._watch = watch
        self._made: dict[str, _Made] = {}

    def routes(self, api: str) -> list[web.RouteDef]:
        """The route to add to the server."""
        return [web.post(f"{api}/app-manifests/{{code}}/conversions", self._convert)]

    async def agree(self, manifest: Manifest, name: str, owner: str, state: str) -> str:
        """Make the App, and return where the person is sent: with a code, and the state they came with.

        Raises UnprocessableError for a name that is taken, or is none.
        """
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if not slug or len(name) > NAME_LIMIT:
            raise UnprocessableError(
                f"An App's name has letters or digits, and {NAME_LIMIT} characters at most."
            )
        if any(app.slug == slug for app in self._store.apps.values()):
            raise UnprocessableError(f"The name {name} is already taken. Choose another.")
        private, public = await asyncio.to_thread(apps.new_key)
        app = apps.register(
            self._store,
            slug,
            name,
            owner=owner,
            permissions=manifest.permissions,
            events=manifest.events,
            webhook_url=manifest.webhook_url,
            webhook_secret=secrets.token_hex(20),
            public_key=public,
        )
        self._watch(app)
        code = secrets.token_hex(20)
        self._made[code] = _Made(app, private, self._store.now() + CODE_LIFE)
        given = {"code": code, **({"state": state} if state else {})}
        glue = "&" if urlsplit(manifest.redirect_url).query else "?"
        return f"{manifest.redirect_url}{glue}{urlencode(given)}"

    async def _convert(self, request: web.Request) -> web.Response:
        made = self._made.pop(request.match_info["code"], None)
        if made is None or made.until < self._store.now():
            raise NotFoundError("Not Found")
        request[CHANGED] = True
        shape: dict[str, Any] = {
            **self._renderer.app(made.app),
            "client_secret": secrets.token_hex(20),
            "webhook_secret": made.app.webhook_secret,
            "pem": made.pem,
        }
        return web.json_response(shape, status=201)
