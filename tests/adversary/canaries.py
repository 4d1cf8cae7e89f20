"""Finding planted secrets in whatever was written, however they were dressed up."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

_LEAST = 16
"""Bytes of a canary: shorter ones would be found by chance in their encodings."""
_BETWEEN = re.compile(rb"[^A-Za-z0-9]+")


class Canaries:
    """Planted secrets by name: letters and digits only, for what is put between them is struck out."""

    def __init__(self, planted: Mapping[str, str]) -> None:
        for name, secret in planted.items():
            if len(secret) < _LEAST or not secret.isalnum():
                raise ValueError(f"{name} is no canary: it needs {_LEAST} letters and digits.")
        self._forms = {name: tuple(_forms(secret.encode())) for name, secret in planted.items()}
        self._pressed = {
            name: (secret.encode().lower(), secret.encode()[::-1].lower()) for name, secret in planted.items()
        }

    def found_in(self, written: bytes) -> list[str]:
        """Return the names of the canaries that stand in `written`, plain or in any form."""
        lower = written.lower()
        # Split by line breaks, quotes, zero-width characters: all that is no letter or digit goes.
        pressed = _BETWEEN.sub(b"", lower)
        return [
            name
            for name, forms in self._forms.items()
            if any(form in written for form in forms) or any(form in pressed for form in self._pressed[name])
        ]


def _forms(raw: bytes) -> Iterable[bytes]:
    yield raw
    yield raw[::-1]
    for text in (raw, raw[::-1]):
        yield text.hex().encode()
        yield text.hex().upper().encode()
        yield from _base64(text)
    yield "".join(f"%{byte:02X}" for byte in raw).encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    yield quote(raw, safe="").encode()
    yield "".join(f"\\x{byte:02x}" for byte in raw).encode()
    yield ", ".join(str(byte) for byte in raw).encode()


def _base64(raw: bytes) -> Iterable[bytes]:
    """Yield what base64 makes of `raw` at each of the three places it can start in a longer text."""
    for skipped in range(3):
        coded = base64.b64encode(b"\0" * skipped + raw)
        # The characters at the edges also depend on the neighbours; those between are certain.
        certain = coded[(8 * skipped + 5) // 6 : 8 * (skipped + len(raw)) // 6]
        yield certain
        yield certain.replace(b"+", b"-").replace(b"/", b"_")
