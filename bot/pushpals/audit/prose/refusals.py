"""Comments that say politely why nothing was started."""

from __future__ import annotations

from pushpals.audit.prose.words import code, one_line


def refusal_mark(cause: str) -> str:
    """Return the hidden mark of the refusal comment for one cause."""
    return f"<!-- pushpals:refused:{cause} -->"


def policy_mark(cause: str) -> str:
    """Return the hidden mark of the comment that reports a broken policy for one cause."""
    return f"<!-- pushpals:policy:{cause} -->"


def access_refusal(login: str, cause: str, reason: str, label: str) -> str:
    """Tell someone who may not start work who may. The name is code, not a mention, on purpose."""
    return (
        f"{refusal_mark(cause)}\n{code(login)}, {one_line(reason, 300)} "
        f"A maintainer can add {code(label)} for you; a clear description in this issue helps them decide."
    )


def damage_mark(sha: str) -> str:
    """Return the hidden mark of the comment about a record that cannot be read, as it was at `sha`."""
    return f"<!-- pushpals:damaged:{sha} -->"


def changed_refusal(login: str, cause: str, label: str) -> str:
    """Say that the text is not the one that was labelled any more."""
    return (
        f"{refusal_mark(cause)}\nNothing was started: {code(login)} changed this issue after {code(label)} "
        "was added, and may not start PushPals here. If its text is what you want, remove the label and add "
        "it again."
    )


def too_many(limit: int, where: str) -> str:
    """Say that a day's jobs are begun, and who may allow more."""
    return (
        f"Nothing was started: within a day {limit} jobs were begun in this repository, and "
        f"`budget.jobs` allows no more ({where}). A maintainer can raise it in `.github/pushpals.yml`."
    )


def no_more_questions(why: str) -> str:
    """Say that a day's questions are asked, and who may allow more."""
    return (
        f"No model was asked: {why} Ask again tomorrow, by UTC, or have a maintainer raise it in "
        "`.github/pushpals.yml`. `/pushpals status` and `/pushpals explain` answer in any case."
    )


def too_many_refusal(cause: str, limit: int, where: str, label: str) -> str:
    """Say the same to somebody who added the label."""
    return (
        f"{refusal_mark(cause)}\n{too_many(limit, where)} Then, or tomorrow, remove {code(label)} and add it "
        "again."
    )


def damage_refusal(ref: str, sha: str, reason: str) -> str:
    """Say that PushPals' own record of an issue cannot be read, and what a maintainer can do."""
    return (
        f"{damage_mark(sha)}\nNothing is started here: the record at {code(ref)} ({code(sha[:12])}) cannot "
        f"be read. {one_line(reason, 300)} A maintainer can look at its history with "
        f"{code(f'git log {ref}')} and move it back to its last good commit."
    )


def policy_refusal(cause: str, line: int, message: str) -> str:
    """Say on the issue that the policy file stopped everything."""
    return (
        f"{policy_mark(cause)}\nNothing was started: `.github/pushpals.yml` is not valid "
        f"(line {line}: {one_line(message, 300)}). Mend it on the default branch; this request starts then."
    )
