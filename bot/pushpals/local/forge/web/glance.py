"""The five-second summary of an issue or pull request: what is, what it rests on, what is asked of you."""

import re
from dataclasses import dataclass
from typing import Literal

from pushpals.local.forge import pulls
from pushpals.local.forge.app_entities import CheckRun, CommitStatus
from pushpals.local.forge.entities import Issue, PullRequest
from pushpals.local.forge.store import Store
from pushpals.local.forge.web.history import job_of
from pushpals.local.forge.web.words import plural
from pushpals.model import issue_of_branch

READY = "agent:ready"
"""The label that hands an issue to PushPals, unless a repository's policy names another."""

Tone = Literal["plain", "good", "bad", "wait", "act"]
Said = CheckRun | CommitStatus
"""What somebody says of a commit."""
_OF_ISSUE = re.compile(r"(?:[a-z]+-)?([0-9]{1,9})(?:-[0-9]{1,9})?$")
_STATUS_TONES: dict[str, Tone] = {"success": "good", "pending": "wait"}
_ASKED = "Asked of you"
_GOOD = {"success"}
_BAD = {"failure", "timed_out", "cancelled", "startup_failure"}


@dataclass(frozen=True)
class Row:
    """One line of the summary: a heading, a sentence, and where to go."""

    heading: str
    text: str
    tone: Tone = "plain"
    href: str | None = None
    link: str = ""


def tone_of(run: Said) -> Tone:
    """The tone of a check run or commit status."""
    if isinstance(run, CommitStatus):
        return _STATUS_TONES.get(run.state, "bad")
    if run.status != "completed":
        return "wait"
    if run.conclusion in _GOOD:
        return "good"
    return "bad" if run.conclusion in _BAD else "act"


def word_of(run: Said) -> str:
    """The state of a check run or commit status, in a word or two."""
    if isinstance(run, CommitStatus):
        return run.state
    state = run.conclusion if run.status == "completed" and run.conclusion else run.status
    return state.replace("_", " ")


def name_of(said: Said) -> str:
    """What a check run or commit status is called."""
    return said.context if isinstance(said, CommitStatus) else said.name


def title_of(said: Said) -> str | None:
    """What a check run or commit status says of itself."""
    return said.description if isinstance(said, CommitStatus) else said.title


def _run_page(store: Store, run: CheckRun) -> str:
    return f"/{store.repos[run.repo_id].full_name}/runs/{run.id}"


def linked_pulls(store: Store, issue: Issue) -> list[PullRequest]:
    """The pull requests that close an issue, or come from a branch that is for it, newest first."""
    mine = (pull for pull in store.pulls.values() if pull.repo_id == issue.repo_id)
    found = [
        pull
        for pull in mine
        if issue_of_branch(pull.head_ref) == issue.number
        or issue.number in {i.number for i in pulls.closing_issues(store, pull)}
    ]
    return sorted(found, key=lambda pull: -pull.number)


def newest_of(runs: list[CheckRun]) -> list[CheckRun]:
    """The newest check run of each name, in the order of names; `runs` are given newest first."""
    newest = {run.name: run for run in reversed(runs)}
    return sorted(newest.values(), key=lambda run: (len(run.name), run.name))


def runs_of(store: Store, issue: Issue) -> list[CheckRun]:
    """The check runs of an issue's jobs and of its plan, newest first."""
    mine = (run for run in store.runs.values() if run.repo_id == issue.repo_id)
    found = [run for run in mine if _issue_of(run) == issue.number]
    return sorted(found, key=lambda run: -run.id)


def _issue_of(run: CheckRun) -> int | None:
    """The issue that a check run of PushPals is for: `42-1` of a job, `plan-42` of a plan."""
    found = _OF_ISSUE.match(run.external_id or "")
    return int(found[1]) if found else None


