"""What a model wrote reaches people as words and code, and nothing in it acts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit.markdown import open_fence
from pushpals.audit.text import clean_model_text
from tests.audit.page import page

CASES = [
    ("Ask @octocat or @org/team.", "Ask `@octocat` or `@org/team`.", "mentions"),
    ("mail a.b+c@example.com", "mail `a.b+c@example.com`", "mentions"),
    ("see #12, GH-3 and o/r#4", "see `#12`, `GH-3` and `o/r#4`", "references to issues"),
    ("GH-1GH-2GH-3", "`GH-1GH-2GH-3`", "references to issues"),
    ("Fixes #12", "Fixes `#12`", "references to issues"),
    ("closes https://github.com/o/r/issues/1", "closes `https://github.com/o/r/issues/1`", "links"),
    ("[text](https://evil.example)", "[text] (`https://evil.example`)", "links"),
    ("see www.evil.example now", "see `www.evil.example` now", "links"),
    ("![pixel](https://evil.example/x.png)", "[pixel] (`https://evil.example/x.png`)", "images"),
    ("<img src=x> & <b>", "&lt;img src=x> & &lt;b>", "HTML"),
    ("<!-- pushpals:refused:1 -->", "&lt;!-- pushpals:refused:1 -->", "HTML"),
    ("/pushpals approve", "`/pushpals` approve", "commands"),
    ("> - /lgtm now", "> - `/lgtm` now", "commands"),
    ("a\u202eb", "ab", "characters that reverse the direction of text"),
]


@pytest.mark.parametrize(("text", "left", "told"), CASES)
def test_what_could_act_becomes_code_or_plain_text(text: str, left: str, told: str) -> None:
    cleaned = clean_model_text(text)
    assert cleaned.text == left
    assert told in cleaned.removed


@pytest.mark.parametrize(
    "text",
    [
        "Plain **bold** and *em*, 3 > 2, A & B, 50% of C:/x.",
        "# Title\n\n- item\n  - nested\n1. one\n\n> quote\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "Use `@pytest.fixture`, `#12` and `<b>` in `a[0](x)`.",
        "```python\n@decorator\ndef f(): ...  # 12, <b>, http://x\n```",
        "and/or, 1/2, src/a.py, #hash, C# 8, x@",
        "",
    ],
)
def test_words_and_code_stay_as_they_are(text: str) -> None:
    assert clean_model_text(text).text == text


def test_code_blocks_are_closed_and_cannot_be_left_early() -> None:
    assert clean_model_text("text\n```py\ncode").text == "text\n\n```py\ncode\n```"
    assert clean_model_text("~~~\na\n```\nb\n~~~").text == "````\na\n```\nb\n````"
    assert clean_model_text("  ```\n  a\n  ```").text == "```\n  a\n```"


@pytest.mark.parametrize("language", ["mermaid", "suggestion", "math", "py onclick=x", "<b>"])
def test_blocks_that_github_would_render_or_offer_to_commit_are_shown_as_code(language: str) -> None:
    assert clean_model_text(f"```{language}\nx\n```").text in {"```\nx\n```", "```py\nx\n```"}


def test_commands_inside_code_blocks_do_not_start_a_line() -> None:
    assert clean_model_text("```\n/approve\n```").text == "```\n /approve\n```"


def test_a_long_text_is_cut_well_formed_and_that_is_told() -> None:
    cleaned = clean_model_text("```\n" + "x\n" * 50_000, limit=1000)
    assert len(cleaned.text) <= 1000
    assert open_fence(cleaned.text) is None
    assert cleaned.removed == ("everything after about 1,000 characters",)


PIECES = st.sampled_from(
    [
        *["@user", "@", "#12", "#", "12", "GH-3", "o/r", "http://x.y", "www.x.y", "mailto:a@b.c"],
        *["://", "a@b.c", "[t](http://u)", "![i](http://u)", "[t]", "(u)", "](", "]["],
        *["\n[t]: http://u", "<a href=x>", "<b>", "&#64;user", "&commat;user", "&num;12", "&lt;"],
        *["&", "#64;", "\\", "\\@user", "`", "``", "```", "~~~", "\n```\n", "\n~~~\n", "\n```js\n"],
        *["\n", "\n\n", "\n- ", "\n> ", "\n    ", " ", "|", "\n|a|\n|-|\n|", "*", "_", "**"],
        *["/pushpals x", "\n/approve", "$", "<http://x>", "<a@b.c>", "<!-- x -->", "\u200b", "^"],
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=100)
INERT = {
    *["p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br", "s", "del"],
    *["h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"],
}


@given(TEXTS)
def test_nothing_acts_on_the_page(text: str) -> None:
    cleaned = clean_model_text(text).text
    shown = page(cleaned)
    assert set(shown.tags) <= INERT
    assert not re.search(r"(?<!\w)@[A-Za-z0-9]", shown.prose)
    assert not re.search(r"#\d|\bGH-\d", shown.prose, re.IGNORECASE)
    assert not re.search(r"[a-z]://[a-z0-9]|\bwww\.\w|mailto:\w", shown.prose, re.IGNORECASE)


@given(TEXTS)
def test_no_line_starts_with_a_command_and_no_block_stays_open(text: str) -> None:
    cleaned = clean_model_text(text).text
    assert not re.search(r"^/[A-Za-z]", cleaned, re.MULTILINE)
    assert open_fence(cleaned) is None


@given(TEXTS, st.integers(0, 300))
def test_cleaning_twice_changes_nothing_more(text: str, limit: int) -> None:
    once = clean_model_text(text)
    again = clean_model_text(once.text)
    assert again.text == once.text
    short = clean_model_text(text, limit).text
    assert len(short) <= limit
    assert clean_model_text(short, limit).text == short


@given(st.lists(st.sampled_from(["word", "Word.", "3", "naïve", "a-b", "(c)", "*d*", "e:"]), max_size=20))
def test_ordinary_prose_is_not_touched(words: list[str]) -> None:
    text = " ".join(words)
    assert clean_model_text(text).model_dump() == {"text": text, "removed": ()}


HOSTILE = [
    "a" * 65_000,
    "@" * 65_000,
    "`" * 65_000,
    "#1" * 32_000,
    "\\" * 65_000,
    "`a" * 32_000,
    "- " * 32_000,
]
HOSTILE += ["\n" * 65_000, "[](" * 20_000, "&" * 65_000, "```\n" * 16_000, "~~~`\n" * 13_000, "a.b/" * 16_000]


@pytest.mark.parametrize("text", HOSTILE, ids=[repr(text[:4]) for text in HOSTILE])
@pytest.mark.timeout(60)
def test_no_text_keeps_the_cleaner_busy(text: str) -> None:
    assert len(clean_model_text(text).text) <= 20_000
