"""HTML in Markdown that a page does not show: found from left to right, as GitHub Flavored Markdown reads it.

Code is shown as it is written, so it is kept, where it is certain that GitHub sees code too. In blocks of raw
HTML it is not: there backticks and backslashes mean nothing. https://github.github.com/gfm/ (4.5, 4.6, 6.10)
"""

from __future__ import annotations

import re
from typing import Final

from pushpals.audit.readings import (
    AUTOLINK,
    BLANK_LINE,
    LINE_START,
    LINK_TAIL,
    LOOSE_TAG,
    STRICT_TAG,
    comment_closes,
    comment_end,
    image_end,
    tag_end,
    union_end,
)

_SPECIAL: Final = re.compile(r"[<`~\\]|!\[|\]\(")
_FENCE: Final = re.compile(r"(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*$", re.MULTILINE)
_FENCE_LINE: Final = re.compile(r"^[ \t>*+\d.)-]*(?:`{3}|~{3})", re.MULTILINE)
# In a table a pipe would end the cell and with it the code, so a span with a pipe is not certain.
_SPAN: Final = re.compile(r"(`+)(?!`)[^\n|]{1,2000}?(?<!`)\1(?!`)")
_RUN: Final = re.compile(r"`+|~+")
_ESCAPE: Final = re.compile(r"\\[!-/:-@\[-`{-~]")
_HIDING: Final = re.compile(
    r"\bhidden\b|display\s*:\s*none|visibility\s*:\s*hidden|(?:font-size|opacity)\s*:\s*0", re.IGNORECASE
)
# Beginnings of a block of raw HTML (GFM, 4.6). The first kind ends at its closing tag, blank lines or not.
_RAW_TO_THE_END: Final = re.compile(r"<(?:script|pre|style|textarea)(?=[\s>]|\Z)", re.IGNORECASE)
_RAW_NAMES: Final = (
    "address article aside base basefont blockquote body caption center col colgroup dd details dialog dir "
    "div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html "
    "iframe legend li link main menu menuitem nav noframes ol optgroup option p param search section source "
    "summary table tbody td tfoot th thead title tr track ul"
).replace(" ", "|")
_RAW_TO_A_BLANK_LINE: Final = re.compile(rf"</?(?:{_RAW_NAMES})(?=\s|/?>|\Z)|<[!?]", re.IGNORECASE)
# Elements whose text browsers do not show; GitHub shows it if they are not closed: then only the tag goes.
_UNSHOWN: Final = frozenset({"script", "style", "template"})
_PICTURES: Final = frozenset({"img", "picture", "source", "video", "audio"})
# What people format with; other names are not shown, and could spell a message.
_FORMATS: Final = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "cite", "code", "dd", "del", "details", "div", "dl", "dt", "em"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s"}
    | {"samp", "script", "small", "span", "strike", "strong", "style", "sub", "summary", "sup", "table"}
    | {"tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr", "tt", "u", "ul", "var"}
)


