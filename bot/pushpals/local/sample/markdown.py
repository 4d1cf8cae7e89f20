"""Repositories that are written down in one Markdown file: readable as they are, and unpacked when needed.

The file's first heading and paragraphs are an issue, in a user's words. A line ``Check: `command` `` ends
them. Every heading of the second level is a file's path in backticks, followed by its text in a fence; the
word `Hidden` before the path marks tests that the one who fixes the bug does not see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FILE = re.compile(
    r"^## (?P<hidden>Hidden )?`(?P<path>[^`\n]+)`\n+(?P<fence>`{3,})\w*\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Story:
    """A small repository, an issue about it, the command that checks it, and tests kept aside."""

    title: str
    body: str
    check: str
    files: dict[str, str]
    hidden: dict[str, str]


def read_story(text: str) -> Story:
    """Read a Markdown file; raises ValueError when it has no title, no check or no files."""
    head, found, rest = text.partition("\nCheck: `")
    title, _, body = head.removeprefix("# ").partition("\n")
    files: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for match in _FILE.finditer(rest):
        content = match["text"].strip("\n")
        (hidden if match["hidden"] else files)[match["path"]] = content + "\n" if content else ""
    if not (title.strip() and found and files):
        raise ValueError("A story needs a title, a line with its check, and files under headings")
    return Story(title.strip(), body.strip(), rest.partition("`")[0], files, hidden)


def unpack(files: dict[str, str], folder: Path) -> None:
    """Write files below a folder, which is made if need be."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
