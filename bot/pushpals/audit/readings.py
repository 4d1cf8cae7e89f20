"""Where the constructs of Markdown end that hide text from the reader of a page.

Which construct a character begins depends on all that surrounds it, and renderers differ in corner cases.
These functions each take one character for the beginning of one construct, whatever surrounds it, and tell
where that would end; `union_end` takes all of them together. https://github.github.com/gfm/
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")
LINE_START: Final = re.compile(r"(?:[ \t]*(?:[>*+-]|\d{1,9}[.)]))*[ \t]*")
"""What may stand before a block on its line: the marks of quotes and lists, and spaces."""

# A tag as GFM defines it, and a tag as browsers are content with (in blocks of raw HTML they decide).
_ATTRIBUTE = r"""\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']{0,2000}'|"[^"]{0,2000}"))?"""
STRICT_TAG: Final = re.compile(
    rf"<(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<attributes>(?:{_ATTRIBUTE}){{0,50}}\s*/?)>"
    r"|</(?P<closed>[A-Za-z][A-Za-z0-9-]*)\s*>"
)
LOOSE_TAG: Final = re.compile(
    r"<(?P<name>[A-Za-z][^\s/>]{0,200})"
    r"""(?P<attributes>(?:[\s/](?:[^"'>]|"[^"]{0,2000}"|'[^']{0,2000}'){0,2000}?)?)>"""
    r"|</(?P<closed>[A-Za-z][^\s/>]{0,200})[^>]{0,2000}>"
)
_COMMENTS: Final = (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"))
_DECLARATION: Final = re.compile(r"<![A-Za-z][^>\n]*>")
_QUOTE_MARK: Final = re.compile(r"\n[ \t]*>\Z")

_IMAGE_CHARS: Final = 4000
_TARGET: Final = re.compile(r"\((?:[^()]|\([^()]*\)){0,2000}?\)|\[[^\[\]]{0,500}\]")
_TITLE: Final = r"""(?:"[^"]{0,2000}"|'[^']{0,2000}'|\([^()]{0,2000}\))"""
LINK_TITLE: Final = re.compile(rf"\]\(\s*+(?P<to><[^<>\n]*>|[^\s()<>]+)\s++{_TITLE}\s*+\)")
LINK_TAIL: Final = re.compile(rf"\]\(\s*+(?:<[^<>\n]*>|[^\s<>]*)(?:\s++{_TITLE})?\s*+\)")
AUTOLINK: Final = re.compile(r"<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+)>")
DEFINITION: Final = re.compile(
    r"\[(?!\^)(?:[^\[\]\\]|\\.){1,500}\]:[ \t]*\n?[ \t]*(?:<[^<>\n]*>|\S+)"
    rf"(?:[ \t]*\n?[ \t]*{_TITLE})?[ \t]*$",
    re.MULTILINE,
)
_BEGINNINGS: Final = re.compile(r"<|!\[|\]\(|^[ \t>*+\d.)-]*\[", re.MULTILINE)


def comment_end(text: str, at: int) -> int | None:
    """Return where the comment, declaration or instruction at `at` ends, at the latest with the text."""
    for opening, closing in _COMMENTS:
        if text.startswith(opening, at):
            # `<!-->` is a whole comment, so the closing may share the opening's dashes.
            end = text.find(closing, at + 2)
            # Browsers end all but `<!--` at the first `>`, so a tag inside one may be read as a tag.
            doubtful = opening != "<!--" and "<" in text[at + 1 : end]
            return len(text) if end < 0 or doubtful else end + len(closing)
    if not re.match(r"<![A-Za-z]", text[at : at + 3]):
        return None
    # On one line: at the start of another the `>` may be the mark of a quote.
    declaration = _DECLARATION.match(text, at)
    return declaration.end() if declaration else len(text)


def comment_closes(text: str, at: int) -> bool:
    """Tell whether what begins at `at` is closed at all; in a paragraph it is only characters if not."""
    closing = next((closing for opening, closing in _COMMENTS if text.startswith(opening, at)), ">")
    return text.find(closing, at + 2) >= 0


def tag_end(text: str, tag: re.Match[str]) -> int:
    """Return where a tag ends: a `>` that begins a line may mark a quote, and the tag go on to the next."""
    if not _QUOTE_MARK.search(tag[0]):
        return tag.end()
    following = text.find(">", tag.end())
    return len(text) if following < 0 else following + 1


def image_end(text: str, at: int) -> int | None:
    """Return where the image `![…](…)` at `at` ends, behind its target, or None for no image."""
    blank = BLANK_LINE.search(text, at, at + _IMAGE_CHARS)
    block = text[at : blank.start() if blank else at + _IMAGE_CHARS]
    if "](" not in block and "][" not in block:
        return None
    closing = _brackets(text).get(at + 1, len(text)) - at
    candidates = [closing] if closing < len(block) else []
    if re.search(r"[`\\<]", block):
        # A bracket in code, HTML or behind a backslash is no bracket: then the last one that fits is taken.
        candidates[:0] = [found.start() for found in re.finditer(r"\](?=[(\[])", block)][::-1]
    for candidate in candidates:
        target = _TARGET.match(block, candidate + 1)
        if target or block.startswith(("(", "["), candidate + 1):
            return at + (target.end() if target else candidate + 1)
    return None


def union_end(text: str, start: int, end: int) -> int:
    """Return how far text may be hidden that is hidden from `start` to `end`: what begins inside counts."""
    at = start + 1
    while found := _BEGINNINGS.search(text, at, end):
        end = max(end, _reading_end(text, found))
        at = max(found.end(), at + 1)
    return end


def _reading_end(text: str, beginning: re.Match[str]) -> int:
    at = beginning.start()
    if beginning[0] == "<":
        tag = LOOSE_TAG.match(text, at)
        return comment_end(text, at) or (tag_end(text, tag) if tag else 0)
    if beginning[0] == "![":
        return image_end(text, at) or 0
    found = LINK_TITLE.match(text, at) or DEFINITION.match(text, beginning.end() - 1)
    return found.end() if found else 0


@lru_cache(maxsize=2)
def _brackets(text: str) -> dict[int, int]:
    """Return where each bracket that opens is closed. Kept, because every image of a text asks for it."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for found in re.finditer(r"[\[\]]", text):
        if found[0] == "[":
            opened.append(found.start())
        elif opened:
            pairs[opened.pop()] = found.start()
    return pairs
