"""What is said of further rounds: to the worker, on the pull request, in review threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.words import code, count, failure_text, one_line, record_of
from pushpals.model import OrderKind
from pushpals.policy.job import MAX_OWN_ROUNDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import JobRecord, Order

_ASKED = {
    OrderKind.FIX: "A maintainer asks",
    OrderKind.REVIEW: "A reviewer remarks",
    OrderKind.FINDINGS: "The automated review found",
    OrderKind.CI: "The repository's CI is red",
    OrderKind.CONFLICT: "The base branch and this work conflict",
    OrderKind.REBASE: "The base branch is to be merged in",
}
_DOING = {
    OrderKind.FIX: "doing what was asked",
    OrderKind.REVIEW: "answering the review",
    OrderKind.FINDINGS: "answering the automated review",
    OrderKind.CI: "mending the red checks",
    OrderKind.CONFLICT: "resolving the conflict",
    OrderKind.REBASE: "merging the base branch",
}
OUTPUT_LIMIT = 6_000
"""Characters of one order that a worker is shown; all of them together have four times that."""


def orders_for_worker(orders: Sequence[Order], whole: str) -> str:
    """Return what a worker is asked in a further round; `whole` is what was asked at first."""
    done = "The work was done, but not published yet." if _unpublished(orders) else "The work was published."
    lines = [f"{done} Now this is asked of it:", ""]
    room = min(OUTPUT_LIMIT, 4 * OUTPUT_LIMIT // max(1, len(orders)))
    for order in orders:
        where = f" ({order.path}{f' line {order.line}' if order.line else ''})" if order.path else ""
        lines += [f"{_ASKED[order.kind]}{where}:", order.text[:room].strip(), ""]
    return "\n".join([*lines, "What was asked at first:", "", whole])


def _unpublished(orders: Sequence[Order]) -> bool:
    """True in the first round, whose only orders are what the automated review objects to."""
    return all(order.kind is OrderKind.FINDINGS for order in orders)


def round_words(job: JobRecord) -> str:
    """Return what a further round is about, for people: `answering the review`."""
    return ", ".join(dict.fromkeys(_DOING[order.kind] for order in job.orders)) or "starting again"


def report_mark(job: JobRecord) -> str:
    """Return the hidden mark of the report of a job's present round, in the body of its pull request."""
    return f"<!-- pushpals:report {job.id}/{job.round} -->"


def reply_mark(cause: str) -> str:
    """Return the hidden mark of our answer to one order."""
    return f"<!-- pushpals:round {cause} -->"


def round_reply(job: JobRecord, cause: str) -> str:
    """Return the answer to one order of the last round: done, in which commit, or why not."""
    lines = [reply_mark(cause)]
    order = next((order for order in job.orders if order.cause == cause), None)
    if order and not order.thread:  # in a thread it is plain what is answered
        said = f": {one_line(order.text, 160)}" if order.text and order.by else ""
        lines += [f"> {_ASKED[order.kind]}{said}", ""]
    if job.setback:
        lines += [
            "Not done.",
            "",
            failure_text(job.setback),
            "",
            f"What was published before stands. Record: {record_of(job)}.",
        ]
        return "\n".join(lines)
    head = job.head[:12] if job.head else "the branch"
    evidence = job.report.evidence
    ran = (
        "; ".join(f"{code(check.command)}: {one_line(check.summary)}" for check in evidence.head)
        if evidence
        else ""
    )
    checks = f" Checks on that tree: {ran}." if ran else " No checks ran on that tree."
    files = count(len(job.report.files), "file")
    lines.append(f"Done in {head}; the pull request now changes {files}.{checks}")
    lines += ["", "**Next.** Read it again: resolve this, or say what is still missing."]
    return "\n".join(lines)


def left_to_a_person(kind: OrderKind, names: Sequence[str], mark: str) -> str:
    """Return the call for a person: what is still wrong after rounds of our own, and what can be done."""
    listed = ", ".join(code(name) for name in names[:10])
    what = f"{listed} {'is' if len(names) == 1 else 'are'} still red"
    if kind is OrderKind.CONFLICT:
        what = f"It conflicts with {listed} again"
    return (
        f"{mark}\n{what}, after {count(MAX_OWN_ROUNDS, 'round')} of trying. This is left to a person.\n\n"
        "**Next.** Mend it on the branch, or say `/pushpals fix …` with what you know of the cause."
    )
