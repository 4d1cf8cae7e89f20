"""An issue's page and what a person does there; comments, labels and states also serve pull requests."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from pushpals.local.forge import issues
from pushpals.local.forge.accounts import ensure_label
from pushpals.local.forge.entities import Comment, Issue, PullRequest
from pushpals.local.forge.errors import ForbiddenError, NotFoundError, UnprocessableError
from pushpals.local.forge.web import glance
from pushpals.local.forge.web.conversation import conversation, other_labels, rights
from pushpals.local.forge.web.history import jobs_of
from pushpals.local.forge.web.remarks import waiting
from pushpals.local.forge.web.repo_pages import REPO
from pushpals.local.forge.web.site import Site, Visit

ISSUE = f"{REPO}/issues/{{number:\\d{{1,9}}}}"
_COMMENT = f"{REPO}/comments/{{id:\\d{{1,12}}}}"
_MAX_LABEL = 50


def routes(site: Site) -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        site.get(f"{REPO}/issues/new", _new),
        site.post(f"{REPO}/issues/new", _create),
        site.get(ISSUE, _issue),
        site.get(f"{ISSUE}/live/{{part:glance|talk}}", _live),
        site.post(f"{ISSUE}/comments", _comment),
        site.post(f"{ISSUE}/labels", _label),
        site.post(f"{ISSUE}/state", _state),
        site.get(f"{ISSUE}/edit", _edit),
        site.post(f"{ISSUE}/edit", _save),
        site.get(f"{_COMMENT}/edit", _edit_comment),
        site.post(f"{_COMMENT}/edit", _save_comment),
    ]


async def _new(visit: Visit) -> web.StreamResponse:
    return visit.page("new_issue.html", repo=visit.repo(), title="", body="", problem="")


async def _create(visit: Visit) -> web.StreamResponse:
    repo, title, body = visit.repo(), visit.text("title"), visit.text("body")
    try:
        issue = visit.forge.create_issue(repo, visit.actor, title.strip(), body)
    except UnprocessableError as error:
        return visit.page(
            "new_issue.html", error.status, repo=repo, title=title, body=body, problem=str(error)
        )
    return visit.to(f"/{repo.full_name}/issues/{issue.number}")


async def _issue(visit: Visit) -> web.StreamResponse:
    subject = visit.subject()
    if isinstance(subject, PullRequest):
        return visit.to(f"/{visit.repo().full_name}/pull/{subject.number}")
    return visit.page("issue.html", **await _context(visit, subject))


async def _live(visit: Visit) -> web.StreamResponse:
    if unchanged := visit.unchanged():
        return unchanged
    subject = visit.subject()
    if isinstance(subject, PullRequest):
        raise NotFoundError("A pull request refreshes itself from its own page.")
    part = visit.request.match_info["part"]
    return visit.fragment(f"live_{part}.html", **await _context(visit, subject))


async def _context(visit: Visit, issue: Issue) -> dict[str, Any]:
    repo, store = visit.repo(), visit.forge.store
    mine = rights(visit, repo, issue)
    return {
        "repo": repo,
        "subject": issue,
        "page": f"/{repo.full_name}/issues/{issue.number}",
        "rights": mine,
        "rows": glance.of_issue(store, issue, can_triage=mine.label, can_write=mine.write),
        "talk": conversation(store, issue),
        "labels": store.labels_of(issue),
        "others": other_labels(store, issue),
        "ready": glance.READY,
        "linked": glance.linked_pulls(store, issue),
        "runs": glance.runs_of(store, issue),
        "newest": glance.newest_of(glance.runs_of(store, issue)),
        "waiting": waiting(glance.runs_of(store, issue)),
        "begun": {},
        "jobs": await jobs_of(visit.forge.git, repo, issue.number),
        "live": issue.state == "open",
        "typed": "",
        "problem": "",
    }


async def _comment(visit: Visit) -> web.StreamResponse:
    repo, subject = visit.repo(), visit.subject()
    try:
        comment = visit.forge.comment(subject, visit.actor, visit.text("body"))
    except UnprocessableError as error:
        address = f"/{repo.full_name}/issues/{subject.number}/comments"
        return editor(visit, error.status, "Comment", address, None, visit.text("body"), str(error))
    return visit.to(f"{visit.address_of(repo, subject.number)}#comment-{comment.id}")


async def _label(visit: Visit) -> web.StreamResponse:
    repo, subject = visit.repo(), visit.subject()
    if not visit.can_triage(repo):
        raise ForbiddenError(f"{visit.actor} may not change labels here. Ask a maintainer in a comment.")
    name = visit.text("name").strip()
    if not name or len(name) > _MAX_LABEL:
        raise UnprocessableError(
            f"A label has a name of 1 to {_MAX_LABEL} characters. Choose one, then try again."
        )
    store = visit.forge.store
    if visit.text("do") != "remove":
        issues.add_label(store, visit.actor, subject, ensure_label(store, repo, name))
    elif label := store.label(repo.id, name):
        issues.remove_label(store, visit.actor, subject, label)
    return visit.to(str(visit.address_of(repo, subject.number)))


async def _state(visit: Visit) -> web.StreamResponse:
    repo, subject = visit.repo(), visit.subject()
    if not rights(visit, repo, subject).close:
        raise ForbiddenError(
            f"{visit.actor} may not close or reopen this: it takes its author, or triage access."
        )
    issues.set_state(visit.forge.store, visit.actor, subject, closed=visit.text("do") != "reopen")
    return visit.to(str(visit.address_of(repo, subject.number)))


async def _edit(visit: Visit) -> web.StreamResponse:
    subject = _editable(visit)
    address = f"/{visit.repo().full_name}/issues/{subject.number}/edit"
    return editor(visit, HTTPStatus.OK, "Edit", address, subject.title, subject.body)


async def _save(visit: Visit) -> web.StreamResponse:
    subject, repo = _editable(visit), visit.repo()
    title, body = visit.text("title"), visit.text("body")
    try:
        issues.edit_subject(visit.forge.store, visit.actor, subject, title=title.strip(), body=body)
    except UnprocessableError as error:
        return editor(visit, error.status, "Edit", visit.request.path, title, body, str(error))
    return visit.to(str(visit.address_of(repo, subject.number)))


def _editable(visit: Visit) -> Issue | PullRequest:
    subject = visit.subject()
    if not visit.may_edit(visit.repo(), subject):
        raise ForbiddenError(f"{visit.actor} may not edit this: it takes its author, or write access.")
    return subject


async def _edit_comment(visit: Visit) -> web.StreamResponse:
    comment = _editable_comment(visit)
    return editor(visit, HTTPStatus.OK, "Edit comment", visit.request.path, None, comment.body)


async def _save_comment(visit: Visit) -> web.StreamResponse:
    comment, repo = _editable_comment(visit), visit.repo()
    try:
        visit.forge.edit_comment(comment, visit.actor, visit.text("body"))
    except UnprocessableError as error:
        return editor(
            visit, error.status, "Edit comment", visit.request.path, None, visit.text("body"), str(error)
        )
    return visit.to(f"{visit.address_of(repo, comment.number)}#comment-{comment.id}")


def _editable_comment(visit: Visit) -> Comment:
    repo = visit.repo()
    comment = visit.forge.store.comments.get(int(visit.request.match_info["id"]))
    if comment is None or comment.repo_id != repo.id:
        raise NotFoundError("There is no such comment here. It may have been removed.")
    if not visit.may_edit(repo, comment):
        raise ForbiddenError(f"{visit.actor} may not edit this: it takes its author, or write access.")
    return comment


def editor(
    visit: Visit, status: int, heading: str, address: str, title: str | None, body: str, problem: str = ""
) -> web.Response:
    """A page with one form for a text, and its title if it has one."""
    number = visit.request.match_info.get("number")
    back = visit.address_of(visit.repo(), int(number)) if number else visit.back()
    return visit.page(
        "edit.html",
        status,
        repo=visit.repo(),
        heading=heading,
        address=address,
        title=title,
        body=body,
        problem=problem,
        back=back,
    )
