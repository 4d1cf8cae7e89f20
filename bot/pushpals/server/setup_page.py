"""The page of `pushpals setup`: on loopback, for one browser, for as long as it takes to make one App."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
from typing import TYPE_CHECKING

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from pushpals.github import (
    Endpoints,
    GitHubError,
    GitHubUnavailable,
    Manifest,
    NotFound,
    create_app,
    manifest_page,
)
from pushpals.server.keeping import HalfKeptError
from pushpals.server.needs import APP_EVENTS, APP_PERMISSIONS, WHY
from pushpals.server.settings import SettingsError
from pushpals.server.site import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.github import CreatedApp

log = logging.getLogger(__name__)


class SetupPage:
    """Sends the person to GitHub with a manifest, and takes what they bring back."""

    def __init__(self, github_url: str, organisation: str | None, name: str, webhook_url: str) -> None:
        """The App is named `name` to begin with, and sends its webhooks to `webhook_url`."""
        self.url = ""
        self._endpoints = Endpoints.at(github_url)
        self._organisation = organisation
        self._name = name
        self._webhook_url = webhook_url
        self._state = secrets.token_urlsafe(32)
        self._one = asyncio.Lock()
        self._created: asyncio.Future[CreatedApp] = asyncio.get_running_loop().create_future()
        self._runner: web.AppRunner | None = None
        templates = Environment(
            loader=PackageLoader("pushpals.server", "."), autoescape=True, undefined=StrictUndefined
        )
        self._page = templates.get_template("setup.html")

    async def open(self, port: int, keep: Callable[[CreatedApp], None]) -> None:
        """Listen on loopback; `keep` is given the App before anybody is told of it. Raises OSError."""
        self._keep = keep
        app = web.Application(middlewares=[guarded(local=True, forms=self._endpoints.web)])
        app.router.add_get("/", self._start)
        app.router.add_get("/created", self._back)
        app.router.add_get("/done", self._done)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", port).start()
        except OSError:
            await self.close()
            raise
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def created(self) -> CreatedApp:
        """Wait until the App is there and its key is kept."""
        return await asyncio.shield(self._created)

    async def close(self) -> None:
        """Stop listening; an answer on its way is still given."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _start(self, _request: web.Request) -> web.Response:
        manifest = Manifest(
            name=self._name,
            url=self._endpoints.web,
            webhook_url=self._webhook_url,
            redirect_url=f"{self.url}created",
            permissions=APP_PERMISSIONS,
            events=APP_EVENTS,
        )
        return self._answer(
            "start",
            action=manifest_page(self._endpoints, self._organisation, self._state),
            manifest=json.dumps(manifest.as_json()),
        )

    async def _back(self, request: web.Request) -> web.Response:
        """Take the code that GitHub sends the person back with."""
        state, code = request.query.get("state", ""), request.query.get("code", "")
        if not hmac.compare_digest(state.encode(), self._state.encode()):
            return self._problem(
                403, "This did not come from the page of this setup, so nothing was done.", "Begin again."
            )
        async with self._one:
            if self._created.done():
                return _to_done()
            try:
                app = await create_app(self._endpoints, code)
                await asyncio.to_thread(self._keep, app)
            except (ValueError, NotFound):
                why = "GitHub does not take this code: each is good once, and for an hour."
                return self._problem(
                    400, why, "Begin again. Delete the App that has no key, if one was made."
                )
            except GitHubUnavailable as error:
                again = "Reload this page." if not error.lost else self._unsure()
                return self._problem(502, str(error), again)
            except HalfKeptError as error:
                again = "The App is made and its key is kept. Then end `pushpals setup` and run it again."
                return self._problem(500, str(error), again)
            except (GitHubError, SettingsError) as error:
                return self._problem(502, str(error), self._unsure())
            self._created.set_result(app)
            return _to_done()

    async def _done(self, _request: web.Request) -> web.Response:
        if not self._created.done():
            return web.Response(status=303, headers={"Location": "/"})
        return self._answer("done", app=self._created.result())

    def _unsure(self) -> str:
        return (
            "The App may have been made, and its key is lost then. Look under Settings, Developer settings, "
            "GitHub Apps; delete it there, and begin again."
        )

    def _problem(self, status: int, what: str, remedy: str) -> web.Response:
        log.warning("%s %s", what, remedy)
        return self._answer("problem", status=status, what=what, remedy=remedy)

    def _answer(self, part: str, status: int = 200, **context: object) -> web.Response:
        page = self._page.render(
            part=part,
            github=self._endpoints.web,
            organisation=self._organisation,
            name=self._name,
            permissions=[(name, level, WHY[name]) for name, level in APP_PERMISSIONS.items()],
            events=APP_EVENTS,
            apps="apps" if self._endpoints == Endpoints.github() else "github-apps",
            **context,
        )
        return web.Response(text=page, status=status, content_type="text/html")


def _to_done() -> web.Response:
    """Send the browser on, so that the code stays in no address."""
    return web.Response(status=303, headers={"Location": "/done"})
