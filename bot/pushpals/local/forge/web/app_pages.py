"""Making an App from a manifest, and installing it on repositories."""

from urllib.parse import urlsplit

from aiohttp import web

from pushpals.local.forge.app_entities import App
from pushpals.local.forge.errors import ForbiddenError, NotFoundError, UnprocessableError
from pushpals.local.forge.manifests import Manifest
from pushpals.local.forge.web.site import Site, Visit

NEW = "/settings/apps/new"
NEW_OF_ORGANISATION = "/organizations/{owner}/settings/apps/new"
INSTALL = "/github-apps/{slug}/installations/new"


def routes(site: Site) -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        site.shown_by_post(NEW, _new),
        site.shown_by_post(NEW_OF_ORGANISATION, _new),
        site.post("/-/apps", _make),
        site.get(INSTALL, _install),
        site.post("/-/installations", _installed),
    ]


async def _new(visit: Visit) -> web.StreamResponse:
    """Show what an App from elsewhere would be. Nothing is made before the person says so on this page."""
    text = visit.text("manifest")
    manifest = Manifest.parse(text)
    owner = _owner(visit, visit.request.match_info.get("owner") or visit.actor)
    place = urlsplit(manifest.redirect_url)
    visit.leads_to.append(f"{place.scheme}://{place.netloc}")
    return visit.page(
        "app_new.html",
        leads_to=manifest.redirect_url,
        manifest=manifest,
        text=text,
        owner=owner,
        state=visit.request.query.get("state", ""),
    )


async def _make(visit: Visit) -> web.StreamResponse:
    manifest = Manifest.parse(visit.text("manifest"))
    owner = _owner(visit, visit.text("owner"))
    place = await visit.forge.manifests.agree(
        manifest, visit.text("name").strip(), owner, visit.text("state")
    )
    return visit.to(place)


def _owner(visit: Visit, login: str) -> str:
    """Return for whom an App is made: the person, or an account whose repositories they administer."""
    if login == visit.actor:
        return login
    store = visit.forge.store
    mine = [repo for repo in store.repos.values() if repo.owner == login]
    if any(store.role(repo, visit.actor).base == "admin" for repo in mine):
        return login
    raise ForbiddenError(f"{visit.actor} does not administer {login}. Switch to somebody who does.")


def _app(visit: Visit, slug: str) -> App:
    for app in visit.forge.store.apps.values():
        if app.slug == slug:
            return app
    raise NotFoundError(f"There is no App {slug}.")


async def _install(visit: Visit) -> web.StreamResponse:
    app = _app(visit, visit.request.match_info["slug"])
    store = visit.forge.store
    repos = [repo for repo in store.repos.values() if store.role(repo, visit.actor).base == "admin"]
    there = {i for one in store.installations.values() if one.app_id == app.id for i in one.repo_ids}
    return visit.page("app_install.html", app=app, repos=repos, there=there)


async def _installed(visit: Visit) -> web.StreamResponse:
    app, store = _app(visit, visit.text("slug")), visit.forge.store
    repo = store.repos.get(int(visit.text("repository") or 0))
    if repo is None:
        raise UnprocessableError("No repository was chosen. Go back and choose one.")
    if store.role(repo, visit.actor).base != "admin":
        raise ForbiddenError(f"{visit.actor} does not administer {repo.full_name}.")
    visit.forge.install(app, [repo])
    return visit.to(f"/github-apps/{app.slug}/installations/new")
