"""Markdown that stays well-formed when it is cut."""

from __future__ import annotations

import re
from typing import Final

GITHUB_LIMIT: Final = 65_535
"""Characters of a check run's summary or text; a comment may have one more."""

_CUT_NOTE: Final = "\n\n(Cut here: the text is longer than fits.)\n"
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_DETAILS: Final = re.compile(r"<(/?)details\b[^>]*>", re.IGNORECASE)


def open_fence(text: str) -> str | None:
    """Return the run of ticks or tildes that would close the fenced block `text` ends in, or None."""
    fence: str | None = None
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if fence is None:
            fence = match[1] if match else None
        elif match and match[1][0] == fence[0] and len(match[1]) >= len(fence) and not match[2].strip():
            fence = None
    return fence


def truncate_markdown(text: str, limit: int = GITHUB_LIMIT) -> str:
    """Return `text` if it has at most `limit` characters, else its beginning, well-formed, with a note.

    It is cut at the end of a line where there is one; open code fences, `<details>` and comments are closed.
    A `limit` too small for the note leaves an empty text.
    """
    if len(text) <= limit:
        return text
    end = max(0, limit)
    while end > 0:
        kept = _without_open_comment(_whole_lines(text[:end]))
        result = kept + _closers(kept) + _CUT_NOTE
        if len(result) <= limit:
            return result
        # Closers are short, so this takes a few rounds; never fewer than one character less.
        end = min(end - 1, len(kept) - (len(result) - limit))
    return ""


def _whole_lines(text: str) -> str:
    """Drop a last line that was cut, unless that would lose more than half of the text."""
    head, _, _ = text.rpartition("\n")
    return head if len(head) * 2 > len(text) else text


def _without_open_comment(text: str) -> str:
    start = text.rfind("<!--")
    return text[:start] if start >= 0 and "-->" not in text[start:] else text


def _closers(text: str) -> str:
    """Return what closes the fence and the details that `text` leaves open."""
    fence = open_fence(text)
    depth = 0
    for tag in _DETAILS.finditer(_without_code(text)):
        depth = max(0, depth - 1) if tag[1] else depth + 1
    return (f"\n{fence}" if fence else "") + "\n\n</details>" * depth


def _without_code(text: str) -> str:
    """Return the lines of `text` that are not in a fenced block: tags in code are not tags."""
    kept: list[str] = []
    fence: str | None = None
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if fence is None and match:
            fence = match[1]
        elif fence is None:
            kept.append(line)
        elif match and match[1].startswith(fence) and not match[2].strip():
            fence = None
    return "\n".join(kept)
