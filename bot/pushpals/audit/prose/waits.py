"""A job that waits for a person's word: what it asks, why, and how to answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushpals.audit.prose.words import code, flat, item, one_line
from pushpals.model import WaitReason

if TYPE_CHECKING:
    from pushpals.model import JobRecord

COMMAND_LIMIT = 2_000


def waiting_lines(job: JobRecord) -> list[str]:
    """Return what a waiting job asks of people, and what each answer does; nothing for any other."""
    if job.waiting is WaitReason.COMMAND and job.asks:
        why = f"The worker's reason, in its own words: {one_line(job.asks_why, 500)}" if job.asks_why else ""
        return [
            "",
            "The worker wants to run a command that is not on this repository's list, and waits for a yes:",
            "",
            *_block(job.asks),
            "",
            *([why, ""] if why else []),
            "It would run in the sandbox, without network and without secrets.",
            "",
            (
                "**Next.** *Allow once* lets it run in this job; *Allow for this repo* also opens a pull "
                "request that puts it on the list; *Deny* lets the worker go on without it. "
                f"`/pushpals approve {job.id}` and `/pushpals reject {job.id}` do so too."
            ),
        ]
    if job.waiting is WaitReason.BUDGET and job.asks:
        return [
            "",
            f"{item(job.asks, 500)} The work so far is kept.",
            "",
            "**Next.** *Double the budget*, or `/pushpals budget 2x`, lets it go on from there.",
        ]
    if job.waiting is WaitReason.DAY and job.asks:
        return [
            "",
            f"{item(job.asks, 500)} It goes on by itself when the next day begins, by UTC.",
            "",
            (
                "**Next.** *Double the budget*, or `/pushpals budget 2x`, by somebody who may start work, "
                "lets this job begin today, with twice its own budget and up to twice the day's. A "
                "maintainer can raise the day's in `.github/pushpals.yml`."
            ),
        ]
    return []


def waiting_title(job: JobRecord) -> str:
    """Return the line next to the check's name of a job that waits for a command."""
    return f"Asks to run: {flat(job.asks or '', 100)}"


def allow_title(command: str) -> str:
    """Return the title of the pull request that puts a command on the list."""
    return f"Allow PushPals to run {flat(command, 60)}"


def allow_body(job: JobRecord, command: str, login: str) -> str:
    """Return the body of the pull request that puts a command on the list."""
    lines = [
        f"A worker asked to run this in job {job.id} (#{job.request}), where {code(login, 60)} allowed it:",
        "",
        *_block(command),
        "",
        (
            "Merging this lets every worker run it without asking, exactly as it stands. It adds one entry "
            "to `commands.allow` in `.github/pushpals.yml`; nothing else changes."
        ),
    ]
    if job.asks_why:
        lines += ["", f"The worker's reason, in its own words: {one_line(job.asks_why, 500)}"]
    lines += ["", "**Next.** Merge it if that is fine for good; close it to be asked again next time."]
    return "\n".join(lines)


def allow_by_hand(command: str) -> str:
    """Say that the policy file could not be changed for a person, and what to write."""
    lines = [
        (
            "The command is allowed in that job. No pull request could be opened that lists it and "
            "changes nothing else. To allow it for good, add this to `.github/pushpals.yml`:"
        ),
        "",
    ]
    entry = ["commands:", "  allow:", f"    - {_quoted(command)}"]
    return "\n".join([*lines, *_block("\n".join(entry))])


def _block(command: str) -> list[str]:
    """Return a command as it would run, in a block that it cannot close."""
    text = command[:COMMAND_LIMIT]
    fence = "`" * max(4, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    # Some bots look for commands in the raw text, code or not: a space in front stops them.
    return [fence, *(f" {line}" if line.startswith("/") else line for line in text.splitlines()), fence]


def _quoted(command: str) -> str:
    return "'" + flat(command, COMMAND_LIMIT).replace("'", "''") + "'"
