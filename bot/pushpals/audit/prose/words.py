"""Words and numbers that all texts share, and the ways to set a text that others wrote among ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushpals.audit.text import clean_model_text, strip_unseen
from pushpals.model import FailureKind

if TYPE_CHECKING:
    from pushpals.model import Failure, JobRecord, Request, Usage

COMMENT_LIMIT = 65_000
"""GitHub refuses comments and bodies over 65,536 characters; some room is left for multi-byte text."""
SENTENCES_LIMIT = 1_000
READ_LIMIT = 10_000
"""Characters of one text that are looked at: several times what any place shows of it."""

_FENCE = re.compile(r"^(?:`{3,}|~{3,})\s*")
_PIPE = re.compile(r"\\*\|")
_BEGINS_BLOCK = re.compile(r"\d{1,9}(?=[.)])|(?=[>#+*=~_\[-])")
# What GitHub acts on in plain text: behind these it no longer does, once a space follows.
_CALLS = re.compile(r"(?<=@)(?=[a-z0-9])|(?<=#)(?=\d)|(?<=\bgh-)(?=\d)|(?<=://)(?=\S)", re.IGNORECASE)
# What makes GitHub Actions and other CI services skip a commit.
_BRACKETED_SKIP = re.compile(
    r"\[(?=[^\[\]]*(?:\bskip[\s_-]{1,3}\w|\w[\s_-]{1,3}skip\b|\bno[\s_-]{0,3}ci\b))([^\[\]]*)\]",
    re.IGNORECASE,
)
_OTHER_SKIP = re.compile(
    r"(?P<trailer>\bskip)-(?=checks\s{0,9}:)|(?P<stars>\*{3}no)_(?=ci\*{3})", re.IGNORECASE
)
_STOPPED = frozenset({FailureKind.CANCELLED, FailureKind.BUDGET, FailureKind.AMBIGUOUS})


# What others wrote


def flat(text: str, limit: int) -> str:
    """Return `text` as one line of at most `limit` characters that can all be seen; for plain text."""
    line = " ".join(strip_unseen(text[:READ_LIMIT]).text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def plain(text: str, limit: int) -> str:
    """Return `text` as `flat` does, for titles and commits: as it was written, but calling nobody.

    Mentions, references and addresses get a space in them. Formatting as code would not do: commits are no
    Markdown.
    """
    return flat(unskipped(_CALLS.sub(" ", flat(text, READ_LIMIT))), limit)


def unskipped(text: str) -> str:
    """Return `text` without the marks that tell CI to skip what carries them: people decide that."""
    text = _BRACKETED_SKIP.sub(r"(\1)", text)
    return _OTHER_SKIP.sub(lambda mark: f"{mark['trailer'] or mark['stars']} ", text)


def one_line(text: str, limit: int = 100) -> str:
    """Return `text` as one plain line of at most `limit` characters, safe inside a line of Markdown."""
    line = _FENCE.sub("", flat(text, READ_LIMIT))
    room = limit
    # It is cut before it is made safe: half a code span would let out what the span keeps in.
    while len(shown := clean_model_text(flat(line, room)).text) > limit:
        room -= max(1, (len(shown) - limit) // 8)
    return shown


def item(text: str, limit: int = 300) -> str:
    """Return `text` as `one_line` does, safe also where it begins a line or a list's item."""
    line = one_line(text, limit)
    marker = _BEGINS_BLOCK.match(line)
    return f"{line[: marker.end()]}\\{line[marker.end() :]}" if marker else line


def code(text: str, limit: int = 150) -> str:
    """Return `text` as one code span that it cannot leave, at most `limit` characters of it."""
    return f"`{flat(text, limit).replace('`', chr(39)) or '(empty)'}`"


def cell(text: str) -> str:
    """Return Markdown for a table's cell. A backslash before a pipe would undo the pipe's own."""
    return _PIPE.sub(r"\\|", text)


# Numbers


def duration(seconds: float) -> str:
    """`41 s`, `4m 10s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}m {whole % 60:02d}s"  # noqa: PLR2004


def count(number: int, noun: str) -> str:
    """`1 file`, `3 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def money(usd: float | None, cap: float | None = None) -> str:
    """`$0.03`, `$0.03 of $1.00`; says so when the price of the model is unknown."""
    if usd is None:
        return "price unknown"
    return f"${usd:.2f} of ${cap:.2f}" if cap else f"${usd:.2f}"


def thousands(number: int) -> str:
    """`940`, `31k`."""
    return str(number) if number < 1000 else f"{number / 1000:.0f}k"  # noqa: PLR2004


def spent(usage: Usage) -> str:
    """One line of what was spent."""
    commands = count(usage.commands, "command")
    return (
        f"{count(usage.turns, 'turn')} · {thousands(usage.tokens_in)} tokens in, "
        f"{thousands(usage.tokens_out)} out"
        f" · {money(usage.usd)} · {duration(usage.seconds)} · {one_line(usage.model, 60) or 'no model'}"
        f" · {commands}, {usage.refused} refused"
    )


# Jobs


def role_name(role: str) -> str:
    """`bug_fixer` → `Bug Fixer`."""
    return role.replace("_", " ").title()


def others_than_authors(request: Request) -> str:
    """Name who may approve what is asked as far as that goes: anybody but those who asked for it."""
    return f"Somebody other than {' or '.join(code(author.login) for author in request.authors)}"


def outcome(failure: Failure) -> str:
    """`Failed (checks)`; `Stopped (budget)` for what a person may let go on, `Stopped` for what one ended."""
    if failure.kind is FailureKind.CANCELLED:
        return "Stopped"
    kind = failure.kind.replace("_", " ")
    return f"Stopped ({kind})" if failure.kind in _STOPPED else f"Failed ({kind})"


def failure_text(failure: Failure) -> str:
    """Render a failure: kind, cause, the rule if one, the next step."""
    rule = f" (rule: {one_line(failure.rule)})" if failure.rule else ""
    cause, next_step = one_line(failure.cause, SENTENCES_LIMIT), one_line(failure.next_step, SENTENCES_LIMIT)
    return f"**{outcome(failure)}**{rule}: {cause}\n\n**Next.** {next_step}"


def record_of(job: JobRecord) -> str:
    """Say where the record of a job is and how to check that nobody changed it."""
    return f"`refs/pushpals/jobs/{job.id}` (verify: `pushpals audit verify {job.id}`)"
