"""The typed calls on one repository, as one installation of the App sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pushpals.github import documents, parse
from pushpals.github.access import Access, Answer, Effect
from pushpals.github.check_runs import without_buttons
from pushpals.github.errors import AccessDenied, GitHubError, NotFound, Refused, WriteFailed
from pushpals.github.limits import is_secondary
from pushpals.github.mutation import Mutation, Written
from pushpals.github.permissions import PUSH, Permissions
from pushpals.github.transport import Room
from pushpals.github.views import (
    CiAnnotation,
    CiCheck,
    LinkedView,
    NewcomerView,
    OpenIssues,
    PullOutcome,
    PullView,
    Role,
    SubjectView,
)
from pushpals.model import RepoRef, Sha


class RepoClient:
    """What PushPals asks of a repository. Made by `GitHub.repo`.

    Every call may raise GitHubUnavailable, RateLimited, AccessDenied, NotFound and BadCredentials.
    """

    def __init__(self, access: Access, *, app_id: int, buttons: bool = True) -> None:
        """`buttons`: whether anybody would hear of a button that is pressed on a check run."""
        self._access = access
        self._app_id = app_id
        self._buttons = buttons

    @property
    def ref(self) -> RepoRef:
        """The repository."""
        return self._access.ref

    @property
    def git_url(self) -> str:
        """The URL to fetch and push. It holds no credential."""
        return self._access.shared.endpoints.git(self.ref)

    async def git_token(self, permissions: Permissions) -> str:
        """Return a token for git over HTTP (user `x-access-token`), with at least ten minutes of life."""
        return await self._access.token(permissions)

    async def role_of(self, login: str) -> Role:
        """Return the account's id and what it may do here.

        The role is GitHub's `role_name`: its older `permission` calls triage `read` and maintain `write`.
        """
        path = "/repos/{owner}/{repo}/collaborators/{login}/permission"
        names = {"owner": self.ref.owner, "repo": self.ref.name, "login": login}
        try:
            answer = await self._access.get("role", path, names)
        except NotFound:
            return Role(None, "none")
        return Role((answer.get("user") or {}).get("id"), answer["role_name"])

    async def subject(
        self,
        number: int,
        *,
        branches: Sequence[str] = (),
        commits: Sequence[Sha] = (),
        labels: Sequence[str] = (),
    ) -> SubjectView:
        """Return the issue or pull request `number` with all that one decision needs, in one request.

        Also the pull requests from `branches` of this repository, this App's check runs on `commits`, and
        the ids of `labels`; at most `documents.MAX_ALIASES` of each, and `MAX_COMMITS` commits,
        else ValueError.
        """
        asked = {"branches": branches, "commits": commits, "labels": labels}
        document = documents.subject(self.ref.owner, self.ref.name, number, app_id=self._app_id, **asked)
        answer = await self._access.graphql("subject", document)
        return parse.subject(_whole(answer, f"{self.ref}#{number}"), **asked, app_id=self._app_id)

    async def room(self) -> Room:
        """Return what the installation has left of its hour."""
        return await self._access.room()

    async def write(self, *mutations: Mutation, urgent: bool = False) -> tuple[Written, ...]:
        """Run `mutations` in order, in one request, and return what each made. `urgent`: it answers somebody.

        A refused one yields a WriteFailed in its place; those after it are run all the same. A
        GitHubUnavailable with `lost` set means that nobody knows: look before writing again.
        """
        if not mutations:
            return ()
        if not self._buttons:
            mutations = tuple(without_buttons(mutation) for mutation in mutations)
        document = documents.write([mutation.compiled() for mutation in mutations])
        access = self._access
        if any(mutation.merges for mutation in mutations):
            access = replace(access, permissions=Permissions(**{**access.permissions, "contents": "write"}))
        effect = Effect(
            writes=len(mutations),
            creates=sum(mutation.creations for mutation in mutations),
            urgent=urgent,
            whose=next((f"{self.ref} {m.place}" for m in mutations if m.creations), ""),
        )
        answer = await access.graphql("write", document, effect)
        data: Answer = answer.get("data") or {}
        failures = _failures(answer)
        if not data and None in failures:
            raise GitHubError(f"GitHub refused to write to {self.ref}: {failures[None].get('message')}")
        return tuple(
            _written(mutation, data.get(f"m{n}"), failures.get(f"m{n}"))
            for n, mutation in enumerate(mutations)
        )

    async def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        """Start the repository's workflows that wait for a `repository_dispatch` of type `event`.

        Also what a `GITHUB_TOKEN` sends starts them, unlike what it pushes (GitHub documentation,
        "GITHUB_TOKEN").
        """
        access = replace(self._access, permissions=PUSH)
        names = {"owner": self.ref.owner, "repo": self.ref.name}
        body = {"event_type": event, "client_payload": dict(payload)}
        await access.post("dispatch", "/repos/{owner}/{repo}/dispatches", names, body)

    async def open_issues(self, label: str) -> OpenIssues:
        """Return all open issues with `label`, and what was touched last; one request for each hundred."""
        numbers: list[int] = []
        touched: dict[int, datetime] = {}
        after: str | None = None
        while True:
            document = documents.open_issues(self.ref.owner, self.ref.name, label, after)
            answer = await self._access.graphql("open_issues", document)
            found = _whole(answer, str(self.ref))["repository"]
            touched |= parse.touched(found)
            page = found["issues"]
            numbers += [node["number"] for node in page["nodes"] if node]
            if not page["pageInfo"]["hasNextPage"]:
                return OpenIssues(tuple(numbers), touched)
            after = page["pageInfo"]["endCursor"]

    async def newcomer(self, label: str, branch: str, last: int) -> NewcomerView:
        """Return what is known of a repository before PushPals works for it, in one request."""
        document = documents.newcomer(self.ref.owner, self.ref.name, label, branch, last)
        answer = await self._access.graphql("newcomer", document)
        return parse.newcomer(_whole(answer, str(self.ref))["repository"])

    async def create_label(self, name: str, color: str, description: str) -> None:
        """Make a label; one that is there already stays as it is. `color` is six hexadecimal digits."""
        names = {"owner": self.ref.owner, "repo": self.ref.name}
        body = {"name": name, "color": color, "description": description}
        try:
            await self._access.post("label", "/repos/{owner}/{repo}/labels", names, body)
        except Refused as error:
            if "already_exists" not in str(error):
                raise

    async def linked(self, numbers: Sequence[int]) -> tuple[LinkedView, ...]:
        """Return title and state of issues and pull requests, in one request; of those that exist."""
        if not numbers:
            return ()
        document = documents.linked(self.ref.owner, self.ref.name, numbers)
        answer = await self._access.graphql("linked", document)
        return parse.linked(answer.get("data") or {})

    async def outcomes(self, branches: Sequence[str]) -> dict[str, PullOutcome]:
        """Return the newest pull request from each branch, of those that have one; a request for 25."""
        found: dict[str, PullOutcome] = {}
        for start in range(0, len(branches), documents.MAX_ALIASES):
            some = branches[start : start + documents.MAX_ALIASES]
            document = documents.outcomes(self.ref.owner, self.ref.name, some)
            answer = await self._access.graphql("outcomes", document)
            found |= parse.outcomes(_whole(answer, str(self.ref)), some)
        return found

    async def ci(self, commits: Sequence[Sha]) -> dict[Sha, tuple[CiCheck, ...]]:
        """Return what is checked of each commit, by the repository's own CI and by us, in one request."""
        document = documents.ci(self.ref.owner, self.ref.name, commits)
        answer = await self._access.graphql("ci", document)
        return parse.ci(_whole(answer, str(self.ref)), commits, self._app_id)

    async def open_pulls(self, base: str) -> tuple[PullView, ...]:
        """Return the open pull requests to branch `base`, oldest first; one request for each twenty.

        Those from forks are left out.
        """
        pulls: list[PullView] = []
        after: str | None = None
        while True:
            document = documents.open_pulls(self.ref.owner, self.ref.name, base, after)
            answer = await self._access.graphql("open_pulls", document)
            page = _whole(answer, str(self.ref))["repository"]["pullRequests"]
            pulls += parse.open_pulls(page, self._app_id)
            if not page["pageInfo"]["hasNextPage"]:
                return tuple(pulls)
            after = page["pageInfo"]["endCursor"]

    async def annotations(self, run_id: int) -> tuple[CiAnnotation, ...]:
        """Return the first hundred annotations of the check run with this database id."""
        path = "/repos/{owner}/{repo}/check-runs/{id}/annotations?per_page=100"
        answer = await self._access.get_list("annotations", path, self._names(run_id))
        return tuple(parse.annotation(one) for one in answer)

    async def ci_log(self, run_id: int, *, limit: int = 1_000_000) -> str:
        """Return the end of the log of the Actions job behind the check run with this database id.

        At most the last `limit` bytes, as text. Raises NotFound for a check run of another App, and for a log
        that GitHub no longer keeps.
        """
        path = "/repos/{owner}/{repo}/actions/jobs/{id}/logs"
        content = await self._access.download("ci_log", path, self._names(run_id), limit=limit)
        return content.decode(errors="replace")

    def _names(self, number: int) -> dict[str, str]:
        return {"owner": self.ref.owner, "repo": self.ref.name, "id": str(number)}


