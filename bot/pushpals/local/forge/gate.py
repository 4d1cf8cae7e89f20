"""What every API request passes: records, faults, authentication, the hourly allowance, ETags, errors."""

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from pushpals.local.forge.app_entities import App
from pushpals.local.forge.apps import ACTIONS_APP
from pushpals.local.forge.auth import Grant, app_of, bearer, grant_of
from pushpals.local.forge.errors import ForgeError, NotFoundError, UnauthorizedError
from pushpals.local.forge.graphql_api import describe
from pushpals.local.forge.request_keys import ALLOWANCES, CHANGED, PRINCIPAL, RECORD
from pushpals.local.forge.store import Store
from pushpals.local.forge.traffic import Allowance, Effect, Fault, Kind, RequestRecord

GRAPHQL = "/api/graphql"
_REST = "/api/v3"
_RESOURCES = {"rest": "core", "graphql": "graphql"}
_ANONYMOUS_LIMIT = 60
_WORKFLOW_LIMIT = 1_000
"""Requests an hour with the GITHUB_TOKENs of one repository."""
_DOCUMENTATION = "https://docs.github.com/rest"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OnEffect = Callable[[Effect], Awaitable[None]]


class Gate:
    """The middlewares of the server and what tests observe and disturb through them."""

    def __init__(self, store: Store, hourly_limit: int) -> None:
        self.requests: list[RequestRecord] = []
        self.faults: list[Fault] = []
        self.on_effect: OnEffect | None = None
        self._store = store
        self._hourly_limit = hourly_limit
        self._allowances: dict[str, dict[str, Allowance]] = {}

    def middlewares(self) -> list[Any]:
        """The middlewares, outermost first."""

        @web.middleware
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._watch(request, handler)

        @web.middleware
        async def api(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._api(request, handler)

        return [watch, api]

    async def affected(self, request: web.Request, refs: tuple[str, ...] = ()) -> None:
        """Tell the observer that a request changed something, before it is answered."""
        if self.on_effect is not None:
            self._identify(request[RECORD], request)
            await self.on_effect(Effect(request[RECORD], refs))

    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record the request, and make it fail if a test wants it to."""
        kind = _kind(request.path)
        if kind is None:
            return await handler(request)
        record = RequestRecord(kind, request.method, request.path)
        if kind == "graphql":
            await _describe_into(record, request)
        request[RECORD] = record
        self.requests.append(record)
        fault = self._take_fault(record)
        if fault and fault.when == "before":
            response: web.StreamResponse = _misbehave(request, fault)
        else:
            response = await handler(request)
            response = _misbehave(request, fault, response) if fault else response
        record.status = response.status
        self._identify(record, request)
        return response

    async def _api(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Authenticate, count against the allowance, and finish REST and GraphQL answers."""
        kind = request[RECORD].kind if RECORD in request else None
        if kind is None or kind not in _RESOURCES:
            return await handler(request)
        resource = _RESOURCES[kind]
        request[PRINCIPAL] = None
        request[ALLOWANCES] = self._allowance(None)
        try:
            request[PRINCIPAL] = self._authenticate(request)
            request[ALLOWANCES] = self._allowance(request[PRINCIPAL])
            if request[ALLOWANCES][resource].remaining or _is_free(request):
                response = await handler(request)
            else:
                response = _exhausted(kind)
        except ForgeError as error:
            # GitHub does not tell what it is that is not there.
            message = "Not Found" if isinstance(error, NotFoundError) else str(error)
            response = _refusal(message, error.status)
        except web.HTTPException as error:
            response = _refusal(error.reason, error.status)
        if request.get(CHANGED):
            await self.affected(request)
        return self._finished(request, response, request[ALLOWANCES][resource])

    def _finished(
        self, request: web.Request, response: web.StreamResponse, allowance: Allowance
    ) -> web.StreamResponse:
        fresh = True
        if (
            request.method == "GET"
            and isinstance(response, web.Response)
            and response.status == web.HTTPOk.status_code
        ):
            body = response.body if isinstance(response.body, bytes) else b""
            etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
            fresh = request.headers.get("If-None-Match") != etag
            if not fresh:
                response = web.Response(status=web.HTTPNotModified.status_code)
            response.headers["ETag"] = etag
            response.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        if fresh and not _is_free(request):
            allowance.used += 1
        response.headers.update(allowance.headers())
        response.headers["X-GitHub-Request-Id"] = secrets.token_hex(12).upper()
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        return response

    def _authenticate(self, request: web.Request) -> App | Grant | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        secret = bearer(header)
        # A JWT is three parts with dots between; a token has none.
        if secret and "." in secret:
            return app_of(self._store, secret)
        return grant_of(self._store, secret)

    def _allowance(self, principal: App | Grant | None) -> dict[str, Allowance]:
        who = "nobody"
        if isinstance(principal, App):
            who = f"app {principal.id}"
        elif principal is not None:
            who = f"installation {principal.installation.id}"
        limit = _ANONYMOUS_LIMIT if principal is None else self._hourly_limit
        if isinstance(principal, Grant) and principal.app.id == ACTIONS_APP:
            who = f"workflows of {principal.token.repo_ids}"
            limit = min(limit, _WORKFLOW_LIMIT)
        found = self._allowances.setdefault(
            who, {name: Allowance(limit, name) for name in _RESOURCES.values()}
        )
        for allowance in found.values():
            allowance.begin(int(self._store.now().timestamp()))
        return found

    def _take_fault(self, record: RequestRecord) -> Fault | None:
        for fault in self.faults:
            if fault.matches(record):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    @staticmethod
    def _identify(record: RequestRecord, request: web.Request) -> None:
        principal = request.get(PRINCIPAL)
        if isinstance(principal, App):
            record.app_id = principal.id
        elif isinstance(principal, Grant):
            record.app_id = principal.app.id
            record.installation_id = principal.installation.id


def require_installation(request: web.Request) -> Grant:
    """The caller's installation token. Raises UnauthorizedError without one."""
    principal = request[PRINCIPAL]
    if not isinstance(principal, Grant):
        raise UnauthorizedError("This endpoint requires you to be authenticated.")
    return principal


def _kind(path: str) -> Kind | None:
    if path == GRAPHQL:
        return "graphql"
    if path == _REST or path.startswith(f"{_REST}/"):
        return "rest"
    return "git" if ".git/" in path else None


async def _describe_into(record: RequestRecord, request: web.Request) -> None:
    with suppress(ValueError, TypeError, KeyError):
        body = json.loads(await request.read())
        operation = describe(body["query"], body.get("operationName"))
        record.operation, record.mutations = operation.name, operation.mutations


def _misbehave(request: web.Request, fault: Fault, done: web.StreamResponse | None = None) -> web.Response:
    # An answer that is already on its way can only be cut off.
    if fault.status is None or (done and done.prepared):
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499)
    return web.Response(status=fault.status, headers=fault.headers, text=fault.body)


def _is_free(request: web.Request) -> bool:
    """Whether a request costs nothing: a look at the allowance itself."""
    return request.path == f"{_REST}/rate_limit"


def _exhausted(kind: Kind) -> web.Response:
    message = "API rate limit exceeded"
    if kind == "graphql":
        return web.json_response({"errors": [{"type": "RATE_LIMITED", "message": message}]})
    return _refusal(message, web.HTTPForbidden.status_code)


def _refusal(message: str, status: int) -> web.Response:
    shape = {"message": message, "documentation_url": _DOCUMENTATION, "status": str(status)}
    return web.json_response(shape, status=status)
