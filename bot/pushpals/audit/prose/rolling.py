"""The one pull request of what is gathered on the integration branch, and what the train says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.audit.prose.words import COMMENT_LIMIT, count, one_line, plain, unskipped
from pushpals.audit.text import truncate_markdown
from pushpals.model import Failure, FailureKind
from pushpals.policy.job import mended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import Evidence, Gathered, Rolling

CLOSED: Final = "the rolling pull request is closed"
STILL_HELD: Final = "delivery"
_COLUMNS = "| issue | job | what | evidence | commit |\n|---|---|---|---|---|"


def evidence_line(evidence: Evidence) -> str:
    """Return in a line what the checks of a change showed."""
    said = [f"{one_line(result.command, 60)}: {result.summary}" for result in evidence.head[:3]]
    fixed = len(mended(evidence))
    said += [f"{count(fixed, 'test')} mended"] if fixed else []
    said += ["proves little"] if evidence.thin else []
    return "; ".join(said)


def gathered_words(gathered: Gathered) -> str:
    """Say in a few words where a gathered change waits."""
    where = f"waits for #{gathered.pull}" if gathered.pull else "waits for its pull request"
    return f"on `{gathered.branch}`, {where}"


def rolling_title(rolling: Rolling) -> str:
    """Return the title of the pull request."""
    return f"{count(len(rolling.held), 'tested change')} from {rolling.branch}"


def rolling_body(rolling: Rolling, default: str) -> str:
    """Render the pull request's body: what it holds, and what may be done with it."""
    what = f"{count(len(rolling.held), 'change')} for `{default}`, each checked alone, and tested together"
    lines = [f"{what} as they stand here. The list grows as more is done.", "", _COLUMNS]
    for each in rolling.held:
        title = plain(each.title, 120).replace("|", "\\|")
        evidence = plain(each.evidence, 200).replace("|", "\\|") or "none"
        issue = each.job.partition("-")[0]
        lines.append(f"| #{issue} | {each.job} | {title} | {evidence} | {each.head[:12]} |")
    lines.append(
        "\n**Next.** Read it, and merge it with a merge commit. If you close it instead, nothing more lands "
        f"until it is open again; close it and delete `{rolling.branch}`, and each change comes back as a "
        "pull request of its own."
    )
    return unskipped(truncate_markdown("\n".join(lines), COMMENT_LIMIT))


def closed(pull: int, branch: str) -> Failure:
    """Return why the train stands when a person closed the pull request without merging it."""
    return Failure(
        kind=FailureKind.CANCELLED,
        cause=f"#{pull}, which holds what was tested, was closed without merging.",
        next_step=f"Reopen #{pull} to go on. Or delete `{branch}`: what it holds comes back as pull requests "
        "of its own, and it begins anew.",
        rule=CLOSED,
    )


def still_held(pull: int, branch: str) -> Failure:
    """Return why the train stands when the policy gathers no more, and something is gathered still."""
    return Failure(
        kind=FailureKind.POLICY,
        cause=f"`{branch}` holds tested changes that wait in #{pull}, and the policy gathers none there "
        "any more.",
        next_step=f"Merge #{pull}; or close it, and each of them gets a pull request of its own.",
        rule=STILL_HELD,
    )


def gathered_no_more(branch: str) -> Failure:
    """Return why a change that was gathered is back."""
    return Failure(
        kind=FailureKind.CANCELLED,
        cause=f"It was tested and gathered on `{branch}`, and taken from there without being merged.",
        next_step="Judge it in its own pull request: merge it, or close it.",
    )


def conflicts_with_trunk(branch: str, default: str, paths: Sequence[str]) -> Failure:
    """Return why the train stands when the default branch does not merge into the integration branch."""
    shown = ", ".join(f"`{one_line(path, 80).replace('`', '')}`" for path in paths[:3])
    return Failure(
        kind=FailureKind.CONFLICT,
        cause=f"`{default}` moved, and conflicts with `{branch}` in {shown}.",
        next_step=f"Merge `{default}` into `{branch}` by hand and push that; the train goes on from there.",
    )


def trunk_message(branch: str, default: str) -> str:
    """Return the message of the commit that brings the integration branch up to date."""
    return f"Merge {default} into {branch}\n"
