"""Markdown to HTML that is safe to show, whoever wrote it.

CommonMark with tables and strikethrough, by markdown-it-py. The HTML it leaves is cleaned by nh3 against a
short list of elements, so raw HTML in the text gets no further than that list either: no scripts, no
styles, no classes, no images, no hidden comments.
"""

import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

Resolve = Callable[[str], str | None]
"""Gives the address that a reference like ``#42`` or ``refs/pushpals/jobs/42-1`` leads to, or None."""

_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tr", "th", "td", "pre", "code", "kbd", "samp", "var", "sub", "sup"),
    *("em", "strong", "b", "i", "s", "del", "ins", "q", "details", "summary", "a", "dl", "dt", "dd"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "th": {"align"}, "td": {"align"}, "details": {"open"}}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer",
    strip_comments=True,
    clean_content_tags={
        "script",
        "style",
        "title",
        "textarea",
        "template",
        "iframe",
        "noscript",
        "svg",
        "math",
    },
)
# An address that ends before the punctuation of its sentence, or a number of an issue or pull request.
_REFERENCE = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]'*_]|(?<![\w/&#])#\d{1,9}\b")
_LEDGER_REF = re.compile(r"(?:git log )?(refs/pushpals/jobs/\d+-\d+)")
_TASK = re.compile(r"<li>(\n?<p>)?\[([ xX])\] ")
_MAX_NESTING = 40


class _Blocks(ParserBlock):
    """Notes when a text nests too deep. The parser leaves out what is deeper, and nothing may go unseen."""

    def tokenize(self, state: StateBlock, start_line: int, end_line: int) -> None:
        """Parse the lines of a block."""
        if state.level >= _MAX_NESTING:
            state.env["too_deep"] = True
        super().tokenize(state, start_line, end_line)


_MARKDOWN = MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_NESTING})
_MARKDOWN.block = _Blocks()
_MARKDOWN.configure("commonmark", {"html": True, "maxNesting": _MAX_NESTING}).enable(
    ["table", "strikethrough"]
)


def render(text: str, resolve: Resolve = lambda _: None) -> str:
    """Render a text as HTML that is safe to show. ``resolve`` makes links of references."""
    environment: dict[str, Any] = {"resolve": resolve}
    rendered = _MARKDOWN.render(text, environment)
    if environment.get("too_deep"):
        return f"<pre>{escape(text)}</pre>"
    html = _CLEANER.clean(rendered)
    # What follows replaces only what the cleaner wrote itself: in text, "<" is always written "&lt;".
    html = _TASK.sub(_checkbox, html)
    return html.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")


def _checkbox(found: re.Match[str]) -> str:
    checked, word = ("", "open") if found[2] == " " else (" checked", "done")
    box = f'<input type="checkbox" disabled{checked} aria-label="{word}">'
    return f'<li class="task">{found[1] or ""}{box} '


def _finish(state: StateCore) -> None:
    """A rule for markdown-it: columns aligned without styles, images as links, references as links."""
    for token in state.tokens:
        style = token.attrs.pop("style", None)
        if isinstance(style, str) and style.startswith("text-align:"):
            token.attrs["align"] = style.removeprefix("text-align:")
        if token.children:
            token.children = list(_linked(token.children, state.env["resolve"]))


def _linked(tokens: list[Token], resolve: Resolve) -> Iterator[Token]:
    inside = 0
    for token in tokens:
        inside += (token.type == "link_open") - (token.type == "link_close")
        if token.type == "html_inline" and token.content[:2].lower() == "<a":
            inside += 1
        elif token.type == "html_inline" and token.content[:3].lower() == "</a":
            inside = max(0, inside - 1)
        if token.type == "image":
            yield from _image(token, inside=bool(inside))
        elif token.type == "text" and not inside:
            yield from _split(token.content, resolve)
        elif token.type == "code_inline" and not inside and (match := _LEDGER_REF.fullmatch(token.content)):
            href = resolve(match[1])
            yield from _link(href, token) if href else [token]
        else:
            yield token


def _split(text: str, resolve: Resolve) -> Iterator[Token]:
    end = 0
    for match in _REFERENCE.finditer(text):
        href = match[0] if match[0].startswith("http") else resolve(match[0])
        if href:
            yield Token("text", "", 0, content=text[end : match.start()])
            yield from _link(href, Token("text", "", 0, content=match[0]))
            end = match.end()
    yield Token("text", "", 0, content=text[end:])


def _image(token: Token, *, inside: bool) -> Iterator[Token]:
    """No image is shown, for each would tell its server who looks; its address is one click away."""
    label = Token("text", "", 0, content=f"image: {token.content or token.attrGet('src')}")
    yield from [label] if inside else _link(str(token.attrGet("src")), label)


def _link(href: str, inner: Token) -> Iterator[Token]:
    yield Token("link_open", "a", 1, attrs={"href": href})
    yield inner
    yield Token("link_close", "a", -1)


_MARKDOWN.core.ruler.push("finish", _finish)
