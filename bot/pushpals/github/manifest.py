"""A GitHub App made from a manifest (GitHub documentation, "Registering a GitHub App from a manifest")."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pushpals.github.transport import Api, Call, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushpals.github.endpoints import Endpoints

_CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True)
class Manifest:
    """What an App is to be. A person says yes to it on GitHub, and may change its name there."""

    name: str
    url: str
    """Its homepage."""
    webhook_url: str
    redirect_url: str
    """Where GitHub sends the person back to, with a code."""
    permissions: Mapping[str, str]
    events: Iterable[str]

    def as_json(self) -> dict[str, Any]:
        """Return it in GitHub's own words. The webhook is active: GitHub logs only what it tries to send."""
        return {
            "name": self.name,
            "url": self.url,
            "hook_attributes": {"url": self.webhook_url, "active": True},
            "redirect_url": self.redirect_url,
            "public": False,
            "default_permissions": dict(self.permissions),
            "default_events": list(self.events),
        }


@dataclass(frozen=True)
class CreatedApp:
    """A new App, with what GitHub tells this once."""

    id: int
    slug: str
    html_url: str
    pem: str = field(repr=False)
    webhook_secret: str = field(repr=False)


def manifest_page(endpoints: Endpoints, organisation: str | None, state: str) -> str:
    """Return where the form with the manifest is sent. `state` comes back with the code."""
    owner = f"/organizations/{quote(organisation, safe='')}" if organisation else ""
    return f"{endpoints.web}{owner}/settings/apps/new?state={quote(state, safe='')}"


async def create_app(endpoints: Endpoints, code: str) -> CreatedApp:
    """Exchange the code for the App and its key: once, within an hour.

    Raises ValueError for what is no code, NotFound for one that was used or is too old, and what every call
    raises. A GitHubUnavailable with `lost` set means that the App is there and its key is not.
    """
    if not _CODE.fullmatch(code):
        raise ValueError("This is not a code of GitHub's.")
    transport = Transport(
        sleep=asyncio.sleep, clock=time.time, on_request=lambda _kind, _name: None, writes_per_second=1.0
    )
    try:
        api = Api(transport, Call("rest", "create app", None, writes=1), base_url=endpoints.rest)
        answer = await api.post("/app-manifests/{code}/conversions", {"code": code}, data={})
    finally:
        await transport.close()
    return CreatedApp(
        id=answer["id"],
        slug=answer["slug"],
        html_url=answer["html_url"],
        pem=answer["pem"],
        webhook_secret=answer["webhook_secret"] or "",
    )
