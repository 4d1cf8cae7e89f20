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


def policy_refusal(cause: str, line: int, message: str) -> str:
    """Say on the issue that the policy file stopped everything."""
    return (
        f"{policy_mark(cause)}\nNothing was started: `.github/pushpals.yml` is not valid "
        f"(line {line}: {one_line(message, 300)}). Mend it on the default branch; this request starts then."
    )
