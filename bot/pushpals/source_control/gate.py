"""The gate: what a proposed patch must pass on the control side before anything is pushed.

The worker's own account of its checks is not used. The patch is applied to a clean index, the rules are
applied to what git says changed, and the checks are run again on the exact tree that would be pushed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pushpals.model import Evidence, Failure, FailureKind, Report, Risk
from pushpals.policy import risk as risk_rules
from pushpals.policy.gate import check_patch
from pushpals.policy.judges import is_judge
from pushpals.policy.secrets import find_secrets_in_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushpals.model import CheckResult, FileChange, Finding, JobRecord, Patch, Sha, Task
    from pushpals.policy.repo_policy import RepoPolicy

CONFLICT_MARKER: Final = "conflict-marker"
"""The review's rule that finds what a merge has left unresolved."""


class Bench(Protocol):
    """What the gate needs from git and the sandbox."""

    async def apply(self, patch: Patch) -> Sha:
        """Return the tree of base plus patch; raises PatchDoesNotApply."""

    async def changes(self, base: Sha, tree: Sha) -> tuple[FileChange, ...]:
        """Return what really differs between a commit and a tree."""

    async def diff(self, base: Sha, tree: Sha) -> bytes:
        """Return the difference of a commit and a tree as `git apply` reads it."""

    async def overlay(self, onto: Sha, source: Sha, paths: Sequence[str]) -> Sha:
        """Return the tree of `onto` with `paths` as they are in `source` (absent there: removed)."""

    async def check(self, tree: Sha, task: Task) -> tuple[CheckResult, ...]:
        """Run the checks of a task in a fresh sandbox on a clean copy of the tree, each within its time."""


@dataclass(frozen=True)
class Gated:
    """The gate's verdict: a report in every case, and a failure when nothing may be published."""

    report: Report
    tree: Sha | None = None
    failure: Failure | None = None
    sent_back: bool = False
    """Whether the worker is to have another go at what the review found. No check was run then."""


async def gate(
    job: JobRecord,
    patch: Patch,
    policy: RepoPolicy,
    bench: Bench,
    review: Callable[[bytes, Sequence[FileChange]], tuple[Finding, ...]],
) -> Gated:
    """Pass or stop one proposed patch.

    What the policy forbids stops it. What the review objects to goes back to the worker once; after that it
    passes with the objection on it, for a person to decide.
    Raises what `bench` raises: PatchDoesNotApply for a patch that is damaged or was made on another base,
    SandboxUnavailable when the checks cannot be run.
    """
    tree = await bench.apply(patch)
    base = job.merges or job.base
    files = await bench.changes(base, tree)
    # What was published before, or pushed by people, has passed its own gate; the report tells of all of it.
    new = await bench.changes(patch.base, tree) if patch.base != base else files
    if not files or (not new and not job.merges):
        return Gated(job.report, tree, _no_change())
    rules = check_patch(patch.diff, new, job.task.scope, policy, job.task.bounds)
    remarks = review(patch.diff, new)
    unresolved: list[Finding] = []
    if job.merges:
        # What the worker left as it found it is in no patch of its own: markers of a conflict, say.
        whole = review(await bench.diff(base, tree), files)
        unresolved = [remark for remark in whole if remark.rule == CONFLICT_MARKER]
        remarks = (*unresolved, *(remark for remark in remarks if remark not in unresolved))
    level, reasons = risk_rules.floor(files, policy)
    words, withheld = _publishable(job.report.words)
    report = job.report.model_copy(
        update={
            "words": words,
            "refused": (*job.report.refused, *withheld),
            "files": files,
            "findings": (*rules, *remarks),
            "risk": max(job.task.risk, level, key=lambda r: Risk(r).rank),
            "risk_reasons": reasons,
        }
    )
    blocking = [finding for finding in rules if finding.blocking]
    if blocking:
        return Gated(report, tree, _stopped(blocking))
    if job.sent_back == 0 and any(remark.blocking for remark in remarks):
        return Gated(report, tree, sent_back=True)
    if unresolved:
        return Gated(report, tree, _unresolved(unresolved))
    evidence = await gather_evidence(
        job, tree, [f.path for f in files if risk_rules.is_test(f.path)], files, bench
    )
    report = report.model_copy(update={"evidence": evidence})
    return Gated(report, tree, _red(evidence))


async def gather_evidence(
    job: JobRecord, tree: Sha, tests: Sequence[str], files: Sequence[FileChange], bench: Bench
) -> Evidence:
    """Run the checks before and after, each in its own sandbox, and say what that proves.

    *Before* is the base with the patch's tests, so that a new test counts by failing there. Where the patch
    edits tests that were there, or whatever else decides how the checks run, the checks are run once more
    with the base's own copy of that: a change that only passes because it rewrote its judge is not called
    proven. Nor is one after which fewer tests ran than before.
    """
    task, at = job.task, job.merges or job.base
    if not task.checks:
        return Evidence(tree=tree, thin=task.no_check_reason or "the repository has no checks")
    before = await bench.overlay(at, tree, tests) if tests else at
    edited = [f.path for f in files if f.path in tests and f.status != "added"]
    judges = [f.path for f in files if is_judge(f.path, task.checks) and f.path not in edited]
    base, head = await asyncio.gather(bench.check(before, task), bench.check(tree, task))
    thin, left = _thin(base, head), _left(base, head)
    if fewer := _fewer(base, head):
        thin, left = fewer, 0
    if (edited or judges) and all(result.ok for result in head):
        judged = await bench.check(await bench.overlay(tree, at, [*edited, *judges]), task)
        if not all(result.ok for result in judged):
            thin, left = _rewrote(edited, judges), 0
    return Evidence(tree=tree, base=base, head=head, thin=thin, left=left)


