"""The REST endpoints that GraphQL does not cover: App authentication, roles, and a few plain reads."""

import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from pushpals.local.forge.accounts import ensure_label, legacy_permission
from pushpals.local.forge.app_entities import App, CheckRun, Installation
from pushpals.local.forge.apps import mint_token
from pushpals.local.forge.auth import Grant
from pushpals.local.forge.entities import PullRequest, Repo
from pushpals.local.forge.errors import NotFoundError, UnauthorizedError, UnprocessableError
from pushpals.local.forge.git import Git
from pushpals.local.forge.pulls import mergeable
from pushpals.local.forge.render import Renderer
from pushpals.local.forge.render_base import when
from pushpals.local.forge.request_keys import ALLOWANCES, CHANGED, PRINCIPAL
from pushpals.local.forge.store import Event, Store

API = "/api/v3"
MAX_PER_PAGE = 100
_EVENT_TYPE = 100
_PAYLOAD_KEYS = 10
_NO_REPOSITORY = (
    "There is at least one repository that does not exist or is not accessible to the parent installation."
)


class Rest:
    """Handlers; who asks was established by the server and is in ``request[PRINCIPAL]``."""

    def __init__(self, store: Store, git: Git, renderer: Renderer) -> None:
        self._store = store
        self._git = git
        self._renderer = renderer
        self._logs: dict[str, int] = {}

    def routes(self) -> list[web.RouteDef]:
        """The routes to add to the server."""
        repo = f"{API}/repos/{{owner}}/{{name}}"
        return [
            web.get(f"{API}/app", self._app),
            web.get(f"{API}/app/installations", self._installations),
            web.get(f"{API}/app/hook/config", self._hook_config),
            web.post(f"{API}/app/installations/{{id:\\d+}}/access_tokens", self._access_token),
            web.get(f"{API}/installation/repositories", self._repositories),
            web.get(f"{API}/rate_limit", self._rate_limit),
            web.get(repo, self._repo),
            web.post(f"{repo}/dispatches", self._dispatch),
            web.post(f"{repo}/labels", self._create_label),
            web.get(f"{repo}/installation", self._repo_installation),
            web.get(f"{repo}/collaborators/{{login}}/permission", self._permission),
            web.get(f"{repo}/issues/{{number:\\d+}}", self._issue),
            web.get(f"{repo}/pulls/{{number:\\d+}}", self._pull),
            web.get(f"{repo}/check-runs/{{id:\\d+}}", self._check_run),
            web.get(f"{repo}/check-runs/{{id:\\d+}}/annotations", self._annotations),
            web.get(f"{repo}/actions/jobs/{{id:\\d+}}/logs", self._log_place),
            web.get("/_logs/{secret:[0-9a-f]+}", self._log),
            web.get(f"{repo}/commits/{{ref:.+}}/check-runs", self._check_runs),
        ]

    # As an App (JWT)

    async def _app(self, request: web.Request) -> web.Response:
        app = _as_app(request)
        count = sum(i.app_id == app.id for i in self._store.installations.values())
        return web.json_response({**self._renderer.app(app), "installations_count": count})

    async def _installations(self, request: web.Request) -> web.Response:
        app = _as_app(request)
        mine = [i for i in self._store.installations.values() if i.app_id == app.id]
        return _paged(request, mine, self._renderer.installation, lambda items, _: items)

    async def _hook_config(self, request: web.Request) -> web.Response:
        app = _as_app(request)
        shape = {"content_type": "json", "insecure_ssl": "0", "secret": "********"}
        return web.json_response({**shape, "url": app.webhook_url or ""})

    async def _repo_installation(self, request: web.Request) -> web.Response:
        app = _as_app(request)
        repo = self._store.repo(request.match_info["owner"], request.match_info["name"])
        installation = self._store.installation_of(app.id, repo.id)
        if installation is None:
            raise NotFoundError("Not Found")
        return web.json_response(self._renderer.installation(installation))

    async def _access_token(self, request: web.Request) -> web.Response:
        app = _as_app(request)
        installation = self._store.installations.get(int(request.match_info["id"]))
        if installation is None or installation.app_id != app.id:
            raise NotFoundError("Not Found")
        asked = await _json_object(request)
        token, secret = mint_token(
            self._store,
            installation,
            repo_ids=self._asked_repos(installation, asked),
            permissions=asked.get("permissions"),
        )
        request[CHANGED] = True
        shape: dict[str, Any] = {
            "token": secret,
            "expires_at": when(token.expires_at),
            "permissions": token.permissions,
            "repository_selection": "selected",
        }
        if asked.get("repositories") or asked.get("repository_ids"):
            shape["repositories"] = [self._renderer.repo(self._store.repos[i]) for i in token.repo_ids]
        return web.json_response(shape, status=201)

    def _asked_repos(self, installation: Installation, asked: dict[str, Any]) -> list[int] | None:
        ids: list[int] = list(asked.get("repository_ids") or [])
        for name in asked.get("repositories") or []:
            try:
                ids.append(self._store.repo(installation.account, str(name)).id)
            except NotFoundError:
                raise UnprocessableError(_NO_REPOSITORY) from None
        return ids or None

    # As an installation

    async def _repositories(self, request: web.Request) -> web.Response:
        grant = _as_installation(request)
        repos = [self._store.repos[i] for i in grant.token.repo_ids if i in self._store.repos]

        def shape(items: list[Any], total: int) -> dict[str, Any]:
            return {"total_count": total, "repository_selection": "selected", "repositories": items}

        return _paged(request, repos, self._renderer.repo, shape)

    async def _rate_limit(self, request: web.Request) -> web.Response:
        resources = {
            name: {key: getattr(one, key) for key in ("limit", "used", "remaining", "reset")}
            for name, one in request[ALLOWANCES].items()
        }
        # GitHub lists search too; here it has nothing to count.
        search = {**resources["core"], "limit": 30, "used": 0, "remaining": 30}
        return web.json_response({"resources": {**resources, "search": search}, "rate": resources["core"]})

    async def _repo(self, request: web.Request) -> web.Response:
        return web.json_response(self._renderer.repo(self._readable(request, "metadata")))

    async def _create_label(self, request: web.Request) -> web.Response:
        repo, grant = self._readable(request, "metadata"), _as_installation(request)
        grant.require(repo, "write", "issues")
        asked = await _json_object(request)
        name = str(asked.get("name") or "")
        if not name or self._store.label(repo.id, name) is not None:
            problem = {
                "resource": "Label",
                "code": "already_exists" if name else "missing_field",
                "field": "name",
            }
            return web.json_response({"message": "Validation Failed", "errors": [problem]}, status=422)
        color, words = str(asked.get("color") or "ededed"), str(asked.get("description") or "")
        label = ensure_label(self._store, repo, name, color, words)
        request[CHANGED] = True
        return web.json_response(self._renderer.label(label), status=201)

    async def _dispatch(self, request: web.Request) -> web.Response:
        repo, grant = self._readable(request, "metadata"), _as_installation(request)
        grant.require(repo, "write", "contents")
        asked = await _json_object(request)
        kind, payload = asked.get("event_type"), asked.get("client_payload") or {}
        if not isinstance(kind, str) or not 0 < len(kind) <= _EVENT_TYPE or len(payload) > _PAYLOAD_KEYS:
            raise UnprocessableError("Invalid request: event_type, or more than 10 keys in client_payload.")
        parts = {"branch": repo.default_branch, "client_payload": payload}
        with self._store.transaction():
            self._store.emit(Event("repository_dispatch", kind, repo, grant.app.bot, parts))
        self._store.touch()
        request[CHANGED] = True
        return web.Response(status=204)

    async def _permission(self, request: web.Request) -> web.Response:
        repo = self._readable(request, "metadata")
        account = self._store.account(request.match_info["login"])
        role = self._store.role(repo, account.login)
        legacy = legacy_permission(role)
        order = ("read", "triage", "write", "maintain", "admin")
        names = {
            "read": "pull",
            "triage": "triage",
            "write": "push",
            "maintain": "maintain",
            "admin": "admin",
        }
        rank = order.index(role.base) if role.base in order else -1
        can = {names[level]: rank >= place for place, level in enumerate(order)}
        user = {**self._renderer.user(account.login), "permissions": can, "role_name": role.name}
        return web.json_response({"permission": legacy, "role_name": role.name, "user": user})

    async def _issue(self, request: web.Request) -> web.Response:
        repo = self._readable(request, "issues", "pull_requests")
        subject = self._store.subject(repo.id, int(request.match_info["number"]))
        return web.json_response(self._renderer.issue(subject))

    async def _pull(self, request: web.Request) -> web.Response:
        repo = self._readable(request, "pull_requests")
        subject = self._store.subject(repo.id, int(request.match_info["number"]))
        if not isinstance(subject, PullRequest):
            raise NotFoundError("Not Found")
        clean = await mergeable(self._git, repo, subject)
        return web.json_response(self._renderer.pull(subject, mergeable=clean))

    async def _check_run(self, request: web.Request) -> web.Response:
        run = self._run(request, "checks")
        return web.json_response(self._renderer.check_run(run))

    async def _annotations(self, request: web.Request) -> web.Response:
        run = self._run(request, "checks")
        return _paged(request, run.annotations, self._renderer.annotation, lambda items, _: items)

    async def _log_place(self, request: web.Request) -> web.Response:
        """Logs lie elsewhere, under an address that is good for a short time and asks for nobody's name."""
        run = self._run(request, "actions")
        if run.log is None:
            raise NotFoundError("Not Found")
        secret = secrets.token_hex(16)
        self._logs[secret] = run.id
        return web.Response(status=302, headers={"Location": f"{self._renderer.web}/_logs/{secret}"})

    async def _log(self, request: web.Request) -> web.Response:
        run = self._store.runs.get(self._logs.get(request.match_info["secret"], 0))
        if run is None or run.log is None:
            return web.Response(status=404, text="Gone\n")
        if "Authorization" in request.headers:
            # Where GitHub's logs lie, a second credential beside the address is refused.
            return web.Response(status=400, text="Authentication by address only\n")
        return web.Response(text=run.log)

    def _run(self, request: web.Request, permission: str) -> CheckRun:
        repo = self._readable(request, permission)
        run = self._store.runs.get(int(request.match_info["id"]))
        if run is None or run.repo_id != repo.id:
            raise NotFoundError("Not Found")
        return run

    async def _check_runs(self, request: web.Request) -> web.Response:
        repo = self._readable(request, "checks")
        ref = request.match_info["ref"]
        sha = await self._git.resolve(repo, f"{ref}^{{commit}}")
        if sha is None:
            raise UnprocessableError(f"No commit found for SHA: {ref}")
        query = request.query
        runs = [
            run
            for run in self._store.runs_on(repo.id, sha)
            if query.get("check_name") in {None, run.name}
            and query.get("status") in {None, run.status}
            and query.get("app_id") in {None, str(run.app_id)}
        ]
        if query.get("filter", "latest") == "latest":
            runs = list({(run.app_id, run.name): run for run in runs}.values())
        return _paged(
            request, runs, self._renderer.check_run, lambda items, n: {"total_count": n, "check_runs": items}
        )

    def _readable(self, request: web.Request, *permissions: str) -> Repo:
        """The repository of the address, if one of these permissions lets the caller read it."""
        repo = self._store.repo(request.match_info["owner"], request.match_info["name"])
        if request[PRINCIPAL] is None and not repo.private:
            return repo
        if request[PRINCIPAL] is None:
            raise NotFoundError("Not Found")
        _as_installation(request).require(repo, "read", *permissions)
        return repo