def blocked(pull: PullRequest, *, can_write: bool, mergeable: bool | None) -> str | None:
    """Why a pull request cannot be merged by this person now, or None when it can."""
    if pull.state == "closed":
        return "This pull request is closed."
    if pull.draft:
        return "This is a draft. It can be merged once it is marked as ready for review."
    if mergeable is None:
        return f"The branch {pull.base_ref} is gone, so there is nothing to merge into."
    if not mergeable:
        return f"It conflicts with {pull.base_ref}. Resolve the conflict on the branch {pull.head_ref} first."
    if not can_write:
        return "Merging needs write access here. A maintainer can merge it."
    return None


def doubts(store: Store, pull: PullRequest) -> list[str]:
    """What speaks against merging now, though nothing forbids it."""
    found = [
        f"{name_of(r)}: {word_of(r)}."
        for r in store.contexts_on(pull.repo_id, pull.head_sha)
        if tone_of(r) != "good"
    ]
    if not store.contexts_on(pull.repo_id, pull.head_sha):
        found.append("No check has run on this commit.")
    if pulls.review_decision(store, pull) == "CHANGES_REQUESTED":
        found.append("Changes were requested.")
    return found


def of_pull(store: Store, pull: PullRequest, *, can_write: bool, mergeable: bool | None) -> list[Row]:
    """The summary of a pull request for one person."""
    closes = ", ".join(f"#{i.number} {i.title}" for i in pulls.closing_issues(store, pull))
    part, number = f"Closes {closes}", issue_of_branch(pull.head_ref)
    if not closes:
        part = "It closes no issue" if number is None else f"Part of the work on #{number}"
    what = f"{plural(pull.changed_files, 'file')}, +{pull.additions} −{pull.deletions}"
    runs = store.contexts_on(pull.repo_id, pull.head_sha)
    return [
        Row(
            "What",
            f"{what}. {part}.",
            href="#files",
            link="See the diff",
        ),
        _rests_on(store, runs),
        _asked(store, pull, runs, can_write=can_write, mergeable=mergeable),
    ]


def _rests_on(store: Store, runs: list[Said]) -> Row:
    if not runs:
        return Row("Rests on", "Nothing: no check has run on this commit.", "bad")
    worst = min(runs, key=lambda run: ("bad", "wait", "act", "good").index(tone_of(run)))
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    text = f"{name_of(worst)}: {word_of(worst)}{more}. {title_of(worst) or ''}".rstrip()
    where = "#checks" if isinstance(worst, CommitStatus) else _run_page(store, worst)
    return Row("Rests on", text, tone_of(worst), where, "See the check")


def _asked(
    store: Store, pull: PullRequest, runs: list[Said], *, can_write: bool, mergeable: bool | None
) -> Row:
    if pull.merged_at:
        return Row(_ASKED, f"Nothing. {pull.merged_by} merged it into {pull.base_ref}.", "good")
    if pull.state == "closed":
        return Row(_ASKED, f"Nothing. {pull.closed_by} closed it without merging.")
    if not can_write:
        return Row(_ASKED, "Nothing. You may comment or review; people with write access decide.")
    if reason := blocked(pull, can_write=can_write, mergeable=mergeable):
        return Row(_ASKED, reason, "act")
    return _next({tone_of(run) for run in runs}, pulls.review_decision(store, pull))


def _next(tones: set[Tone], decision: str | None) -> Row:
    """What a maintainer does with a pull request that can be merged."""
    if "wait" in tones:
        return Row(_ASKED, "Wait for the check to end, or read the diff meanwhile.", "wait")
    if decision == "CHANGES_REQUESTED":
        return Row(
            _ASKED, "Wait for a new commit: changes were requested.", "wait", "#conversation", "Read them"
        )
    if "bad" in tones:
        text = "Look at the failed check, then request changes or close it."
        return Row(_ASKED, text, "bad", "#review", "Go to the review")
    if decision == "APPROVED":
        return Row(_ASKED, "Merge it: it is approved.", "act", "#merge", "Go to the merge")
    text = "Read the report and the diff. Then approve and merge, or request changes."
    return Row(_ASKED, text, "act", "#review", "Go to the review")