def _whole(answer: Answer, what: str) -> Answer:
    """Return the data of a read. A snapshot with holes would be decided on wrongly, so any error raises."""
    errors = answer.get("errors") or ()
    for error in errors:
        message = error.get("message", "no reason given")
        if error.get("type") == "NOT_FOUND":
            raise NotFound(f"{what} does not exist, or the App may not see it: {message}")
        if error.get("type") == "FORBIDDEN":
            raise AccessDenied(
                f"GitHub does not let the App read {what}: {message}. Check the App's permissions."
            )
    if errors or not answer.get("data"):
        said = "; ".join(str(error.get("message")) for error in errors) or "no reason given"
        raise GitHubError(f"GitHub could not answer for {what}: {said}")
    data: Answer = answer["data"]
    return data


def _failures(answer: Answer) -> dict[str | None, Answer]:
    """Return the first error of each alias; under None those that speak of the document as a whole."""
    failures: dict[str | None, Answer] = {}
    for error in answer.get("errors") or ():
        path = error.get("path") or ()
        failures.setdefault(path[0] if path else None, error)
    return failures


def _written(mutation: Mutation, payload: Answer | None, error: Answer | None) -> Written:
    if error is None and payload is not None:
        return mutation.written(payload)
    message = str((error or {}).get("message") or "GitHub gave no reason")
    return WriteFailed(f"{mutation.field}: {message}", kind=_kind(message, str((error or {}).get("type"))))


def _kind(message: str, error_type: str) -> str:
    if "already exists" in message:
        return "already_exists"
    if error_type == "RATE_LIMITED" or is_secondary(message):
        return "limited"
    if "Something went wrong" in message:
        return "unknown"
    return {"NOT_FOUND": "not_found", "FORBIDDEN": "forbidden"}.get(error_type, "refused")
