"""Text from people, before a model reads it: what its readers on GitHub cannot see is taken out.

Hidden on GitHub's pages are HTML comments, the attributes of tags, tags that format nothing, link
definitions, the titles of links, the descriptions of images and the surplus cells of tables. Where it is not
certain what GitHub sees, rather too much is removed than too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pushpals.audit.hidden_html import HtmlScan
from pushpals.audit.readings import DEFINITION, LINE_START, LINK_TITLE, image_end, union_end
from pushpals.audit.unseen import Cleaned, strip_unseen

MAX_CHARS: Final = 100_000
"""Characters that are read; GitHub's own limit for a text is 65,536."""

_DELIMITER_ROW: Final = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_CELL_END: Final = re.compile(r"(?<!\\)\|")

# A part of a text to take out: from, to, what stands there instead, and what it was.
Cut = tuple[int, int, str, str]


def clean_untrusted(text: str) -> Cleaned:
    """Return `text` as its readers see it, and what was removed, one plain phrase for each kind.

    For Markdown (issues, comments), not for files or titles, in which GitHub shows HTML as it is written: for
    those `strip_unseen` is enough.
    """
    removed: dict[str, None] = {}
    if len(text) > MAX_CHARS:
        removed[f"everything after the first {MAX_CHARS:,} characters"] = None
        text = text[:MAX_CHARS]
    seen = strip_unseen(text)
    removed |= dict.fromkeys(seen.removed)
    text = seen.text
    # What remains around a removal could form something hidden again. Every round leaves less, so this ends.
    while (cleaned := _round(text, removed)) != text:
        text = cleaned
    return Cleaned(text=text, removed=tuple(removed))


def _round(text: str, removed: dict[str, None]) -> str:
    """Remove in the order in which Markdown binds: table cells, HTML and code, then links and images."""
    whole = _without_surplus_cells(text, removed)
    scan = HtmlScan(whole, cut=whole != text)
    removed |= scan.removed
    text = scan.text
    # In code nothing is a link or an image: the patterns see code as one long word.
    masked = list(text)
    for start, end in scan.code:
        masked[start:end] = "x" * (end - start)
    for find in (_definitions, _images, _titles):
        kept, shadow, at = [], [], 0
        for start, end, instead, what in find("".join(masked)):
            removed[what] = None
            kept += [text[at:start], instead]
            shadow += [*masked[at:start], *instead]
            at = end
        text, masked = "".join([*kept, text[at:]]), [*shadow, *masked[at:]]
    return text


def _without_surplus_cells(text: str, removed: dict[str, None]) -> str:
    """Drop the rows of tables that have more cells than the header: the surplus is not shown (GFM, 4.10)."""
    columns, marks = 0, ""
    lines = []
    at = hidden_until = 0
    for line in text.split("\n"):
        beginning, at = at, at + len(line) + 1
        if beginning < hidden_until:
            continue
        start = LINE_START.match(line)
        row = line[start.end() :].strip() if start else line
        here = "".join(start[0].split()) if start else ""
        if _DELIMITER_ROW.fullmatch(row):
            columns, marks = _cells(row), here
        elif not row or here != marks:
            columns = 0
        elif columns and _cells(row) > columns:
            removed["surplus cells of tables"] = None
            # If this is no table after all, what begins in the row still hides what it hides.
            hidden_until = union_end(text, beginning - 1, at - 1)
            continue
        lines.append(line)
    return "\n".join(lines)


def _cells(row: str) -> int:
    """Return how many cells a row of a table has."""
    return len(_CELL_END.split(row.removeprefix("|").removesuffix("|")))


def _definitions(text: str) -> Iterator[Cut]:
    """Yield the link definitions: nothing of them is shown."""
    for found in DEFINITION.finditer(text):
        if LINE_START.fullmatch(text, text.rfind("\n", 0, found.start()) + 1, found.start()):
            yield found.start(), found.end(), " ", "link definitions"


def _titles(text: str) -> Iterator[Cut]:
    """Yield the targets of links that have a title, which is shown only to a mouse."""
    for found in LINK_TITLE.finditer(text):
        yield found.start(), found.end(), f"]({found['to']})", "titles of links"


def _images(text: str) -> Iterator[Cut]:
    """Yield the images: their descriptions are shown only where the image is not."""
    at = 0
    while (at := text.find("![", at)) >= 0:
        end = image_end(text, at)
        if end is not None:
            yield at, end, "(image)", "images and other media"
        at = end or at + 2
