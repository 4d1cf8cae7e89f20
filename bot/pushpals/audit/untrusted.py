"""Text from people, before a model reads it: what its readers on GitHub cannot see is taken out.

Hidden on GitHub's pages are HTML comments, the attributes of tags, tags with made-up names, link definitions,
the titles of links and the descriptions of images. Code is shown as it is written, so it is kept as it is,
where it is certain that GitHub sees code too. Where in doubt, rather too much is removed than too little.
The grammar followed is GitHub Flavored Markdown, https://github.github.com/gfm/.
"""

from __future__ import annotations

import re
from typing import Final

from pushpals.audit.unseen import Cleaned, strip_unseen

MAX_CHARS: Final = 100_000
"""Characters that are read; GitHub's own limit for a text is 65,536."""

_SPECIAL: Final = re.compile(r"[<`~\\!\]\[]")
_FENCE: Final = re.compile(r"(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*$", re.MULTILINE)
_SPAN: Final = re.compile(r"(`+)(?!`)[^\n|]{1,2000}?(?<!`)\1(?!`)")
_HIDDEN: Final = (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"))
_DECLARATION: Final = re.compile(r"<![A-Za-z][^>]*(?:>|\Z)")
_TAG: Final = re.compile(
    r"""</?([A-Za-z][A-Za-z0-9-]*)((?:[\s/](?:[^"'>]|"[^"]{0,2000}"|'[^']{0,2000}'){0,2000}?)?)>"""
)
_UNFINISHED_TAG: Final = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*[\s/][^\n]*(?:\n[^\n]*\S[^\n]*)*")
_ORDINARY_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_HIDING: Final = re.compile(
    r"\bhidden\b|display\s*:\s*none|visibility\s*:\s*hidden|(?:font-size|opacity)\s*:\s*0", re.IGNORECASE
)
_IMAGE: Final = re.compile(r"!\[[^\[\]]{0,500}\](?:\([^()\n]{0,2000}\)|\[[^\[\]\n]{0,500}\])?")
_LINK_TITLE: Final = re.compile(
    r"""\]\(\s*(<[^<>\n]*>|[^\s()<>]+)\s+(?:"[^"]{0,2000}"|'[^']{0,2000}'|\([^()]{0,2000}\))\s*\)"""
)
_DEFINITION: Final = re.compile(
    r"""\[(?!\^)((?:[^\[\]\\]|\\.){1,500})\]:[ \t]*\n?[ \t]*(?:<[^<>\n]*>|\S+)"""
    r"""(?:[ \t]*\n?[ \t]*(?:"[^"]{0,2000}"|'[^']{0,2000}'|\([^()]{0,2000}\)))?[ \t]*$""",
    re.MULTILINE,
)
_LINE_START: Final = re.compile(r"(?:[ \t]*(?:[>*+-]|\d{1,9}[.)]))*[ \t]*")
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")

# Elements whose text is not shown; elements that end only by their closing tag (GFM, "HTML blocks", 1).
_UNSHOWN: Final = frozenset({"script", "style", "template"})
_RAW: Final = frozenset({"pre", "script", "style", "textarea"})
_REPLACED: Final = frozenset(
    {"img", "picture", "source", "video", "audio", "input", "embed", "link", "meta", "base"}
)


def clean_untrusted(text: str) -> Cleaned:
    """Return `text` as its readers see it, and what was removed, one plain phrase for each kind.

    For prose (issues, comments, titles), not for files: outside of code blocks, what looks like HTML goes.
    """
    removed: dict[str, None] = {}
    if len(text) > MAX_CHARS:
        removed[f"everything after the first {MAX_CHARS:,} characters"] = None
        text = text[:MAX_CHARS]
    seen = strip_unseen(text)
    removed |= dict.fromkeys(seen.removed)
    text = seen.text
    # What remains around a removal could form something hidden again. Every round leaves less, so this ends.
    while True:
        scan = _Scan(text)
        cleaned = scan.run()
        removed |= scan.removed
        if cleaned == text:
            return Cleaned(text=text, removed=tuple(removed))
        text = cleaned


class _Scan:
    """One pass from left to right; the construct that starts first wins, as in Markdown."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.out: list[str] = []
        self.removed: dict[str, None] = {}
        # Until there GitHub may see raw HTML, in which backticks and backslashes mean nothing.
        self.unsure_until = 0

    def run(self) -> str:
        """Return the text without what is hidden in it."""
        steps = {"<": self._angle, "`": self._tick, "~": self._tick, "\\": self._escape}
        steps |= {"!": self._image, "]": self._link_title, "[": self._definition}
        while found := _SPECIAL.search(self.text, self.at):
            self._keep(found.start())
            steps[found[0]]()
        self._keep(len(self.text))
        return "".join(self.out)

    def _keep(self, end: int) -> None:
        self.out.append(self.text[self.at : end])
        self.at = end

    def _drop(self, end: int, what: str, instead: str = " ") -> None:
        self.removed[what] = None
        self.out.append(instead)
        self.at = end

    def _line_prefix(self) -> str:
        return self.text[self.text.rfind("\n", 0, self.at) + 1 : self.at]

    def _certain(self) -> bool:
        return self.at >= self.unsure_until

    def _tick(self) -> None:
        """Keep a fenced block or a code span whole; else keep the run of ticks and go on behind it."""
        fence = _FENCE.match(self.text, self.at) if self._certain() and not self._line_prefix() else None
        span = _SPAN.match(self.text, self.at) if self._certain() else None
        if fence:
            closing = re.compile(rf"^ {{0,3}}{fence[1]}{fence[1][0]}*[ \t]*$", re.MULTILINE)
            end = closing.search(self.text, fence.end())
            self._keep(end.end() if end else len(self.text))
        elif span:
            self._keep(span.end())
        else:
            tick = self.text[self.at]
            self._keep(self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip(tick)))

    def _escape(self) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        escapes = self._certain() and following.isascii() and following and not following.isalnum()
        self._keep(self.at + (2 if escapes and not following.isspace() else 1))

    def _angle(self) -> None:
        """Something that may be HTML: whatever it is, what follows it up to a blank line is not certain."""
        start = self.at
        if not (self._hidden() or self._tag() or self._unfinished_tag()):
            self._keep(self.at + 1)
        blank = _BLANK_LINE.search(self.text, max(self.at - 1, start))
        self.unsure_until = max(self.unsure_until, blank.end() if blank else len(self.text))

    def _hidden(self) -> bool:
        """Drop a comment, declaration or instruction; one that does not end hides the rest of the text."""
        for opening, closing in _HIDDEN:
            if self.text.startswith(opening, self.at):
                # `<!-->` is a whole comment, so the closing may share the opening's dashes.
                end = self.text.find(closing, self.at + 2)
                self._drop(len(self.text) if end < 0 else end + len(closing), "HTML comments")
                return True
        declaration = _DECLARATION.match(self.text, self.at)
        if declaration:
            self._drop(declaration.end(), "HTML comments")
        return declaration is not None

    def _tag(self) -> bool:
        """Keep a tag's name where it is an ordinary word; drop attributes, and elements that are not shown."""
        tag = _TAG.match(self.text, self.at)
        if not tag:
            return False
        name, rest = tag[1], tag[2]
        if name.lower() in _RAW:
            self.unsure_until = len(self.text)
        closed = re.compile(rf"</{re.escape(name)}\s*>", re.IGNORECASE).search(self.text, tag.end())
        opens = not tag[0].startswith("</")
        if opens and closed and (name.lower() in _UNSHOWN or _HIDING.search(rest)):
            self._drop(closed.end(), "hidden HTML elements")
        elif name.lower() in _REPLACED:
            self._drop(
                tag.end(), "images and other embedded content", "(image)" if name.lower() == "img" else " "
            )
        elif not _ORDINARY_NAME.fullmatch(name):
            self._drop(tag.end(), "HTML tags with made-up names")
        elif rest.strip(" \t\n/"):
            self._drop(tag.end(), "attributes of HTML tags", f"<{'' if opens else '/'}{name}>")
        else:
            self._keep(tag.end())
        return True

    def _unfinished_tag(self) -> bool:
        """A line that starts with a tag which never ends is hidden up to the next blank line."""
        tag = None if self._line_prefix().strip() else _UNFINISHED_TAG.match(self.text, self.at)
        if tag:
            self._drop(tag.end(), "unfinished HTML tags")
        return tag is not None

    def _image(self) -> None:
        image = _IMAGE.match(self.text, self.at)
        if image:
            self._drop(image.end(), "images and other embedded content", "(image)")
        else:
            self._keep(self.at + 1)

    def _link_title(self) -> None:
        title = _LINK_TITLE.match(self.text, self.at)
        if title:
            self._drop(title.end(), "titles of links", f"]({title[1]})")
        else:
            self._keep(self.at + 1)

    def _definition(self) -> None:
        definition = _DEFINITION.match(self.text, self.at)
        if definition and _LINE_START.fullmatch(self._line_prefix()):
            self._drop(definition.end(), "link definitions")
        else:
            self._keep(self.at + 1)
