"""A text that is cut stays well-formed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit.markdown import GITHUB_LIMIT, open_fence
from pushpals.audit.text import truncate_markdown

NOTE = "(Cut here: the text is longer than fits.)"
PIECES = st.sampled_from(
    [
        *[
            "word ",
            "word\n",
            "\n\n",
            "```\n",
            "````\n",
            "~~~\n",
            "`",
            "<details>",
            "<details open>\n",
            "</details>\n",
        ],
        *[
            "<summary>s</summary>\n",
            "<!-- ",
            "-->",
            "| a | b |\n|---|---|\n",
            "x" * 50,
            "> ",
            "- ",
            "\u00e9\u4e2d",
        ],
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)


@given(TEXTS, st.integers(0, 400))
def test_it_never_exceeds_the_limit_and_cutting_twice_is_cutting_once(text: str, limit: int) -> None:
    short = truncate_markdown(text, limit)
    assert len(short) <= limit
    assert truncate_markdown(short, limit) == short
    assert short == text or len(text) > limit


@given(TEXTS, st.integers(80, 400))
def test_what_is_cut_closes_what_it_opened_and_says_so(text: str, limit: int) -> None:
    short = truncate_markdown(text, limit)
    if short == text:
        return
    assert short.endswith(NOTE + "\n") or short == ""
    assert open_fence(short) is None
    before_note = short.removesuffix("\n\n" + NOTE + "\n")
    assert before_note.rfind("<!--") <= before_note.rfind("-->")


def test_details_and_fences_are_closed_in_order() -> None:
    text = "<details>\n<summary>Log</summary>\n\n```\n" + "line\n" * 100
    assert truncate_markdown(text, 120).endswith(f"line\n```\n\n</details>\n\n{NOTE}\n")


def test_tags_in_code_open_nothing() -> None:
    text = "```html\n<details>\n```\n" + "word\n" * 100
    assert "</details>" not in truncate_markdown(text, 150)


def test_an_open_comment_is_left_out() -> None:
    text = "start\n<!-- " + "x " * 200
    assert truncate_markdown(text, 100) == f"start\n\n\n{NOTE}\n"


def test_the_last_line_is_whole_where_lines_are_short() -> None:
    short = truncate_markdown("\n".join(f"line {n}" for n in range(100)), 200)
    assert re.fullmatch(r"line \d+", short.splitlines()[-3])


@pytest.mark.parametrize("size", [GITHUB_LIMIT, GITHUB_LIMIT + 1, 10 * GITHUB_LIMIT])
def test_github_s_own_limit_is_the_default(size: int) -> None:
    assert len(truncate_markdown("x" * size)) <= GITHUB_LIMIT
    assert (truncate_markdown("x" * size) == "x" * size) is (size <= GITHUB_LIMIT)


def test_hundreds_of_open_details_are_closed_within_the_limit() -> None:
    assert len(truncate_markdown("<details>\n" * 10_000, 5000)) <= 5000
