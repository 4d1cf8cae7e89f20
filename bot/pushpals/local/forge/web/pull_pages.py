"""A pull request's page: the report, what it rests on, the change, and the decision."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from pushpals.local.forge import merging, pulls
from pushpals.local.forge.entities import PullRequest, ReviewState
from pushpals.local.forge.errors import ForbiddenError, NotFoundError, UnprocessableError
from pushpals.local.forge.reviews import Remark
from pushpals.local.forge.web import diff, glance
from pushpals.local.forge.web.conversation import conversation, other_labels, rights
from pushpals.local.forge.web.history import commit_diff, job_of, jobs_of, log, pull_diff
from pushpals.local.forge.web.remarks import at_lines, begun_in, threads_of
from pushpals.local.forge.web.repo_pages import REPO
from pushpals.local.forge.web.site import Site, Visit

PULL = f"{REPO}/pull/{{number:\\d{{1,9}}}}"
_STATES: dict[str, ReviewState] = {
    "approve": "APPROVED",
    "request_changes": "CHANGES_REQUESTED",
    "comment": "COMMENTED",
}


def routes(site: Site) -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        site.get(f"{PULL}.diff", _raw),
        site.get(PULL, _pull),
        site.get(f"{PULL}/live/{{part:glance|talk|checks|merge}}", _live),
        site.post(f"{PULL}/reviews", _review),
        site.post(f"{PULL}/draft", _draft),
        site.post(f"{PULL}/auto-merge", _auto_merge),
        site.post(f"{PULL}/branch", _branch),
        site.post(f"{PULL}/ci", _play_ci),
        site.post(f"{PULL}/merge", _merge),
        site.get(f"{REPO}/commit/{{sha:[0-9a-f]{{7,40}}}}", _commit),
    ]


async def _pull(visit: Visit) -> web.StreamResponse:
    pull, query = pull_of(visit), visit.request.query
    line = query.get("line", "")
    if query.get("path") and line.isdecimal():
        return await pull_page(visit, pull, remark=Remark(query["path"], int(line[:9]), ""))
    return await pull_page(visit, pull)


async def pull_page(
    visit: Visit,
    pull: PullRequest,
    status: int = HTTPStatus.OK,
    *,
    typed: str = "",
    problem: str = "",
    remark: Remark | None = None,
) -> web.StreamResponse:
    """The page, with what the visitor writes: a review, or with `remark` a comment on a line."""
    repo, git = visit.repo(), visit.forge.git
    context = await _context(visit, pull)
    context |= {
        "files": diff.parse(await pull_diff(git, repo, pull)),
        "commits": await log(git, repo, pull.head_sha, pull.base_sha),
        "typed": typed,
        "problem": problem,
        "writing": remark,
        "begun_at": at_lines(context["threads"]),
        "drafts": visit.site.drafts.of(visit.account.login, pull) if visit.account else [],
    }
    return visit.page("pull.html", status, **context)


async def _live(visit: Visit) -> web.StreamResponse:
    if unchanged := visit.unchanged():
        return unchanged
    part = visit.request.match_info["part"]
    return visit.fragment(f"live_{part}.html", **await _context(visit, pull_of(visit)))


async def _context(visit: Visit, pull: PullRequest) -> dict[str, Any]:
    repo, store, git = visit.repo(), visit.forge.store, visit.forge.git
    mine = rights(visit, repo, pull)
    mergeable = await pulls.mergeable(git, repo, pull)
    threads = threads_of(store, pull)
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
        "runs": store.contexts_on(repo.id, pull.head_sha),
        "tone_of": glance.tone_of,
        "word_of": glance.word_of,
        "name_of": glance.name_of,
        "title_of": glance.title_of,
        "threads": threads,
        "begun": begun_in(threads),
        "may_press": mine.write,
        "pending": store.rollup(repo.id, pull.head_sha) == "PENDING",
        "behind": pull.state == "open" and mergeable and await pulls.is_behind(git, repo, pull),
        "branch_left": await git.resolve(repo, f"refs/heads/{pull.head_ref}") is not None,
        "job": job if job in known else None,
        "blocked": glance.blocked(pull, can_write=mine.write, mergeable=mergeable),
        "doubts": glance.doubts(store, pull),
        "live": pull.state == "open",
    }


async def _review(visit: Visit) -> web.StreamResponse:
    pull, state = pull_of(visit), _STATES.get(visit.text("do"))
    if state is None:
        raise UnprocessableError("Choose to approve, to request changes, or to comment.")
    if visit.text("head") != pull.head_sha:
        text = "New commits came while you read. Look at them, then send your review again."
        return await pull_page(
            visit, pull, HTTPStatus.UNPROCESSABLE_ENTITY, typed=visit.text("body"), problem=text
        )
    drafts = visit.site.drafts.of(visit.actor, pull)
    try:
        review = await visit.forge.review_lines(pull, visit.actor, state, drafts, visit.text("body"))
    except UnprocessableError as error:
        return await pull_page(visit, pull, error.status, typed=visit.text("body"), problem=str(error))
    visit.site.drafts.drop(visit.actor, pull)
    return visit.to(f"/{visit.repo().full_name}/pull/{pull.number}#review-{review.id}")


async def _draft(visit: Visit) -> web.StreamResponse:
    pull, page = _own(visit), _page_of(visit)
    change = visit.forge.convert_to_draft if visit.text("do") == "draft" else visit.forge.mark_ready
    change(pull, visit.actor)
    return visit.to(f"{page}#merge")


async def _auto_merge(visit: Visit) -> web.StreamResponse:
    pull, store = pull_of(visit), visit.forge.store
    if not visit.can_write(visit.repo()):
        raise ForbiddenError("Merging needs write access here. A maintainer can merge it.")
    if visit.text("do") == "cancel":
        merging.disable_auto_merge(store, visit.actor, pull)
    else:
        merging.enable_auto_merge(store, visit.actor, pull, "squash")
    return visit.to(f"{_page_of(visit)}#merge")


async def _branch(visit: Visit) -> web.StreamResponse:
    """The head branch: brought up to date with the base, or deleted when the pull request is over."""
    pull, repo = pull_of(visit), visit.repo()
    if not visit.can_write(repo):
        raise ForbiddenError("Changing a branch needs write access here.")
    if visit.text("do") == "update":
        await visit.forge.update_branch(pull, visit.actor)
        return visit.to(f"{_page_of(visit)}#merge")
    if pull.state == "open":
        raise UnprocessableError("The pull request is open. Close or merge it, then delete its branch.")
    await visit.forge.delete_branch(repo, visit.actor, pull.head_ref)
    return visit.to(f"{_page_of(visit)}#merge")


async def _play_ci(visit: Visit) -> web.StreamResponse:
    """Report a job of the repository's CI, which nothing runs here: the visitor says how it ended."""
    pull, repo, name = pull_of(visit), visit.repo(), visit.text("name").strip()
    if not visit.can_write(repo):
        raise ForbiddenError("Playing CI needs write access here.")
    ends = {"pass": "success", "fail": "failure", "start": None}
    if visit.text("do") not in ends or not name:
        raise UnprocessableError("Name the job, and say how it ended.")
    end = ends[visit.text("do")]
    title = {"success": "passed", "failure": "failed"}.get(end or "")
    await visit.forge.ci(repo, pull.head_sha, name[:100], end, title=title, log=visit.text("body"))
    return visit.to(f"{_page_of(visit)}#checks")


