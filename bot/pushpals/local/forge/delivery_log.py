"""An App's log of its webhook deliveries: what was sent, how it ended, and each payload, for three days."""

import json
from typing import Any

from aiohttp import web

from pushpals.local.forge.app_entities import App, Delivery
from pushpals.local.forge.errors import NotFoundError, UnauthorizedError, UnprocessableError
from pushpals.local.forge.hooks import KEPT, headers_of
from pushpals.local.forge.render_base import when
from pushpals.local.forge.request_keys import PRINCIPAL
from pushpals.local.forge.store import Store

_ROOT = "/api/v3/app/hook/deliveries"
_PER_PAGE, _MAX_PER_PAGE = 30, 100
_CURSOR = "v1_"


class DeliveryLog:
    """Handlers; only the App itself may read its log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        """The routes to add to the server."""
        return [web.get(_ROOT, self._list), web.get(f"{_ROOT}/{{id:\\d+}}", self._one)]

    async def _list(self, request: web.Request) -> web.Response:
        """A page, the newest first. ``cursor`` is the delivery that the page begins with."""
        size, start = _asked(request)
        found = [d for d in self._told(request) if start is None or d.id <= start]
        page, rest = found[:size], found[size:]
        headers = {}
        if rest:
            following = request.url.update_query(per_page=size, cursor=f"{_CURSOR}{rest[0].id}")
            headers["Link"] = f'<{following}>; rel="next"'
        return web.json_response([_item(d) for d in page], headers=headers)

    async def _one(self, request: web.Request) -> web.Response:
        wanted = int(request.match_info["id"])
        for delivery in self._told(request):
            if delivery.id == wanted:
                return web.json_response(self._whole(self._store.apps[delivery.app_id], delivery))
        raise NotFoundError("Not Found")

    def _told(self, request: web.Request) -> list[Delivery]:
        app = request[PRINCIPAL]
        if not isinstance(app, App):
            raise UnauthorizedError("A JSON web token could not be decoded")
        oldest = self._store.now() - KEPT
        mine = (d for d in self._store.deliveries.values() if d.app_id == app.id)
        tried = [d for d in mine if d.delivered_at is not None and d.delivered_at >= oldest]
        return sorted(tried, key=lambda d: d.id, reverse=True)

    @staticmethod
    def _whole(app: App, delivery: Delivery) -> dict[str, Any]:
        asked = {"headers": headers_of(app, delivery), "payload": json.loads(delivery.payload)}
        answered: dict[str, Any] = {"headers": {} if delivery.status_code else None, "payload": None}
        return {**_item(delivery), "url": app.webhook_url, "request": asked, "response": answered}


def _asked(request: web.Request) -> tuple[int, int | None]:
    try:
        size = min(int(request.query.get("per_page", _PER_PAGE)), _MAX_PER_PAGE)
        cursor = request.query.get("cursor")
        start = int(cursor.removeprefix(_CURSOR)) if cursor else None
    except ValueError:
        raise UnprocessableError("per_page is a number, and cursor one that a Link header gave") from None
    if size < 1:
        raise UnprocessableError("per_page is positive")
    return size, start


def _item(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": when(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": delivery.seconds,
        "status": delivery.status,
        "status_code": delivery.status_code or 0,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repo_id,
        "throttled_at": None,
    }
