"""What the parts of the server leave on a request for each other."""

from aiohttp import web

from pushpals.local.forge.app_entities import App
from pushpals.local.forge.auth import Grant
from pushpals.local.forge.traffic import Allowance, RequestRecord

Principal = App | Grant | None
"""An App by its JWT, an installation by its token, or nobody."""

RECORD = web.RequestKey("record", RequestRecord)
PRINCIPAL = web.RequestKey[Principal]("principal")
ALLOWANCES = web.RequestKey("allowances", dict[str, Allowance])
CHANGED = web.RequestKey("changed", bool)