def _as_app(request: web.Request) -> App:
    principal = request[PRINCIPAL]
    if not isinstance(principal, App):
        raise UnauthorizedError("A JSON web token could not be decoded")
    return principal


def _as_installation(request: web.Request) -> Grant:
    principal = request[PRINCIPAL]
    if not isinstance(principal, Grant):
        raise UnauthorizedError("Requires authentication")
    return principal


async def _json_object(request: web.Request) -> dict[str, Any]:
    if not request.can_read_body:
        return {}
    try:
        body = json.loads(await request.read())
    except json.JSONDecodeError:
        raise UnprocessableError("Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise UnprocessableError("Body should be a JSON object")
    return body


def _paged(
    request: web.Request,
    items: Sequence[Any],
    render: Callable[[Any], Any],
    shape: Callable[[list[Any], int], Any],
) -> web.Response:
    """One page of ``items``, with GitHub's ``Link`` header if there are more."""
    try:
        size = min(int(request.query.get("per_page", 30)), MAX_PER_PAGE)
        page = int(request.query.get("page", 1))
    except ValueError:
        raise UnprocessableError("page and per_page are numbers") from None
    if size < 1 or page < 1:
        raise UnprocessableError("page and per_page are positive")
    final = max(1, -(-len(items) // size))
    chosen = [render(item) for item in items[(page - 1) * size : page * size]]
    places: dict[str, int] = {}
    if page > 1:
        places |= {"prev": page - 1, "first": 1}
    if page < final:
        places |= {"next": page + 1, "last": final}
    links = [
        f'<{request.url.update_query(page=number, per_page=size)}>; rel="{name}"'
        for name, number in places.items()
    ]
    headers = {"Link": ", ".join(links)} if links else {}
    return web.json_response(shape(chosen, len(items)), headers=headers)
