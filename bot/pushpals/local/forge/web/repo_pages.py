"""The list of repositories, a repository, and the lists of its issues and pull requests."""

from importlib.resources import files

from aiohttp import web

from pushpals.local.forge.entities import Issue, PullRequest
from pushpals.local.forge.errors import NotFoundError
from pushpals.local.forge.web.history import log
from pushpals.local.forge.web.site import CSS, Site, Visit

REPO = "/{owner:(?!api/|-/)[^/]+}/{repo:[^/]+}"
"""The path of a repository; the API and our own files live beside."""

_COMMITS = 15


def routes(site: Site) -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        site.get("/", _repos),
        site.get(CSS, _css),
        site.post("/-/account", _switch),
        site.get(REPO, _repo),
        site.get(f"{REPO}/issues", _issues),
        site.get(f"{REPO}/pulls", _pulls),
    ]


async def missing(_: Visit) -> web.StreamResponse:
    """Any other address."""
    raise NotFoundError("There is no page at this address.")


async def _repos(visit: Visit) -> web.StreamResponse:
    store = visit.forge.store
    login = visit.account.login if visit.account else ""
    seen = [repo for repo in store.repos.values() if store.role(repo, login).base != "none"]
    open_now = {repo.id: [s for s in store.subjects(repo.id) if s.state == "open"] for repo in seen}
    return visit.page("repos.html", repos=seen, open_now=open_now)


async def _css(_: Visit) -> web.StreamResponse:
    text = (files(__package__ or "") / "forge.css").read_text(encoding="utf-8")
    return web.Response(text=text, content_type="text/css", charset="utf-8")


async def _switch(visit: Visit) -> web.StreamResponse:
    account = visit.forge.store.account(visit.text("login"))
    if account not in visit.site.people():
        raise NotFoundError(f"There is no person {account.login} to act as.")
    response = visit.to(visit.back())
    visit.site.guard.set_cookie(response, visit.site.guard.actor_cookie, account.login)
    return response


async def _repo(visit: Visit) -> web.StreamResponse:
    repo = visit.repo()
    git = visit.forge.git
    head = await git.resolve(repo, f"refs/heads/{repo.default_branch}")
    commits = await log(git, repo, head, limit=_COMMITS) if head else []
    subjects = [s for s in reversed(visit.forge.store.subjects(repo.id)) if s.state == "open"]
    issues = [s for s in subjects if isinstance(s, Issue)]
    pulls = [s for s in subjects if isinstance(s, PullRequest)]
    return visit.page("repo.html", repo=repo, issues=issues, pulls=pulls, commits=commits)


async def _issues(visit: Visit) -> web.StreamResponse:
    return await _list(visit, Issue)


async def _pulls(visit: Visit) -> web.StreamResponse:
    return await _list(visit, PullRequest)


async def _list(visit: Visit, kind: type[Issue | PullRequest]) -> web.StreamResponse:
    repo = visit.repo()
    state = "closed" if visit.request.query.get("state") == "closed" else "open"
    everything = [s for s in reversed(visit.forge.store.subjects(repo.id)) if isinstance(s, kind)]
    shown = [s for s in everything if s.state == state]
    counts = {state: sum(s.state == state for s in everything) for state in ("open", "closed")}
    return visit.page(
        "list.html", repo=repo, subjects=shown, state=state, counts=counts, pulls=kind is PullRequest
    )
