"""Which lines of a comment say something to PushPals: those at the start of a line of plain prose.

What is quoted, code, hidden or part of a list or table is not said but shown. A CommonMark parser tells the
two apart (https://spec.commonmark.org/0.31.2/), so that we read a comment as GitHub shows it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

MOST_CHARS: Final = 65_536
"""GitHub's own limit for a comment."""

# Blocks alone: only the few paragraphs that may hold a command are read further.
_BLOCKS: Final = MarkdownIt("commonmark").enable("table").disable("inline")
_INLINE: Final = MarkdownIt("commonmark")
_MARK: Final = "\ue000"


@dataclass(frozen=True)
class Spoken:
    """A line that calls PushPals by its name."""

    line: str
    """What stands behind the name on that line."""
    below: str
    """The lines from there to the next call, or to the end of the comment."""
    mention: bool
    """Called with `@name`, as people call each other, and not with `/name`."""


def spoken(body: str, *names: str) -> tuple[Spoken, ...]:
    """Return the calls in a comment, in order. The first of `names` is called `/name`; all `@name`."""
    call = _call(names)
    text = re.sub(r"\r\n?", "\n", body[:MOST_CHARS])
    if not call.search(text):
        return ()
    lines = text.split("\n")
    found: list[Spoken] = []
    end = len(lines)
    for at in reversed(_said(text, lines, call)):
        if match := call.match(lines[at]):
            below = "\n".join(lines[at + 1 : end]).rstrip()
            found.insert(0, Spoken((match["rest"] or "").strip(), below, match["at"] is not None))
            end = at
    return tuple(found)


def _call(names: tuple[str, ...]) -> re.Pattern[str]:
    slash, any_of = re.escape(names[0]), "|".join(map(re.escape, names))
    return re.compile(
        rf"^[ \t]*(?:/{slash}|(?P<at>@)(?:{any_of}))(?:[ \t]+(?P<rest>.*))?[ \t]*$",
        re.IGNORECASE | re.MULTILINE,
    )


def _said(text: str, lines: list[str], call: re.Pattern[str]) -> list[int]:
    """Return the numbers of the lines that call, and are said."""
    found: list[int] = []
    tokens = _BLOCKS.parse(text)
    for opening, inline in itertools.pairwise(tokens):
        if inline.type != "inline" or not _is_prose(opening) or opening.map is None:
            continue
        start = opening.map[0]
        ahead = range(start, start + inline.content.count("\n") + 1)
        calling = {at - start for at in ahead if call.match(lines[at])}
        if calling:
            found += [start + at for at in _starting_in_text(inline.content, calling)]
    return found


def _is_prose(opening: Token) -> bool:
    """True for a paragraph of the comment itself, also where a line of dashes below makes a heading of it."""
    underlined = opening.type == "heading_open" and opening.markup in {"-", "="}
    return opening.level == 0 and (underlined or opening.type == "paragraph_open")


def _starting_in_text(content: str, calling: set[int]) -> Iterator[int]:
    """Return those of the lines `calling` that do not start inside of code, a link, or HTML."""
    marked = [
        f"{_MARK}{at}{_MARK}{line}" if at in calling else line
        for at, line in enumerate(content.replace(_MARK, " ").split("\n"))
    ]
    [inline] = _INLINE.parseInline("\n".join(marked))
    at_start, links = True, 0
    for child in inline.children or ():
        links += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type == "text" and at_start and not links and child.content.startswith(_MARK):
            yield int(child.content.split(_MARK)[1])
        at_start = child.type in {"softbreak", "hardbreak"}
