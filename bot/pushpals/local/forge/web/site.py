"""The frame of every page: who visits, how templates are rendered, how refusals are told."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from pushpals.local.forge.accounts import can_write
from pushpals.local.forge.entities import Account, Authored, Issue, PullRequest, Repo
from pushpals.local.forge.errors import ForbiddenError, ForgeError, NotFoundError
from pushpals.local.forge.git import GitError
from pushpals.local.forge.server import Forge
from pushpals.local.forge.web import words
from pushpals.local.forge.web.guard import HEADERS, Guard, content_policy
from pushpals.local.forge.web.markdown import render
from pushpals.local.forge.web.remarks import Drafts

Handler = Callable[["Visit"], Awaitable[web.StreamResponse]]

CSS = "/-/forge.css"
_TRIAGE = {"triage", "write", "maintain", "admin"}


class Site:
    """The pages of one forge: templates, guard, and routes whose handlers get a :class:`Visit`."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.drafts = Drafts()
        # Revisions begin anew with every start of the forge.
        self._boot = secrets.token_hex(4)
        self.guard = Guard(forge.store.directory, forge.url)
        self.templates = Environment(
            loader=PackageLoader(__package__ or "", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.templates.globals.update(css=CSS)
        # Strings become markup in two places, here and in Visit._render; all else is escaped.
        self.trust: Callable[[str], str] = self.templates.filters["safe"]
        self.templates.filters.update(
            visible=lambda text: self.trust(words.visible(text)),
            titled=lambda text: self.trust(words.titled(text)),
            reacted=words.reacted,
            gist=words.gist,
            pretty=words.pretty,
            utc=words.utc,
            plural=words.plural,
            ago=lambda when: words.ago(when, forge.store.now()),
        )

    def get(self, path: str, handler: Handler) -> web.RouteDef:
        """A route that shows something."""

        async def show(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, handler, {})

        return web.get(path, show)

    def post(self, path: str, handler: Handler) -> web.RouteDef:
        """A route that a form is sent to."""

        async def take(request: web.Request) -> web.StreamResponse:
            try:
                sent = await request.post()
            except web.HTTPRequestEntityTooLarge as error:
                visit = self._visit(request, {})
                text = "That is more than this forge takes. Go back and send less; your browser has the text."
                return self._finished(visit, visit.refusal(error.status, text))
            form = {name: value for name, value in sent.items() if isinstance(value, str)}
            return await self._answer(request, handler, form)

        return web.post(path, take)

    def shown_by_post(self, path: str, handler: Handler) -> web.RouteDef:
        """A route that only shows something, and that a form of another site may be sent to."""

        async def show(request: web.Request) -> web.StreamResponse:
            sent = await request.post()
            form = {name: value for name, value in sent.items() if isinstance(value, str)}
            return await self._answer(request, handler, form, from_elsewhere=True)

        return web.post(path, show)

    def people(self) -> list[Account]:
        """The accounts that a person can act as."""
        return [account for account in self.forge.store.accounts.values() if account.type == "User"]

    async def _answer(
        self, request: web.Request, handler: Handler, form: Mapping[str, str], *, from_elsewhere: bool = False
    ) -> web.StreamResponse:
        visit = self._visit(request, form)
        try:
            self.guard.check_host(request)
            if request.method == "POST" and not from_elsewhere:
                self.guard.check_form(request, form.get("token", ""))
            response = await handler(visit)
        except ForgeError as error:
            response = visit.refusal(error.status, str(error))
        except GitError as error:
            response = visit.refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"git could not answer: {error}")
        return self._finished(visit, response)

    def _visit(self, request: web.Request, form: Mapping[str, str]) -> "Visit":
        actor = self._actor(request)
        return Visit(self, request, actor, form, self._version(actor))

    def _finished(self, visit: "Visit", response: web.StreamResponse) -> web.StreamResponse:
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = content_policy(
            visit.nonce, visit.leads_to[0] if visit.leads_to else ""
        )
        self.guard.give_cookie(visit.request, response)
        return response

    def _actor(self, request: web.Request) -> Account | None:
        """Who the person acts as: the account they chose, else somebody invited to work, else anybody."""
        people = self.people()
        chosen = request.cookies.get(self.guard.actor_cookie)
        found = [account for account in people if account.login == chosen]
        store = self.forge.store
        helpers = {
            login for repo in store.repos.values() for login in repo.roles if can_write(store, repo, login)
        }
        invited = [account for account in people if account.login.lower() in helpers]
        return next(iter([*found, *invited, *people]), None)

    def _version(self, actor: Account | None) -> str:
        """Names what pages are made of: the store as it is, the minute (for "5 minutes ago"), the person."""
        store = self.forge.store
        minute = int(store.now().timestamp()) // 60
        return f'"{self._boot}-{store.revision}-{minute}-{actor.id if actor else 0}"'


@dataclass(frozen=True)
class Visit:
    """One request by one person. ``form`` holds the fields that were sent."""

    site: Site
    request: web.Request
    account: Account | None
    form: Mapping[str, str]
    version: str
    """Names what the page is made of, as it was when the request came."""
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    leads_to: list[str] = field(default_factory=list)
    """The other site that the page's form leads to in the end, if it does."""

    @property
    def forge(self) -> Forge:
        """The forge."""
        return self.site.forge

    @property
    def actor(self) -> str:
        """Login of the person who acts. Raises ForbiddenError while the forge has no people."""
        if self.account is None:
            raise ForbiddenError("This forge has no people yet, so nobody can do anything.")
        return self.account.login

    def text(self, name: str) -> str:
        """A field of the form, with the line ends that browsers change put right."""
        return self.form.get(name, "").replace("\r\n", "\n")

    def repo(self) -> Repo:
        """The repository the address names. Raises NotFoundError, also when it is hidden from this person."""
        named, store = self.request.match_info, self.forge.store
        full_name = f"{named['owner']}/{named['repo']}"
        try:
            repo = store.repo(named["owner"], named["repo"])
        except NotFoundError:
            raise NotFoundError(f"There is no repository {full_name}.") from None
        if store.role(repo, self.account.login if self.account else "").base == "none":
            raise NotFoundError(f"There is no repository {full_name}.")
        return repo

    def subject(self) -> Issue | PullRequest:
        """The issue or pull request the address names. Raises NotFoundError."""
        repo, number = self.repo(), int(self.request.match_info["number"])
        try:
            return self.forge.store.subject(repo.id, number)
        except NotFoundError:
            raise NotFoundError(f"There is no issue or pull request #{number} in {repo.full_name}.") from None

    def can_write(self, repo: Repo) -> bool:
        """Whether this person may push to a repository."""
        return self.account is not None and can_write(self.forge.store, repo, self.account.login)

    def can_triage(self, repo: Repo) -> bool:
        """Whether this person may label and close what others opened."""
        return self.account is not None and self.forge.store.role(repo, self.account.login).base in _TRIAGE

    def may_edit(self, repo: Repo, text: Authored) -> bool:
        """Whether this person may change a text: authors may, and so may everybody with write access."""
        return self.account is not None and (text.author == self.account.login or self.can_write(repo))

    def page(self, template: str, status: int = HTTPStatus.OK, **context: Any) -> web.Response:
        """Render a page."""
        html = self._render(template, context)
        return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")

    def fragment(self, template: str, **context: Any) -> web.Response:
        """Render a part of a page that refreshes itself."""
        html = self._render(template, context)
        headers = {"ETag": self.version}
        return web.Response(text=html, content_type="text/html", charset="utf-8", headers=headers)

    def unchanged(self) -> web.Response | None:
        """A 304 when the browser has the fragment as it is now."""
        if self.request.headers.get("If-None-Match") != self.version:
            return None
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": self.version})

    def refusal(self, status: int, message: str) -> web.Response:
        """Render a page that says what went wrong and what to do next; what was typed is on it."""
        typed = [self.form[name] for name in ("title", "body") if self.form.get(name)]
        return self.page("error.html", status, code=int(status), message=message, typed=typed)

    def to(self, address: str) -> web.Response:
        """Send the browser on to a page after a form."""
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})

    def back(self) -> str:
        """The page of this site that the visitor came from, else the front page."""
        came = urlsplit(self.request.headers.get("Referer", ""))
        own = came.netloc.lower() == self.request.host.lower() and not came.path.startswith("//")
        return came.path if own and came.path.startswith("/") else "/"

    def _render(self, template: str, context: Mapping[str, Any]) -> str:
        reference = self._reference(context.get("repo"))
        return self.site.templates.get_template(template).render(
            **{"repo": None, **context},
            visit=self,
            account=self.account,
            people=self.site.people(),
            token=self.site.guard.token,
            nonce=self.nonce,
            markdown=lambda text: self.site.trust(render(text, reference)),
        )

    def _reference(self, repo: Repo | None) -> Callable[[str], str | None]:
        """Where references in a repository's texts lead to."""

        def resolve(reference: str) -> str | None:
            if repo is None:
                return None
            if reference.startswith("#"):
                return self.address_of(repo, int(reference[1:]))
            return f"/{repo.full_name}/record/{reference.rpartition('/')[2]}"

        return resolve

    def address_of(self, repo: Repo, number: int) -> str | None:
        """The page of an issue or pull request, if there is one of that number."""
        try:
            subject = self.forge.store.subject(repo.id, number)
        except NotFoundError:
            return None
        kind = "pull" if isinstance(subject, PullRequest) else "issues"
        return f"/{repo.full_name}/{kind}/{number}"
