"""Markdown as people and models write it, shown without danger."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit import prose
from pushpals.local.forge.web.markdown import render
from tests.web.person import Reader

TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "ul", "ol", "li", "div", "input"),
    *("table", "thead", "tbody", "tr", "th", "td", "pre", "code", "kbd", "samp", "var", "sub", "sup"),
    *("em", "strong", "b", "i", "s", "del", "ins", "q", "details", "summary", "a", "dl", "dt", "dd"),
}
ATTRIBUTES = {
    "href",
    "title",
    "rel",
    "start",
    "align",
    "open",
    "class",
    "type",
    "disabled",
    "checked",
    "aria-label",
}
CLASSES = {("div", "scroll"), ("li", "task")}
NASTY = [
    *(
        "<script>",
        "</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<a href=javascript:x>",
    ),
    *(
        "javascript:alert(1)",
        "[x](javascript:x)",
        "[x](<java\nscript:x>)",
        "![x](http://e/x.png)",
        "data:text/html,x",
    ),
    *(
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        "<details open ontoggle=x>",
        "</details>",
        "<summary>",
        "</div></main>",
    ),
    *(
        "<style>",
        "</style>",
        "<textarea>",
        "<math><mtext>",
        "<iframe srcdoc='<script>'>",
        '" onclick="x',
        "' x='",
    ),
    *(
        "`",
        "```\n",
        "| a |\n|---|\n",
        "> ",
        "- [x] ",
        "1. ",
        "\n\n",
        "\n",
        "<",
        ">",
        "&",
        "&lt;",
        "&#106;avascript:",
    ),
    *(
        "#1",
        "#999",
        "https://e.com/'\"><b>",
        "refs/pushpals/jobs/1-1",
        "\\",
        "*",
        "_",
        "~~",
        "<a",
        "<a href='",
        "](",
    ),
    *(
        "vbscript:x",
        "<form action=/>",
        "<input autofocus onfocus=x>",
        "<base href=//e>",
        "<meta http-equiv=refresh>",
    ),
    *(
        "<p style=x class=unseen-text id=main name=x>",
        "\x00",
        "\u202e",
        "<li>[x] ",
        "<table>",
        "</table>",
        "<object>",
    ),
]


def resolve(reference: str) -> str | None:
    return None if reference == "#999" else f"/to/{reference.strip('#')}"


def check(html: str) -> None:
    """Raise AssertionError unless a piece of HTML holds only what is harmless, and closes what it opens."""
    page = Reader(html)
    assert page.scripts == []
    assert page.stack == []
    for tag, attributes in page.elements:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        if "class" in attributes:
            assert (tag, attributes["class"]) in CLASSES
        if tag == "input":
            assert attributes["type"] == "checkbox"
            assert "disabled" in attributes
        if tag == "a" and "href" in attributes:
            assert attributes["rel"] == "nofollow noopener noreferrer"
            scheme = re.match(r"\s*([a-z][a-z0-9+.-]*):", attributes["href"] or "", re.IGNORECASE)
            assert scheme is None or scheme[1].lower() in {"http", "https", "mailto"}


@given(st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=14).map("".join))
def test_no_text_becomes_a_danger(text: str) -> None:
    check(render(text, resolve))


@given(st.text(st.sampled_from("<>!-/adeilmsty \n\"'=&;[]()`#*"), max_size=60))
def test_no_mark_up_that_is_typed_at_random_becomes_a_danger(text: str) -> None:
    check(render(text, resolve))


@given(st.text(max_size=30))
def test_hidden_comments_are_not_shown(text: str) -> None:
    secret = "c0ffee"
    html = render(f"before\n\n<!-- {secret} {text.replace('-->', '')} -->\n\nafter")
    assert secret not in html
    assert "before" in html
    assert secret not in render(f"<!-- {secret} without an end")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** ~~b~~ `c<d`", "<p><strong>a</strong> <s>b</s> <code>c&lt;d</code></p>"),
        ("H~2~ <sub>2</sub>", "<p>H~2~ <sub>2</sub></p>"),
        (
            "- [x] done\n- [ ] open",
            'class="task"><input type="checkbox" disabled checked aria-label="done"> done',
        ),
        ("- [x] done\n- [ ] open", 'class="task"><input type="checkbox" disabled aria-label="open"> open'),
        (
            "- [x] a\n\n- [ ] b",
            '<li class="task">\n<p><input type="checkbox" disabled checked aria-label="done"> a',
        ),
        ("not [x] a task", "<p>not [x] a task</p>"),
        ("|a|\n|-:|\n|1|", '<div class="scroll"><table>'),
        ("|a|\n|-:|\n|1|", '<td align="right">1</td>'),
        ("see #42.", 'see <a href="/to/42" rel="nofollow noopener noreferrer">#42</a>.'),
        ("see #999 and a#42 and `#42`", "<p>see #999 and a#42 and <code>#42</code></p>"),
        ("[#42](https://e.com)", '<p><a href="https://e.com" rel="nofollow noopener noreferrer">#42</a></p>'),
        (
            "go to https://e.com/a_b, now",
            '<a href="https://e.com/a_b" rel="nofollow noopener noreferrer">https',
        ),
        (
            "`refs/pushpals/jobs/42-1`",
            '<a href="/to/refs/pushpals/jobs/42-1" rel="nofollow noopener noreferrer"><code>',
        ),
        ("`git log refs/pushpals/jobs/42-1`", 'href="/to/refs/pushpals/jobs/42-1"'),
        (
            "![a *b*](https://e.com/x.png)",
            '<a href="https://e.com/x.png" rel="nofollow noopener noreferrer">image: a',
        ),
        ("[![a](https://e.com/x.png)](https://e.com)", ">image: a</a></p>"),
        (
            "<details><summary>More</summary>\n\n**in**\n\n</details>",
            "<details><summary>More</summary>\n<p><strong>in",
        ),
        (
            "<a href='https://e.com'>#42</a>",
            '<a href="https://e.com" rel="nofollow noopener noreferrer">#42</a>',
        ),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
    ],
)
def test_it_reads_as_it_was_meant(text: str, html: str) -> None:
    assert html in render(text, resolve)


def test_what_pushpals_writes_is_understood() -> None:
    html = render(f"{prose.PROGRESS_MARK}\n### PushPals · #1 A title\nWorking")
    assert html.strip() == "<h3>PushPals · #1 A title</h3>\n<p>Working</p>"


@pytest.mark.parametrize("sign", ["> ", "- ", "1. ", ">"])
def test_nothing_hides_by_standing_deep(sign: str) -> None:
    for depth in (5, 39, 40, 41, 200):
        html = render(f"{sign * depth}the needle <b>")
        assert "the needle" in html
        check(html)
    assert "the needle" in render("".join(f"{'  ' * i}- a\n" for i in range(60)) + f"{'  ' * 60}- the needle")


def test_deep_nesting_ends() -> None:
    check(render(">" * 5_000 + "a"))
    check(render("[" * 5_000 + "a" + "](" * 5_000))
    check(render("<div>" * 5_000))
