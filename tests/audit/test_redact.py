"""Secrets do not reach the record, in whatever form they travel."""

import base64
import json
import string
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit.chain import AuditEvent
from pushpals.audit.redact import MARK, MAX_TEXT, Redactor

SECRET = "hunter-two+slash/ed%and=more"
KNOWN = Redactor([SECRET])
VALUES = st.text(alphabet=string.ascii_letters + string.digits + '+/=_.-%&"\\ ', min_size=10, max_size=40)
AROUND = st.text(max_size=30)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "url": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "twice url": lambda secret: quote(quote(secret, safe=""), safe=""),
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_known_secret_is_hidden_in_every_form(form) -> None:
    assert KNOWN(f"before {form(SECRET)} after") == f"before {MARK} after"


@given(VALUES, AROUND, AROUND, st.sampled_from(sorted(FORMS)))
def test_any_known_secret_is_hidden_anywhere(secret: str, before: str, after: str, form: str) -> None:
    hidden = FORMS[form](secret.strip())
    assert hidden not in Redactor([secret])(before + hidden + after) or len(secret.strip()) < 6


@given(VALUES, st.binary(max_size=20), st.binary(max_size=20))
def test_a_secret_inside_base64_of_something_longer_is_hidden(
    secret: str, before: bytes, after: bytes
) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded = encode(before + secret.encode() + after).decode()
        shown = Redactor([secret])(coded)
        assert shown != coded
        kept = shown.split(MARK)
        # What is left at the edges holds fewer than two characters of the secret.
        assert sum(map(len, kept)) <= (len(before) + len(after)) * 4 / 3 + 8


@given(st.text(max_size=200), st.lists(VALUES, max_size=3))
def test_redacting_twice_changes_nothing_more(text: str, secrets: list[str]) -> None:
    redactor = Redactor(secrets)
    once = redactor(text + "".join(secrets))
    assert redactor(once) == once


TOKENS = {
    "installation token": "ghs_" + "a1B2" * 9,
    "with dots": "ghs_" + "a1B2" * 9 + "." + "x" * 30,
    "fine-grained": "github_pat_" + "a1_B2" * 8,
    "model key": "sk-proj-" + "a1B2" * 10,
    "jwt": "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20,
    "aws": "AKIA" + "A1B2" * 4,
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
@pytest.mark.parametrize("around", ["{}", "token={}", '"{}"', "https://x/{}/y", "a\n{}\nb", "({})"])
def test_what_looks_like_a_token_is_hidden_though_nobody_told(token: str, around: str) -> None:
    assert Redactor()(around.format(token)) == around.format(MARK)


def test_passwords_in_urls_and_headers_are_hidden_and_their_names_stay() -> None:
    for shape in ("git clone https://{}@host/x", "Authorization: Bearer {}", "'authorization': 'token {}'"):
        assert Redactor()(shape.format("me:pa55word")) == shape.format(MARK)


NAME = "RSA PRIVATE KEY-----"
KEY = f"-----BEGIN {NAME}\n" + "MIIEabcd0123+/==\n" * 20 + f"-----END {NAME}"


def test_a_private_key_is_hidden_whole_on_lines_in_json_and_cut_off() -> None:
    assert Redactor()(f"a {KEY} b") == f"a {MARK} b"
    assert Redactor()(json.dumps({"key": KEY})) == json.dumps({"key": MARK})
    cut = Redactor()(f"a {KEY[:200]}")
    assert "MIIEabcd" not in cut


def test_a_known_multi_line_secret_is_hidden_line_by_line() -> None:
    secret = "first-line-of-it\nsecond-line-of-it\n"
    assert Redactor([secret])("x second-line-of-it y") == f"x {MARK} y"


@pytest.mark.parametrize(
    "text",
    [
        "9c1e4f0a" * 5,
        "tests/test_names.py::test_dot FAILED",
        "https://example.com/a:b and user@example.com",
        "the authorization header",
        "sha256-" + base64.b64encode(b"x" * 32).decode(),
        "",
    ],
)
def test_ordinary_output_stays(text: str) -> None:
    assert Redactor()(text) == text


def test_short_values_are_not_hidden_because_they_are_everywhere() -> None:
    assert Redactor(["true", "", "abc"])("true abc") == "true abc"


@given(st.text(max_size=500), st.integers(0, 300))
def test_output_is_bounded(text: str, limit: int) -> None:
    assert len(Redactor()(text, limit)) <= limit or limit < 0


def test_of_a_long_output_the_beginning_and_the_end_are_kept() -> None:
    shown = Redactor()("first\n" + "x" * 10_000 + "\nlast", 200)
    assert shown.startswith("first\n")
    assert shown.endswith("\nlast")
    assert "left out here" in shown


def test_a_secret_across_the_cut_is_hidden_before_the_cut() -> None:
    secret = "abcdefghij" * 10
    assert "abcdefghij" not in Redactor([secret])("x" * 50 + secret + "y" * 50, 160)


def test_events_are_redacted_in_text_and_attributes() -> None:
    event = AuditEvent(
        at=datetime(2026, 11, 20, tzinfo=UTC),
        kind="command",
        text=f"echo {SECRET}",
        attributes={"argv": ["echo", SECRET], SECRET: {"n": 1, "x": None}},
    )
    shown = KNOWN.event(event)
    assert shown.text == f"echo {MARK}"
    assert shown.attributes == {"argv": ["echo", MARK], MARK: {"n": 1, "x": None}}


def test_a_redactor_does_not_show_what_it_hides() -> None:
    assert repr(KNOWN) == str(KNOWN) == "Redactor(...)"


HOSTILE = [
    "sk-" + "a-" * 50_000,
    "sk-a" * 25_000,
    "eyJ" * 40_000,
    "://a:" * 20_000,
    "ghs_" * 30_000,
    "a" * 200_000,
]
HOSTILE += [
    "-----BEGIN " + "PRIVATE KEY-----" + "A" * 100_000,
    ("-----BEGIN " + "PRIVATE KEY-----\n") * 5_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:5] for text in HOSTILE])
@pytest.mark.timeout(60)
def test_no_output_keeps_the_redactor_busy(text: str) -> None:
    assert len(KNOWN(text)) <= MAX_TEXT
