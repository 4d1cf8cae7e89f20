"""What the merge train says: why a pull request is back, why the train stands, what a merge commit is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.words import one_line
from pushpals.model import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import Car, CheckResult, JobId, Sha, TrainRecord

_AGAIN = "The train tries again within the hour."


def merge_message(car: Car, run: int) -> str:
    """Return the message of the commit that merges a car for the train's test number `run`.

    The number makes a second look a commit of its own, which a CI tests anew.
    """
    number = f"#{car.pull}" if car.pull else car.branch
    title = one_line(car.title, 100) or car.branch
    return f"Merge {number}: {title}\n\nPushPals-Job: {car.job}\nPushPals-Run: {run}\n"


def blamed(record: TrainRecord, results: Sequence[CheckResult]) -> Failure:
    """Return why a car leaves whose checks did not pass twice."""
    red = [f"`{result.command}`: {result.summary}" for result in results if not result.ok]
    return Failure(
        kind=FailureKind.CHECKS,
        cause=f"Merged onto `{record.branch}` at {record.base[:7]} the checks do not pass, "
        f"not even when run once more: {'; '.join(red) or 'no reason was given'}.",
        next_step="Alone it was green, so look at what landed since. Ask for a change with `/pushpals fix`, "
        "or approve it once more to try again.",
    )


def does_not_merge(record: TrainRecord, paths: Sequence[str]) -> Failure:
    """Return why a car leaves that conflicts with the base."""
    return Failure(
        kind=FailureKind.CONFLICT,
        cause=f"It conflicts with `{record.branch}` at {record.base[:7]} in {code_list(paths)}.",
        next_step="The conflict is to be resolved on its branch; then it needs a new approval.",
    )


def does_not_come_off(job: JobId) -> Failure:
    """Return why a merged change can not be taken back by itself."""
    return Failure(
        kind=FailureKind.CONFLICT,
        cause=f"The change of {job} does not come off cleanly: what it changed was changed again since, "
        "or it is not on the base branch any more.",
        next_step="Revert it by hand, or open an issue that says what should be as before.",
    )


def ci_is_silent(integration: str, commit: Sha, minutes: float, missing: Sequence[str], rule: str) -> Failure:
    """Return why the train stands when the CI does not tell."""
    who = f"{code_list(missing)} had not reported" if missing else "no check had ended"
    return Failure(
        kind=FailureKind.TIMEOUT,
        cause=f"After {minutes:g} minutes {who} on {commit[:7]} (`{integration}`).",
        next_step=f"Let the CI run on pushes to `{integration}`, name the checks that do in "
        f"`integration.required`, or set `integration.checks: sandbox`. {_AGAIN}",
        rule=rule,
    )


def base_is_red(branch: str, red: Sequence[str]) -> Failure:
    """Return why the train stands when the branch it lands on is red itself."""
    return Failure(
        kind=FailureKind.CHECKS,
        cause=f"`{branch}` itself is red: {code_list(red)} fails there too, so nobody can tell what a pull "
        "request does to it.",
        next_step=f"Mend `{branch}`; the train goes on by itself then.",
    )


def nothing_to_check() -> Failure:
    """Return why the train stands when there is nothing to test a batch with."""
    return Failure(
        kind=FailureKind.POLICY,
        cause="There is neither a CI nor a check to test a batch with.",
        next_step="Name a check under `checks` in `.github/pushpals.yml`, or merge by hand.",
    )


def checks_can_not_run(why: str) -> Failure:
    """Return why the train stands when the sandbox does not work."""
    return Failure(
        kind=FailureKind.INFRASTRUCTURE,
        cause=f"The checks could not be run: {why}",
        next_step=f"Look at the server's log and `pushpals doctor`. {_AGAIN}",
    )


def push_refused(branch: str, reason: str) -> Failure:
    """Return why the train stands when GitHub refuses to move the branch."""
    return Failure(
        kind=FailureKind.POLICY,
        cause=f"GitHub refused to move `{branch}`: {reason}",
        next_step=f"Let the App push to `{branch}` in its protection or ruleset, or set "
        f"`integration.train: never` and merge by hand. {_AGAIN}",
        rule="GitHub's own",
    )


def same_branch(branch: str) -> Failure:
    """Return why the train stands when it would test on the branch it lands on."""
    return Failure(
        kind=FailureKind.POLICY,
        cause=f"`integration.branch` is `{branch}`, which is the default branch.",
        next_step="Name another branch there; PushPals makes it.",
        rule="integration.branch",
    )


def code_list(names: Sequence[str]) -> str:
    """Return up to three names as code, and how many more there are."""
    shown = ", ".join(f"`{one_line(name, 80).replace('`', '')}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"  # noqa: PLR2004
