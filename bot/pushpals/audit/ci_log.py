"""From the log of a CI job to the part that tells what failed. Pure."""

from __future__ import annotations

import re
from typing import Final

LIMIT: Final = 5_000
"""Characters that are kept."""
_BEFORE, _AFTER = 12, 25
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\r")
# GitHub Actions puts the time before every line, and commands such as ##[group] into it
# (https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions).
_TIME: Final = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?", re.MULTILINE)
_TELLS: Final = re.compile(
    r"##\[error\]|\b(?:error|failed|failure|failures|exception|traceback|panicked|assert\w*)\b|^E\s",
    re.IGNORECASE,
)
_END: Final = re.compile(r"##\[error\]Process completed with exit code")


def failing_part(log: str, limit: int = LIMIT) -> str:
    """Return the lines around what a log says of failures, at most `limit` characters of the last ones.

    Times and colours are taken out. Where nothing in it tells of a failure the end of the log is returned.
    """
    lines = [line.rstrip() for line in _TIME.sub("", _ESCAPES.sub("", log)).splitlines()]
    end = next((n for n, line in enumerate(lines) if _END.search(line)), len(lines))
    lines = lines[: end + 1]
    wanted: set[int] = set()
    for number, line in enumerate(lines):
        if _TELLS.search(line):
            wanted.update(range(max(0, number - _BEFORE), min(len(lines), number + _AFTER)))
    chosen = sorted(wanted) or list(range(len(lines)))
    kept: list[str] = []
    size, last = 0, None
    for number in reversed(chosen):
        gap = last is not None and number != last - 1
        size += len(lines[number]) + 1 + (2 if gap else 0)
        if size > limit:
            break
        kept += ["…"] if gap else []
        kept.append(lines[number])
        last = number
    return "\n".join(reversed(kept))
