"""What is a command, what is not, and which command is which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.localbuddy.commands import MOST, MOST_TEXT, Command, Mistake, commands_of
from pushpals.policy.verbs import Verb


def read(body: str) -> list[str]:
    """Return each thing said, in short: the verb with what goes with it, or that it is a mistake."""
    return [_short(said) for said in commands_of("c1", body, "pushpals-octo")]


def _short(said: Command | Mistake) -> str:
    if isinstance(said, Mistake):
        return "mistake"
    parts = [said.verb.value, said.text, said.job, f"{said.factor:g}" if said.factor else None]
    return " | ".join(part for part in parts if part)


def key(said: Command | Mistake) -> str:
    return said.key


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/pushpals status", ["status"]),
        ("   /PushPals   STATUS  ", ["status"]),
        ("/pushpals", ["help"]),
        ("/pushpals status please", ["status"]),
        ("@pushpals-octo status", ["status"]),
        ("@pushpals retry", ["retry"]),
        ("Thanks.\n/pushpals status\nSee you.", ["status"]),
        ("/pushpals cancel\r\n/pushpals retry\r\n", ["cancel", "retry"]),
        ("/pushpals status\n--\nSent from a phone", ["status"]),
        ("/pushpals cancel 42-2", ["cancel | 42-2"]),
        ("/pushpals explain 42-1", ["explain | 42-1"]),
        ("/pushpals budget 2x", ["budget | 2"]),
        ("/pushpals budget x1.5 42-1", ["budget | 42-1 | 1.5"]),
        ("/pushpals approve", ["approve"]),
        ("/pushpals approve Protected", ["approve | protected"]),
        (
            "/pushpals fix keep `a.b`\n\n- and dots\n- and dashes",
            ["fix | keep `a.b`\n\n- and dots\n- and dashes"],
        ),
        ("/pushpals fix\n> this\n```\ncode\n```\n", ["fix | > this\n```\ncode\n```"]),
        ("/pushpals ask why?\n/pushpals status", ["ask | why?", "status"]),
        ("/pushpals reject", ["reject"]),
        ("/pushpals plan split it", ["plan | split it"]),
        ("*one\n/pushpals status\ntwo*", ["status"]),
    ],
)
def test_a_line_that_starts_with_the_name_is_a_command(body: str, expected: list[str]) -> None:
    assert read(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Please /pushpals status",
        "> /pushpals cancel",
        "> quoted\n/pushpals cancel",
        "```\n/pushpals cancel\n```",
        "~~~~\n/pushpals cancel\n~~~\n/pushpals cancel",
        "```\nnever closed\n\n/pushpals cancel",
        "    /pushpals cancel",
        "\t/pushpals cancel",
        "`one\n/pushpals cancel\ntwo`",
        "<!-- /pushpals cancel -->",
        "<!--\n\n/pushpals cancel\n\n-->",
        "text <!-- hidden\n/pushpals cancel\n--> text",
        "<pre>\n\n/pushpals cancel\n</pre>",
        "<div>\n/pushpals cancel\n</div>",
        "- /pushpals cancel",
        "- item\n\n  /pushpals cancel",
        "# /pushpals cancel",
        "[one\n/pushpals cancel\ntwo](https://example.org)",
        "![one\n/pushpals cancel\ntwo](https://example.org/a.png)",
        "/pushpals | b\n---|---\n/pushpals cancel | d",
        "\\/pushpals cancel",
        "/pushpals-bot cancel",
        "/pushpalscancel",
        "/other cancel",
        "/pushpals-octo cancel",
        "@pushpals thanks for that",
        "@pushpalsx cancel",
        "\ue0000\ue000/pushpals cancel",
    ],
)
def test_what_is_shown_and_not_said_is_no_command(body: str) -> None:
    assert read(body) == []


@pytest.mark.parametrize(
    ("line", "problem", "suggestion"),
    [
        ("statsu", "is not a command", "status"),
        ("cancle 42-1", "is not a command", "cancel 42-1"),
        ("frobnicate", "is not a command", None),
        ("fix", "does not say what should be different", "fix …"),
        ("ask", "does not say what you want to know", "ask …"),
        ("budget", "needs a factor above 1 and up to 16", "budget 2x"),
        ("budget 100x", "needs a factor above 1 and up to 16", "budget 2x"),
        ("budget 1x", "needs a factor above 1 and up to 16", "budget 2x"),
        ("budget 2x now 42-1", "says more than `budget` takes", "budget 2x 42-1"),
        ("cancel it all", "says more than `cancel` takes", "cancel"),
        ("rebase 42-1", "says more than `rebase` takes", "rebase"),
    ],
)
def test_what_is_not_understood_says_why_and_what_was_meant(
    line: str, problem: str, suggestion: str | None
) -> None:
    [said] = commands_of("c1", f"/pushpals {line}")
    assert isinstance(said, Mistake)
    assert said.said in f"/pushpals {line}"
    assert (said.problem, said.suggestion) == (problem, f"/pushpals {suggestion}" if suggestion else None)


def test_a_text_without_end_is_a_mistake() -> None:
    [said] = commands_of("c1", "/pushpals ask " + "x" * (MOST_TEXT + 1))
    assert isinstance(said, Mistake)


def test_more_commands_than_a_comment_may_hold_end_in_one_mistake() -> None:
    said = commands_of("c1", "/pushpals status\n" * (MOST + 5))
    assert [type(each) for each in said] == [Command] * MOST + [Mistake]


def test_the_same_words_twice_are_two_commands_with_keys_that_last() -> None:
    first = commands_of("c1", "/pushpals retry\n\n/pushpals retry")
    assert len({each.key for each in first}) == 2
    assert commands_of("c1", "Hm.\n\n/pushpals  RETRY\n\nWell.\n\n/pushpals retry") == first
    assert {each.key for each in commands_of("c2", "/pushpals retry")}.isdisjoint(map(key, first))


def test_an_edited_text_is_a_new_command() -> None:
    before, after = (commands_of("c1", f"/pushpals fix the {word}")[0] for word in ("tests", "docs"))
    assert before.key != after.key


LINES = st.sampled_from(
    [
        *("/pushpals status", "/pushpals retry", "/pushpals cancel 1-2", "/pushpals statsu", "/pushpals"),
        *("", "Some prose.", "> quoted", "```", "    code", "<!--", "-->", "- item", "`", "---", "| a |"),
    ]
)
BODIES = st.lists(LINES, max_size=12).map("\n".join)


@given(BODIES)
def test_keys_are_unique_and_reading_is_repeatable(body: str) -> None:
    said = commands_of("c1", body)
    assert len({each.key for each in said}) == len(said)
    assert commands_of.__wrapped__("c1", body) == said


@given(BODIES, st.sampled_from(["A word before.\n\n", "> quoted\n\n", "```\n/pushpals cancel\n```\n\n"]))
def test_what_is_put_in_front_changes_no_command(body: str, before: str) -> None:
    assert commands_of("c1", before + body) == commands_of("c1", body)


@given(BODIES, st.sampled_from([verb for verb in Verb if verb in {Verb.STATUS, Verb.RETRY, Verb.REVERT}]))
def test_a_command_that_is_added_in_front_leaves_the_others_their_keys_or_repeats_one(
    body: str, verb: Verb
) -> None:
    before, after = commands_of("c1", body), commands_of("c1", f"/pushpals {verb}\n\n{body}")
    assert {each.key for each in before} <= {each.key for each in after}
    assert len(after) == len(before) + 1


@given(BODIES)
def test_nothing_in_a_quote_or_in_code_is_a_command(body: str) -> None:
    quoted = "\n".join(f"> {line}" for line in body.split("\n"))
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    assert commands_of("c1", quoted) == commands_of("c1", indented) == ()


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_read(before: str, after: str) -> None:
    for said in commands_of("c1", f"{before}\n/pushpals {after}"):
        assert said.key.startswith("c1:")
