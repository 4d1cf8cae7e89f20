"""Which path names may be published at all, on any file system the repository may be checked out on."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# The short names NTFS gives to .git, .gitmodules, .gitattributes: git~1, gitmod~1, hashed ones as gi7eba~1.
_NTFS_SHORT: Final = re.compile(r"gi[0-9a-z]{0,4}~[0-9]+(\.[0-9a-z]*)?")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that cannot be seen: control, format (zero width, bidi), surrogates, separators."""


def path_problem(path: str) -> str | None:
    """Return why `path` cannot be published, as a phrase, or None when it is an ordinary path.

    Ordinary: relative, `/` separated, no component that git, Windows or macOS would read as something else.
    """
    if not path:
        return "is empty"
    if any(unicodedata.category(char) in _UNSEEN for char in path):
        return "has control or invisible characters"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "is absolute"
    if "\\" in path:
        return "has a backslash, which is a separator on Windows"
    return next((problem for part in path.split("/") if (problem := _component_problem(part))), None)


def _component_problem(part: str) -> str | None:
    folded = part.casefold()
    if part in {"", ".", ".."}:
        return f"has the component {part!r}"
    if (
        folded.rstrip(". ") == ".git"
        or folded.startswith((".git:", ".git::"))
        or _NTFS_SHORT.fullmatch(folded)
    ):
        return "names git's own folder"
    if ":" in part:
        return "has a colon, which names a stream on Windows"
    if part[0] == "-":
        return "has a component that begins with a dash, which programs take for an option"
    if part[-1] in ". ":
        return "has a component that ends in a dot or space, which Windows drops"
    return None


def printable(path: str) -> str:
    """Return `path` for a message to people, between backticks, everything unseen written as an escape."""
    shown = "".join(
        char if unicodedata.category(char) not in _UNSEEN and char != "`" else f"\\u{{{ord(char):x}}}"
        for char in path[:200]
    )
    return f"`{shown}`"