class HtmlScan:
    """One pass over a text: then `text` is what is left, `code` where it is code, `removed` what went."""

    def __init__(self, source: str, *, cut: bool = False) -> None:
        """Scan `source`; `cut` tells that something was taken out of it, which may have closed a tag."""
        self.removed: dict[str, None] = {}
        self.code: list[tuple[int, int]] = []
        """Code and escaped characters: start and end in `text`."""
        self._source = source
        self._at = 0
        self._out: list[str] = []
        self._length = 0
        self._raw_until = 0
        self._doubt_until = 0
        self._closing_fence = -1
        self._cut = cut
        steps = {
            "<": self._angle,
            "`": self._tick,
            "~": self._tick,
            "\\": self._backslash,
            "![": self._image,
            "](": self._link_tail,
        }
        while found := _SPECIAL.search(source, self._at):
            self._keep(found.start())
            steps[found[0]]()
        self._keep(len(source))
        self.text = "".join(self._out)

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._length += len(text)

    def _keep(self, end: int) -> None:
        self._put(self._source[self._at : end])
        self._at = end

    def _keep_code(self, end: int) -> None:
        self.code.append((self._length, self._length + end - self._at))
        self._keep(end)

    def _drop(self, end: int, what: str, instead: str = " ") -> None:
        block = self._source.startswith("<!--", self._at) and LINE_START.fullmatch(self._line_prefix())
        if not block and _FENCE_LINE.search(self._source, self._at, end):
            # A fence in what is taken out, if it is one, makes code of what follows, and prose of later code.
            self._doubt_until = len(self._source)
        self.removed[what] = None
        self._put(instead)
        self._at = end

    def _line_prefix(self) -> str:
        return self._source[self._source.rfind("\n", 0, self._at) + 1 : self._at]

    def _raw(self) -> bool:
        """Tell whether this may stand in a block of raw HTML."""
        return self._at < self._raw_until

    def _certain(self) -> bool:
        """Tell whether backticks and backslashes mean here what they seem to mean."""
        return self._at >= max(self._raw_until, self._doubt_until)

    def _tick(self) -> None:
        """Keep a fenced block or a code span whole; else keep the run of ticks and go on behind it."""
        prefix = self._line_prefix()
        fence = _FENCE.match(self._source, self._at) if LINE_START.fullmatch(prefix) else None
        span = _SPAN.match(self._source, self._at) if self._certain() else None
        if fence and self._at != self._closing_fence:
            self._fence(fence, prefix)
        elif span and not fence:
            self._keep_code(span.end())
        else:
            run = _RUN.match(self._source, self._at)
            if run and run[0][0] == "`" and self._at != self._closing_fence:
                # Without its pair on this line, a run may have it on another; other pairs are not certain.
                self._doubt_until = max(self._doubt_until, self._end_of_block(run.end()))
            self._keep(run.end() if run else self._at + 1)

    def _fence(self, fence: re.Match[str], prefix: str) -> None:
        """Keep a fenced block. In a list or quote, which may end before the fence, only its end is found."""
        # What follows in the same list or quote begins with the same marks, or spaces in place of a list's.
        margin = re.sub(r"[^>\s]", " ", prefix)
        closing = re.compile(rf"^{re.escape(margin)} {{0,3}}({fence[1]}{fence[1][0]}*)[ \t]*$", re.MULTILINE)
        end = closing.search(self._source, fence.end())
        inside = self._source[fence.end() : end.start() if end else len(self._source)].split("\n")[1:-1]
        if self._certain() and not prefix:
            self._keep_code(end.end() if end else len(self._source))
        elif (
            self._certain()
            and end
            and all(line.startswith(margin) or line.strip() == margin.strip() for line in inside)
        ):
            self._doubt_until, self._closing_fence = end.end(), end.start(1)
            self._keep(fence.end(1))
        else:
            # From here on a fence may begin where another seems to end.
            self._doubt_until = len(self._source)
            self._keep(fence.end(1))

    def _end_of_block(self, at: int) -> int:
        blank = BLANK_LINE.search(self._source, max(at - 1, self._at))
        return blank.end() if blank else len(self._source)

    def _backslash(self) -> None:
        escape = _ESCAPE.match(self._source, self._at) if self._certain() else None
        if escape:
            self._keep_code(escape.end())
        else:
            self._keep(self._at + 1)

    def _image(self) -> None:
        """Drop an image that has HTML in it, with all it may hide; others are found when HTML is gone."""
        end = image_end(self._source, self._at)
        if end is not None and "<" in self._source[self._at : end]:
            self._drop(union_end(self._source, self._at, end), "images and other media", "(image)")
        elif end is None and self._cut:
            self._drop(self._end_of_block(self._at), "images and other media", "(image)")
        else:
            self._keep(self._at + 2)

    def _link_tail(self) -> None:
        """A tick in a link's target or title pairs with none behind it: the pairs there are not certain."""
        tail = LINK_TAIL.match(self._source, self._at)
        if tail and "`" in tail[0]:
            self._doubt_until = max(self._doubt_until, self._end_of_block(tail.end()))
        self._keep(self._at + 2)

    def _angle(self) -> None:
        """Drop a comment, or what a tag hides; keep what is only a character."""
        self._enter_raw_block()
        if not (self._comment() or self._tag()):
            if (self._raw() or self._cut) and re.match(r"</?[A-Za-z]", self._source[self._at : self._at + 3]):
                # In raw HTML a tag that does not end swallows all that follows.
                self._drop(len(self._source), "unfinished HTML tags")
            else:
                link = AUTOLINK.match(self._source, self._at)
                self._keep(link.end() if link else self._at + 1)

    def _enter_raw_block(self) -> None:
        """Note how far raw HTML reaches, if a block of it begins here."""
        if self._raw() or not LINE_START.fullmatch(self._line_prefix()):
            return
        alone = STRICT_TAG.match(self._source, self._at)
        if _RAW_TO_THE_END.match(self._source, self._at):
            self._raw_until = len(self._source)
        elif _RAW_TO_A_BLANK_LINE.match(self._source, self._at) or (
            alone and not self._source[alone.end() :].partition("\n")[0].strip()
        ):
            self._raw_until = self._end_of_block(comment_end(self._source, self._at) or self._at)

    def _comment(self) -> bool:
        """Drop a comment. One without an end hides the rest, in raw HTML; in a paragraph it is shown."""
        end = comment_end(self._source, self._at)
        if end is None or not (self._raw() or self._cut or comment_closes(self._source, self._at)):
            return False
        self._drop(union_end(self._source, self._at, end), "HTML comments")
        return True

    def _tag(self) -> bool:
        """Keep the bare tag where it formats text; drop attributes, other tags, and what is not shown."""
        tag = (LOOSE_TAG if self._raw() else STRICT_TAG).match(self._source, self._at)
        if not tag:
            return False
        written = tag["name"] or tag["closed"]
        name, attributes = written.lower(), tag["attributes"] or ""
        end = union_end(self._source, self._at, tag_end(self._source, tag))
        closed = None
        if tag["name"] and (name in _UNSHOWN or _HIDING.search(attributes)):
            closed = re.compile(rf"</{re.escape(name)}\s*>", re.IGNORECASE).search(self._source, end)
        if closed:
            end = union_end(self._source, self._at, closed.end())
            self._drop(end, "hidden HTML elements")
        elif name in _PICTURES:
            self._drop(end, "images and other media", "(image)" if name == "img" else " ")
        elif name not in _FORMATS:
            self._drop(end, "HTML tags that are not for formatting")
        elif end > tag.end() or attributes.strip(" \t\n/"):
            self._drop(end, "attributes of HTML tags", f"<{written}>" if tag["name"] else f"</{written}>")
        else:
            self._keep(end)
        return True
