"""What a person does on lines of a pull request: comments, answers, and the end of a thread."""

from http import HTTPStatus
from typing import TypeVar

from aiohttp import web

from pushpals.local.forge.entities import Review, ReviewComment, ReviewThread
from pushpals.local.forge.errors import ForbiddenError, NotFoundError, UnprocessableError
from pushpals.local.forge.reviews import Remark, locate
from pushpals.local.forge.web.issue_pages import editor
from pushpals.local.forge.web.pull_pages import PULL, pull_of, pull_page
from pushpals.local.forge.web.repo_pages import REPO
from pushpals.local.forge.web.site import Site, Visit

T = TypeVar("T", Review, ReviewComment, ReviewThread)
W = TypeVar("W", Review, ReviewComment)

_THREAD = f"{REPO}/threads/{{id:\\d{{1,12}}}}"
_COMMENT = f"{REPO}/review-comments/{{id:\\d{{1,12}}}}"
_REVIEW = f"{REPO}/reviews/{{id:\\d{{1,12}}}}"


def routes(site: Site) -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        site.post(f"{PULL}/remarks", _remark),
        site.post(f"{_THREAD}/replies", _reply),
        site.post(f"{_THREAD}/state", _state),
        site.get(f"{_COMMENT}/edit", _edit_comment),
        site.post(f"{_COMMENT}/edit", _save_comment),
        site.get(f"{_REVIEW}/edit", _edit_review),
        site.post(f"{_REVIEW}/edit", _save_review),
        site.post(f"{_REVIEW}/dismiss", _dismiss),
    ]


async def _remark(visit: Visit) -> web.StreamResponse:
    """A comment on a line: said at once, kept for the review, or taken back."""
    pull, page = pull_of(visit), f"/{visit.repo().full_name}/pull/{pull_of(visit).number}"
    line = visit.text("line")[:9]
    place = visit.text("path"), int(line) if line.isdecimal() else 0
    drafts = visit.site.drafts
    if visit.text("do") == "drop":
        drafts.drop(visit.actor, pull, place)
        return visit.to(f"{page}#review")
    remark = Remark(*place, visit.text("body"))
    if not remark.body.strip():
        text = "Write what you mean first, then send it."
        return await pull_page(visit, pull, HTTPStatus.UNPROCESSABLE_ENTITY, remark=remark, problem=text)
    try:
        await locate(visit.forge.store, visit.forge.git, pull, [remark])
        if visit.text("do") == "later":
            drafts.add(visit.actor, pull, remark)
            return visit.to(f"{page}#review")
        await visit.forge.review_lines(pull, visit.actor, "COMMENTED", [remark])
    except UnprocessableError as error:
        return await pull_page(visit, pull, error.status, remark=remark, problem=str(error))
    return visit.to(f"{page}#thread-{visit.forge.store.threads_of(pull)[-1].id}")


async def _reply(visit: Visit) -> web.StreamResponse:
    thread = _thread(visit)
    visit.forge.reply(thread, visit.actor, visit.text("body"))
    return visit.to(_address(visit, thread))


async def _state(visit: Visit) -> web.StreamResponse:
    thread = _thread(visit)
    pull = visit.forge.store.subject(thread.repo_id, thread.number)
    if not visit.may_edit(visit.repo(), pull):
        raise ForbiddenError(f"{visit.actor} may not do this: it takes the author, or write access.")
    visit.forge.resolve(thread, visit.actor, resolved=visit.text("do") != "reopen")
    return visit.to(_address(visit, thread))


async def _edit_comment(visit: Visit) -> web.StreamResponse:
    comment = _editable(visit, visit.forge.store.review_comments)
    return editor(visit, HTTPStatus.OK, "Edit comment", visit.request.path, None, comment.body)


async def _save_comment(visit: Visit) -> web.StreamResponse:
    comment, body = _editable(visit, visit.forge.store.review_comments), visit.text("body")
    try:
        visit.forge.edit_review_comment(comment, visit.actor, body)
    except UnprocessableError as error:
        return editor(visit, error.status, "Edit comment", visit.request.path, None, body, str(error))
    return visit.to(_address(visit, visit.forge.store.threads[comment.thread_id]))


async def _edit_review(visit: Visit) -> web.StreamResponse:
    review = _editable(visit, visit.forge.store.reviews)
    return editor(visit, HTTPStatus.OK, "Edit review", visit.request.path, None, review.body)


async def _save_review(visit: Visit) -> web.StreamResponse:
    review = _editable(visit, visit.forge.store.reviews)
    visit.forge.edit_review(review, visit.actor, visit.text("body"))
    return visit.to(f"{visit.address_of(visit.repo(), review.number)}#review-{review.id}")


async def _dismiss(visit: Visit) -> web.StreamResponse:
    review = _of(visit, visit.forge.store.reviews)
    if not visit.can_write(visit.repo()):
        raise ForbiddenError(f"{visit.actor} may not dismiss reviews here: it takes write access.")
    visit.forge.dismiss_review(review, visit.actor)
    return visit.to(f"{visit.address_of(visit.repo(), review.number)}#review-{review.id}")


def _thread(visit: Visit) -> ReviewThread:
    return _of(visit, visit.forge.store.threads)


def _address(visit: Visit, thread: ReviewThread) -> str:
    return f"{visit.address_of(visit.repo(), thread.number)}#thread-{thread.id}"


def _editable(visit: Visit, table: dict[int, W]) -> W:
    text = _of(visit, table)
    if not visit.may_edit(visit.repo(), text):
        raise ForbiddenError(f"{visit.actor} may not edit this: it takes its author, or write access.")
    return text


def _of(visit: Visit, table: dict[int, T]) -> T:
    found = table.get(int(visit.request.match_info["id"]))
    if found is None or found.repo_id != visit.repo().id:
        raise NotFoundError("There is no such thing here. It may have been removed.")
    return found
