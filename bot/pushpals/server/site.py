"""The status page, its JSON and the metrics: on an address of their own, loopback unless told otherwise.

They name private repositories and what is asked there, so they never share the webhooks' address, which a
proxy or tunnel may show to the world.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from pushpals.audit.prose.standing import PLACES
from pushpals.server.metrics import CONTENT_TYPE
from pushpals.server.readiness import health

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from pushpals.server.metrics import Metrics
    from pushpals.server.report import Reporter, Row, StatusReport

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TONES = {"asked": "wait", "running": "act", "waiting": "wait", "review": "good", "failed": "bad"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class StatusSite:
    """Listens at `url`."""

    def __init__(self, reporter: Reporter, metrics: Metrics) -> None:
        """Show what `reporter` tells and what `metrics` count."""
        self.url = ""
        self._reporter = reporter
        self._metrics = metrics
        self._runner: web.AppRunner | None = None
        templates = Environment(
            loader=PackageLoader("pushpals.server", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        templates.filters.update(ago=_ago, utc=_utc, clock=_clock, capitalised=_capitalised)
        self._page = templates.get_template("status.html")

    async def open(self, host: str, port: int) -> Self:
        """Listen; port 0 takes any free one. Raises OSError for an address that cannot be had."""
        app = web.Application(middlewares=[guarded(local=_is_loopback(host))])
        app.router.add_get("/", self._status)
        app.router.add_get("/status.json", self._json)
        app.router.add_get("/metrics", self._numbers)
        for path, (method, handler) in health(self._reporter.readiness).items():
            app.router.add_route(method, path, handler)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError:
            await self.close()
            raise
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._runner.addresses[0][1]}"
        return self

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _status(self, request: web.Request) -> web.Response:
        if "application/json" in request.headers.get("Accept", ""):
            return await self._json(request)
        report = self._reporter.report()
        page = self._page.render(s=report, title=headline(report), sections=_sections(report))
        return web.Response(text=page, content_type="text/html")

    async def _json(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._reporter.report().model_dump_json(), content_type="application/json")

    async def _numbers(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def headline(report: StatusReport) -> str:
    """Return how things stand in a few words."""
    if report.missing:
        return "Getting ready"
    counts = (
        (len(report.asked), "waiting for you"),
        (len(report.running), "at work"),
        (len(report.waiting), "in line"),
        (len(report.review), "to review"),
    )
    words = [f"{count} {what}" for count, what in counts if count]
    if report.failed:
        words.append(f"{len(report.failed)} failed")
    return ", ".join(words) if words else "Nothing to do"


def _sections(report: StatusReport) -> list[tuple[str, tuple[Row, ...], str]]:
    """Return the lists that are not empty, what people are asked for first."""
    rows = {
        "asked": report.asked,
        "running": report.running,
        "waiting": report.waiting,
        "review": report.review,
        "failed": report.failed,
    }
    return [(PLACES[name], rows[name], _TONES[name]) for name in PLACES if rows[name]]


def guarded(*, local: bool, forms: str = "'none'") -> Middleware:
    """On loopback, answer only those who ask by a loopback name: no page elsewhere may read this one.

    `forms` is where the forms of the pages may be sent.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if local and not _is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            raise web.HTTPForbidden(text="Ask for this page by the name localhost or a loopback address.\n")
        response = await handler(request)
        response.headers.update(_HEADERS)
        response.headers["Content-Security-Policy"] = f"{_POLICY}; form-action {forms}"
        return response

    return guard


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min ago"
    return f"{seconds // _HOUR} h ago" if seconds < _DAY else f"{seconds // _DAY} days ago"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
