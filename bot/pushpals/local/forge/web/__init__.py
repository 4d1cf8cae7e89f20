"""The pages of the forge: what a person reads and does in a browser, working without scripts."""

from aiohttp import web

from pushpals.local.forge.server import Forge
from pushpals.local.forge.web import app_pages, issue_pages, pull_pages, repo_pages, run_pages, thread_pages
from pushpals.local.forge.web.site import Site


def routes(forge: Forge) -> list[web.RouteDef]:
    """The routes of the pages, for ``Forge.start(..., pages=routes)``; the last takes any other address."""
    site = Site(forge)
    return [
        *app_pages.routes(site),
        *repo_pages.routes(site),
        *issue_pages.routes(site),
        *pull_pages.routes(site),
        *thread_pages.routes(site),
        *run_pages.routes(site),
        site.get("/{rest:(?!api/|.*\\.git/).*}", repo_pages.missing),
    ]
