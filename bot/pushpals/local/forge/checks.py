"""Check suites and check runs: what Apps say about a commit."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from pushpals.local.forge.app_entities import Annotation, App, CheckAction, CheckRun, CheckSuite, CommitStatus
from pushpals.local.forge.entities import Repo
from pushpals.local.forge.errors import ForbiddenError, UnprocessableError
from pushpals.local.forge.git import Commit
from pushpals.local.forge.store import Event, Store

MAX_TEXT = 65_535
MAX_ACTIONS = 3
MAX_ANNOTATIONS = 50
_BUTTON_LIMITS = {"label": 20, "description": 40, "identifier": 20}

StatusState = Literal["error", "failure", "pending", "success"]

Fields = dict[str, Any]
"""Fields of a check run as a request gives them: ``output`` nested, states in lower case."""


def create_run(
    store: Store,
    app: App,
    repo: Repo,
    head_sha: str,
    name: str,
    fields: Fields,
    branch: str | None = None,
) -> CheckRun:
    """Make a check run on a commit, the head of ``branch``. Raises UnprocessableError for a broken limit."""
    with store.transaction():
        suite = _suite(store, app, repo, head_sha, branch)
        blank = CheckRun(
            **store.identity(CheckRun, repo.id),
            repo_id=repo.id,
            suite_id=suite.id,
            app_id=app.id,
            head_sha=head_sha,
            name=name,
        )
        run = store.put(_changed(blank, fields, store.now()))
        _notify(store, app.bot, "created", run)
        if run.status == "completed":
            _completed(store, app, run)
        return run


def update_run(store: Store, app: App, run: CheckRun, fields: Fields) -> CheckRun:
    """Change a check run. Raises ForbiddenError for another App's, UnprocessableError for a broken limit."""
    run = store.fresh(run)
    if run.app_id != app.id:
        raise ForbiddenError(
            f"Invalid app_id `{app.id}` - check run can only be modified by the GitHub App that created it."
        )
    with store.transaction():
        new = store.put(_changed(run, fields, store.now()))
        if new.status == "completed" and run.status != "completed":
            _completed(store, app, new)
        return new


def press_button(store: Store, actor: str, run: CheckRun, identifier: str) -> None:
    """A person presses a check run's button; only the App that made the run hears of it."""
    if identifier not in {action.identifier for action in run.actions}:
        raise UnprocessableError(f"The check run has no button {identifier}")
    with store.transaction():
        _notify(store, actor, "requested_action", run, requested_action={"identifier": identifier})


def set_status(  # noqa: PLR0913 - these are the fields of the request.
    store: Store,
    actor: str,
    repo: Repo,
    sha: str,
    context: str,
    state: StatusState,
    *,
    description: str | None = None,
    target_url: str | None = None,
    commit: Commit,
    branches: list[str],
) -> CommitStatus:
    """Say something of a commit; ``commit`` and ``branches`` are what the webhook tells of it."""
    with store.transaction():
        status = store.put(
            CommitStatus(
                **store.identity(CommitStatus, repo.id),
                repo_id=repo.id,
                sha=sha,
                context=context,
                state=state,
                description=description,
                target_url=target_url,
                creator=actor,
                created_at=store.now(),
            )
        )
        parts = {"status": status, "commit": commit, "branches": branches}
        store.emit(Event("status", None, repo, actor, parts))
        return status


def _completed(store: Store, app: App, run: CheckRun) -> None:
    """Tell that a run ended, and with the last one of it the suite."""
    _notify(store, app.bot, "completed", run)
    suite = store.suites[run.suite_id]
    if all(other.status == "completed" for other in store.runs.values() if other.suite_id == suite.id):
        repo = store.repos[run.repo_id]
        store.emit(Event("check_suite", "completed", repo, app.bot, {"check_suite": suite}))


def _suite(store: Store, app: App, repo: Repo, head_sha: str, branch: str | None) -> CheckSuite:
    wanted = (app.id, repo.id, head_sha)
    for suite in store.suites.values():
        if (suite.app_id, suite.repo_id, suite.head_sha) == wanted:
            return suite
    identity = store.identity(CheckSuite, repo.id)
    return store.put(
        CheckSuite(
            **identity,
            repo_id=repo.id,
            app_id=app.id,
            head_sha=head_sha,
            head_branch=branch,
            created_at=store.now(),
        )
    )


def _changed(run: CheckRun, fields: Fields, now: datetime) -> CheckRun:
    plain = (
        "log",
        "name",
        "external_id",
        "details_url",
        "started_at",
        "completed_at",
        "status",
        "conclusion",
    )
    update = {key: fields[key] for key in plain if fields.get(key) is not None}
    if "conclusion" in update:
        update["status"] = "completed"
    status = update.get("status", run.status)
    if status == "completed":
        if not update.get("conclusion", run.conclusion):
            raise UnprocessableError("A completed check run needs a conclusion")
        update.setdefault("completed_at", run.completed_at or now)
    elif "status" in update:
        update |= {"conclusion": None, "completed_at": None}
    if status != "queued" and not run.started_at:
        update.setdefault("started_at", now)
    if fields.get("output") is not None:
        update |= _output(run, fields["output"])
    if fields.get("actions") is not None:
        update["actions"] = _actions(fields["actions"])
    return run.model_copy(update=update)


def _output(run: CheckRun, output: Fields) -> Fields:
    for key in ("summary", "text"):
        if len(output.get(key) or "") > MAX_TEXT:
            raise UnprocessableError(f"{key.title()} is too long (maximum is {MAX_TEXT} characters)")
    given = output.get("annotations") or []
    if len(given) > MAX_ANNOTATIONS:
        raise UnprocessableError(f"Only {MAX_ANNOTATIONS} annotations may be given in one request")
    try:
        fresh = tuple(Annotation.model_validate(one) for one in given)
    except ValidationError as error:
        raise UnprocessableError(f"An annotation is invalid: {error.errors()[0]['msg']}") from error
    # GitHub adds the annotations of an update to those already there; title, summary and text are replaced.
    return {
        "title": output.get("title"),
        "summary": output.get("summary"),
        "text": output.get("text"),
        "annotations": (*run.annotations, *fresh),
    }


def _actions(given: list[dict[str, str]]) -> tuple[CheckAction, ...]:
    if len(given) > MAX_ACTIONS:
        raise UnprocessableError(f"A check run may have at most {MAX_ACTIONS} actions")
    for action in given:
        for key, limit in _BUTTON_LIMITS.items():
            if len(action[key]) > limit:
                raise UnprocessableError(
                    f"The {key} of an action is too long (maximum is {limit} characters)"
                )
    return tuple(CheckAction(**action) for action in given)


def _notify(store: Store, actor: str, action: str, run: CheckRun, **parts: Any) -> None:
    repo = store.repos[run.repo_id]
    store.emit(Event("check_run", action, repo, actor, {"check_run": run, **parts}))