def of_issue(store: Store, issue: Issue, *, can_triage: bool, can_write: bool) -> list[Row]:
    """The summary of an issue for one person."""
    page = f"/{store.repos[issue.repo_id].full_name}"
    linked, runs = linked_pulls(store, issue), runs_of(store, issue)
    if issue.state == "closed":
        return _closed(issue, linked, page)
    if opened := [pull for pull in linked if pull.state == "open"][::-1]:
        return _delivered(opened, page, can_write=can_write)
    labelled = READY in {label.name for label in store.labels_of(issue)}
    if runs and not (linked and runs[0].external_id == job_of(linked[0].head_ref)):
        return _worked_on(runs[0], page, labelled=labelled)
    if linked:
        return _rejected(linked[0], page, labelled=labelled)
    if labelled:
        return [
            Row("Now", "Handed to PushPals, which has not answered yet.", "wait"),
            Row(_ASKED, "Nothing. An answer comes as a comment within seconds, if PushPals is running."),
        ]
    if can_triage:
        asked = Row(_ASKED, f"When the description is clear, add {READY}: PushPals then works on it.", "act")
    else:
        asked = Row(_ASKED, f"Say what goes wrong, and how to see it. A maintainer can add {READY}.")
    return [Row("Now", "Not handed to PushPals."), asked]


def _closed(issue: Issue, linked: list[PullRequest], page: str) -> list[Row]:
    merged = next((pull for pull in linked if pull.merged_at), None)
    if merged is None:
        return [Row("Now", f"Closed by {issue.closed_by}."), Row(_ASKED, "Nothing.")]
    text = f"Closed: {merged.merged_by} merged #{merged.number}."
    now = Row("Now", text, "good", f"{page}/pull/{merged.number}", f"See #{merged.number}")
    return [now, Row(_ASKED, "Nothing.")]


def _delivered(opened: list[PullRequest], page: str, *, can_write: bool) -> list[Row]:
    pull = opened[0]
    text = f"Pull request #{pull.number} waits for a decision: {pull.title}"
    if len(opened) > 1:
        numbers = ", ".join(f"#{one.number}" for one in opened)
        text = f"{len(opened)} pull requests wait for a decision: {numbers}"
    now = Row("Now", text, "good", f"{page}/pull/{pull.number}", f"Read #{pull.number}")
    if not can_write:
        return [now, Row(_ASKED, "Nothing. People with write access decide.")]
    it = "it" if len(opened) == 1 else "each"
    return [now, Row(_ASKED, f"Read {it}, then merge it or close it.", "act")]


def _rejected(pull: PullRequest, page: str, *, labelled: bool) -> list[Row]:
    text = f"{pull.closed_by} closed pull request #{pull.number} without merging it."
    now = Row("Now", text, "plain", f"{page}/pull/{pull.number}", f"See #{pull.number}")
    return [now, Row(_ASKED, f"Nothing. {_again(labelled=labelled)}")]


def _again(*, labelled: bool) -> str:
    return f"To try again, {'remove and ' if labelled else ''}add {READY}."


def _worked_on(run: CheckRun, page: str, *, labelled: bool) -> list[Row]:
    where = f"{page}/runs/{run.id}"
    if run.status != "completed":
        text = f"PushPals is working. {run.title or ''}".rstrip()
        asked = f"Nothing now. To stop it, remove {READY} or close this issue."
        return [Row("Now", text, "wait", where, "Watch it live"), Row(_ASKED, asked)]
    return [
        Row("Now", f"PushPals stopped: {run.title or word_of(run)}", tone_of(run), where, "Read why"),
        Row(_ASKED, f"Read why. {_again(labelled=labelled)}", "act"),
    ]
