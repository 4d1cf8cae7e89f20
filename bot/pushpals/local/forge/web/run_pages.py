"""Check runs, live while they run, and the records of jobs."""

from typing import Any

from aiohttp import web

from pushpals.local.forge.app_entities import CheckRun
from pushpals.local.forge.errors import ForbiddenError, NotFoundError
from pushpals.local.forge.web import glance
from pushpals.local.forge.web.history import JOB, job_of, jobs_of, record_of
from pushpals.local.forge.web.repo_pages import REPO
from pushpals.local.forge.web.site import Site, Visit
from pushpals.local.forge.web.words import took

_RUN = f"{REPO}/runs/{{id:\\d{{1,12}}}}"


def routes(site: Site) -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        site.get(_RUN, _run),
        site.get(f"{_RUN}/live/run", _live),
        site.post(f"{_RUN}/actions", _press),
        site.get(f"{REPO}/record/{{job:{JOB}}}", _record),
    ]


async def _run(visit: Visit) -> web.StreamResponse:
    return visit.page("run.html", **await _context(visit))


async def _live(visit: Visit) -> web.StreamResponse:
    if unchanged := visit.unchanged():
        return unchanged
    return visit.fragment("live_run.html", **await _context(visit))


async def _context(visit: Visit) -> dict[str, Any]:
    repo, store, run = visit.repo(), visit.forge.store, _of(visit)
    job = job_of(run.external_id)
    number = int(job.partition("-")[0]) if job else 0
    known = await jobs_of(visit.forge.git, repo, number) if job else []
    return {
        "repo": repo,
        "run": run,
        "page": f"/{repo.full_name}/runs/{run.id}",
        "job": job if job in known else None,
        "issue": number if visit.address_of(repo, number) else None,
        "pulls": [p for p in store.pulls.values() if p.repo_id == repo.id and p.head_sha == run.head_sha],
        "tone": glance.tone_of(run),
        "word": glance.word_of(run),
        "took": took(run.started_at, run.completed_at or store.now()) if run.started_at else "",
        "may_press": visit.can_write(repo),
        "live": run.status != "completed",
    }


async def _press(visit: Visit) -> web.StreamResponse:
    repo, run = visit.repo(), _of(visit)
    if not visit.can_write(repo):
        raise ForbiddenError(f"{visit.actor} may not press this button: it takes write access.")
    visit.forge.press_button(run, visit.actor, visit.text("do"))
    return visit.to(visit.back())


async def _record(visit: Visit) -> web.StreamResponse:
    repo, job = visit.repo(), visit.request.match_info["job"]
    record = await record_of(visit.forge.git, repo, job)
    issue = visit.address_of(repo, int(job.partition("-")[0]))
    runs = [r for r in visit.forge.store.runs.values() if r.repo_id == repo.id and r.external_id == job]
    return visit.page("record.html", repo=repo, record=record, issue=issue, runs=runs[::-1])


def _of(visit: Visit) -> CheckRun:
    repo = visit.repo()
    run = visit.forge.store.runs.get(int(visit.request.match_info["id"]))
    if run is None or run.repo_id != repo.id:
        raise NotFoundError("There is no such check run here.")
    return run
