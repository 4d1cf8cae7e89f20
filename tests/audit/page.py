"""What a page shows of a Markdown text: the judge of both ways of cleaning, and written by other people.

markdown-it-py renders with raw HTML allowed, nh3 takes out what GitHub would; what is left of tags and
attributes after that is what a browser acts on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3
from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("gfm-like", {"html": True, "linkify": False})
# GFM's tag filter (section 6.11): these tags are shown as text.
_FILTERED = re.compile(
    r"<(?=/?(?:title|textarea|style|xmp|iframe|noembed|noframes|script|plaintext)\b)", re.IGNORECASE
)
# Attributes are kept, so that a test can see which ones a text would bring along.
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}}


@dataclass
class Page(HTMLParser):
    """A rendered text: the words that can be read, those outside of code, and the tags."""

    text: str = ""
    prose: str = ""
    tags: list[str] = field(default_factory=list)
    _code: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._code += tag in {"code", "pre"}
        # GitHub looks for mentions within one stretch of text, not across tags.
        self.prose += "|"

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in {"code", "pre"}

    def handle_data(self, data: str) -> None:
        self.text += data
        self.prose += " " if self._code else data


def page(markdown: str) -> Page:
    """Render `markdown` as a page."""
    shown = Page()
    html = _FILTERED.sub("&lt;", _MARKDOWN.render(markdown))
    shown.feed(nh3.clean(html, attributes=_ATTRIBUTES, strip_comments=True, link_rel=None))
    shown.close()
    return shown
