"""A pull request's page: the report, what it rests on, the change, and the decision."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from pushpals.local.forge import pulls
from pushpals.local.forge.entities import PullRequest, ReviewState
from pushpals.local.forge.errors import ForbiddenError, NotFoundError, UnprocessableError
from pushpals.local.forge.web import diff, glance
from pushpals.local.forge.web.conversation import conversation, other_labels, rights
from pushpals.local.forge.web.history import commit_diff, job_of, jobs_of, log, pull_diff
from pushpals.local.forge.web.repo_pages import REPO
from pushpals.local.forge.web.site import Site, Visit

_PULL = f"{REPO}/pull/{{number:\\d{{1,9}}}}"
_STATES: dict[str, ReviewState] = {
    "approve": "APPROVED",
    "request_changes": "CHANGES_REQUESTED",
    "comment": "COMMENTED",
}


def routes(site: Site) -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        site.get(f"{_PULL}.diff", _raw),
        site.get(_PULL, _pull),
        site.get(f"{_PULL}/live/{{part:glance|talk|checks|merge}}", _live),
        site.post(f"{_PULL}/reviews", _review),
        site.post(f"{_PULL}/ready", _ready),
        site.post(f"{_PULL}/merge", _merge),
        site.get(f"{REPO}/commit/{{sha:[0-9a-f]{{7,40}}}}", _commit),
    ]


async def _pull(visit: Visit) -> web.StreamResponse:
    return await _page(visit, _of(visit))


async def _page(
    visit: Visit, pull: PullRequest, status: int = HTTPStatus.OK, typed: str = "", problem: str = ""
) -> web.StreamResponse:
    repo, git = visit.repo(), visit.forge.git
    context = await _context(visit, pull)
    context |= {
        "files": diff.parse(await pull_diff(git, repo, pull)),
        "commits": await log(git, repo, pull.head_sha, pull.base_sha),
        "typed": typed,
        "problem": problem,
    }
    return visit.page("pull.html", status, **context)


async def _live(visit: Visit) -> web.StreamResponse:
    if unchanged := visit.unchanged():
        return unchanged
    part = visit.request.match_info["part"]
    return visit.fragment(f"live_{part}.html", **await _context(visit, _of(visit)))


async def _context(visit: Visit, pull: PullRequest) -> dict[str, Any]:
    repo, store, git = visit.repo(), visit.forge.store, visit.forge.git
    mine = rights(visit, repo, pull)
    mergeable = await pulls.mergeable(git, repo, pull)
    job = job_of(pull.head_ref)
    known = await jobs_of(git, repo, int(job.partition("-")[0])) if job else []
    return {
        "repo": repo,
        "subject": pull,
        "page": f"/{repo.full_name}/pull/{pull.number}",
        "rights": mine,
        "rows": glance.of_pull(store, pull, can_write=mine.write, mergeable=mergeable),
        "talk": conversation(store, pull),
        "labels": store.labels_of(pull),
        "others": other_labels(store, pull),
        "runs": store.runs_on(repo.id, pull.head_sha),
        "tone_of": glance.tone_of,
        "word_of": glance.word_of,
        "job": job if job in known else None,
        "blocked": glance.blocked(pull, can_write=mine.write, mergeable=mergeable),
        "doubts": glance.doubts(store, pull),
        "live": pull.state == "open",
    }


async def _review(visit: Visit) -> web.StreamResponse:
    pull, state = _of(visit), _STATES.get(visit.text("do"))
    if state is None:
        raise UnprocessableError("Choose to approve, to request changes, or to comment.")
    if visit.text("head") != pull.head_sha:
        text = "New commits came while you read. Look at them, then send your review again."
        return await _page(visit, pull, HTTPStatus.UNPROCESSABLE_ENTITY, visit.text("body"), text)
    try:
        review = visit.forge.review(pull, visit.actor, state, visit.text("body"))
    except UnprocessableError as error:
        return await _page(visit, pull, error.status, visit.text("body"), str(error))
    return visit.to(f"/{visit.repo().full_name}/pull/{pull.number}#review-{review.id}")


async def _ready(visit: Visit) -> web.StreamResponse:
    pull, repo = _of(visit), visit.repo()
    if not visit.may_edit(repo, pull):
        raise ForbiddenError(f"{visit.actor} may not do this: it takes the author, or write access.")
    pulls.mark_ready(visit.forge.store, visit.actor, pull)
    return visit.to(f"/{repo.full_name}/pull/{pull.number}")


async def _merge(visit: Visit) -> web.StreamResponse:
    pull, repo = _of(visit), visit.repo()
    if visit.text("head") != pull.head_sha:
        raise UnprocessableError(
            "New commits came while you read, so nothing was merged. Look at them first."
        )
    await visit.forge.merge(pull, visit.actor, "merge" if visit.text("method") == "merge" else "squash")
    return visit.to(f"/{repo.full_name}/pull/{pull.number}")


async def _raw(visit: Visit) -> web.StreamResponse:
    text = await pull_diff(visit.forge.git, visit.repo(), _of(visit))
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


async def _commit(visit: Visit) -> web.StreamResponse:
    repo, git = visit.repo(), visit.forge.git
    sha = await git.resolve(repo, f"{visit.request.match_info['sha']}^{{commit}}")
    if sha is None:
        raise NotFoundError("There is no such commit in this repository.")
    [commit] = await log(git, repo, sha, limit=1)
    files = diff.parse(await commit_diff(git, repo, sha))
    return visit.page("commit.html", repo=repo, commit=commit, files=files)


def _of(visit: Visit) -> PullRequest:
    subject = visit.subject()
    if not isinstance(subject, PullRequest):
        raise NotFoundError(f"#{subject.number} is an issue, not a pull request.")
    return subject