def _page_of(visit: Visit) -> str:
    return f"/{visit.repo().full_name}/pull/{pull_of(visit).number}"


def _own(visit: Visit) -> PullRequest:
    pull = pull_of(visit)
    if not visit.may_edit(visit.repo(), pull):
        raise ForbiddenError(f"{visit.actor} may not do this: it takes the author, or write access.")
    return pull


async def _merge(visit: Visit) -> web.StreamResponse:
    pull, repo = pull_of(visit), visit.repo()
    if visit.text("head") != pull.head_sha:
        raise UnprocessableError(
            "New commits came while you read, so nothing was merged. Look at them first."
        )
    await visit.forge.merge(pull, visit.actor, "merge" if visit.text("method") == "merge" else "squash")
    return visit.to(f"/{repo.full_name}/pull/{pull.number}")


async def _raw(visit: Visit) -> web.StreamResponse:
    text = await pull_diff(visit.forge.git, visit.repo(), pull_of(visit))
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


async def _commit(visit: Visit) -> web.StreamResponse:
    repo, git = visit.repo(), visit.forge.git
    sha = await git.resolve(repo, f"{visit.request.match_info['sha']}^{{commit}}")
    if sha is None:
        raise NotFoundError("There is no such commit in this repository.")
    [commit] = await log(git, repo, sha, limit=1)
    files = diff.parse(await commit_diff(git, repo, sha))
    return visit.page("commit.html", repo=repo, commit=commit, files=files)


def pull_of(visit: Visit) -> PullRequest:
    """The pull request the address names. Raises NotFoundError."""
    subject = visit.subject()
    if not isinstance(subject, PullRequest):
        raise NotFoundError(f"#{subject.number} is an issue, not a pull request.")
    return subject