def _rewrote(edited: Sequence[str], judges: Sequence[str]) -> str:
    names = ", ".join([*edited, *judges][:3])
    what = "tests that were there before were" if edited else "what decides how the checks run was"
    return f"{what} edited ({names}); with their former text the checks fail."


def _fewer(base: Sequence[CheckResult], head: Sequence[CheckResult]) -> str | None:
    """Return a sentence when a check that passes ran fewer tests than before, or does not tell any more."""
    before = {result.command: _tests(result) for result in base}
    for result in head:
        was, now = before.get(result.command), _tests(result)
        if not result.ok or not was or (now is not None and now >= was):
            continue
        said = "no number of tests" if now is None else f"{now} of them"
        return f"`{result.command}` ran {was} tests before the change, and tells of {said} after it."
    return None


def _tests(result: CheckResult) -> int | None:
    """Return how many tests ran, as far as the output tells."""
    if result.passed is None and result.failed is None:
        return None
    return (result.passed or 0) + (result.failed or 0)


def _thin(base: Sequence[CheckResult], head: Sequence[CheckResult]) -> str | None:
    if all(result.ok for result in (*base, *head)):
        return "every check passed before the change too, so none of them shows that the problem is solved."
    before = {name for result in base for name in result.failing}
    still = sorted(_still(base, head))
    if not still:
        return None
    all_before = len(before) + sum(result.unnamed for result in base)
    least = "at least " if any(result.unnamed for result in (*base, *head)) else ""
    word = "fails" if len(still) == 1 else "fail"
    names = ", ".join(still[:3])
    return f"of {all_before} tests that failed before, {least}{len(still)} still {word}: {names}."


def _still(base: Sequence[CheckResult], head: Sequence[CheckResult]) -> set[str]:
    before = {name for result in base for name in result.failing}
    return {name for result in head for name in result.failing} & before


def _left(base: Sequence[CheckResult], head: Sequence[CheckResult]) -> int:
    """Return how many tests still fail as before; none where all that failed before may not be named."""
    return 0 if any(result.unnamed for result in (*base, *head)) else len(_still(base, head))


def better_than_base(base: Sequence[CheckResult], head: Sequence[CheckResult]) -> bool:
    """True when every check that still fails names fewer failing tests than on base, and no new one.

    A repository whose tests were red before is judged by what the change did, not by what it found. Where not
    all that fails is named, nobody can tell.
    """
    before = {result.command: result for result in base}
    for result in head:
        if result.ok:
            continue
        was = before.get(result.command)
        if was is None or result.ended != "exited" or not result.failing or result.unnamed:
            return False
        if not set(result.failing) < set(was.failing):
            return False
    return True


def no_worse_than_base(base: Sequence[CheckResult], head: Sequence[CheckResult]) -> bool:
    """True when every check that fails names only tests that fail on base too, and ended as it should."""
    before = {result.command: result for result in base}
    for result in head:
        if result.ok:
            continue
        was = before.get(result.command)
        if was is None or result.ended != "exited" or not result.failing or result.unnamed:
            return False
        if not set(result.failing) <= set(was.failing):
            return False
    return True


def _red(evidence: Evidence) -> Failure | None:
    if all(result.ok for result in evidence.head) or better_than_base(evidence.base, evidence.head):
        return None
    red = [f"`{result.command}`: {result.summary}" for result in evidence.head if not result.ok]
    return Failure(
        kind=FailureKind.CHECKS,
        cause=f"On the exact tree that would be published the checks do not pass: {'; '.join(red)}.",
        next_step="The patch is kept in the record. Add detail to the issue, then say `/pushpals run`.",
    )


def _publishable(words: str) -> tuple[str, tuple[str, ...]]:
    """Return the worker's words as they may be published, and why they are withheld.

    They are for people to read beside the change, so a secret in them costs the words and not the change.
    """
    found = find_secrets_in_text(words, "the worker's summary")
    if not found:
        return words, ()
    return "", tuple(f"The worker's own words are left out: {finding.message}" for finding in found)


def _unresolved(markers: Sequence[Finding]) -> Failure:
    names = ", ".join(dict.fromkeys(f"`{marker.path}`" for marker in markers))
    return Failure(
        kind=FailureKind.CONFLICT,
        cause=f"A conflict marker is left in {names}, so the merge was not pushed.",
        next_step="Merge by hand, or say how the two sides go together: `/pushpals fix …`.",
        rule=CONFLICT_MARKER,
    )


def _no_change() -> Failure:
    return Failure(
        kind=FailureKind.NO_CHANGE,
        cause="The worker proposed no change.",
        next_step="Say in the issue what should change (a failing example helps); then `/pushpals run`.",
    )


def _stopped(blocking: Sequence[Finding]) -> Failure:
    secrets = [finding for finding in blocking if finding.rule.startswith("secret")]
    # The kind, the rule and the cause speak of the same finding, and a secret is the gravest.
    first = (secrets or blocking)[0]
    where = f"`{first.path}`: " if first.path else ""
    more = f" And {len(blocking) - 1} more." if len(blocking) > 1 else ""
    return Failure(
        kind=FailureKind.SECRET if secrets else FailureKind.POLICY,
        cause=f"Not published: {where}{first.message}{more}",
        next_step="Narrow the request, or change the rule in `.github/pushpals.yml`; then `/pushpals run`.",
        rule=first.rule,
    )
