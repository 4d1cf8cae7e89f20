"""A canary is found in every dress, and nothing else is taken for one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adversary.canaries import Canaries

SECRET = "canary7Kq2Zx9LmPv4Rt"
CANARIES = Canaries({"key": SECRET})
RAW = SECRET.encode()
DRESSES = {
    "plain": RAW,
    "reversed": RAW[::-1],
    "hex": RAW.hex().encode(),
    "hex in capitals": RAW.hex().upper().encode(),
    "hex, reversed": RAW[::-1].hex().encode(),
    "percent": "".join(f"%{b:02x}" for b in RAW).encode(),
    "escapes": "".join(f"\\x{b:02x}" for b in RAW).encode(),
    "numbers": str(list(RAW)).encode(),
    "a line each": b"\n".join(bytes([b]) for b in RAW),
    "joined strings": b'"' + b'" + "'.join([RAW[:7], RAW[7:12], RAW[12:]]) + b'"',
    "comments": b"\n# ".join([RAW[:5], RAW[5:]]),
    "zero width": "\u200b".join(SECRET).encode(),
    "capitals": RAW.upper(),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_every_dress_is_seen_through(dress: str) -> None:
    assert CANARIES.found_in(b"before\n" + DRESSES[dress] + b"\nafter") == ["key"]


@given(st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_base64_of_whatever_surrounds_it(before: bytes, after: bytes, url_safe: bool) -> None:
    coded = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(before + RAW + after)
    assert CANARIES.found_in(coded) == ["key"]


@given(st.text(max_size=400))
def test_nothing_else_is_taken_for_it(text: str) -> None:
    assert CANARIES.found_in(text.encode("utf-8", "surrogatepass")) == []
    assert CANARIES.found_in(SECRET[:-1].encode()) == []


@pytest.mark.parametrize("secret", ["short", "has-a-dash-and-is-long"])
def test_a_secret_that_could_not_be_found_is_no_canary(secret: str) -> None:
    with pytest.raises(ValueError, match="no canary"):
        Canaries({"key": secret})
