"""Hiding secrets in text before it is written to the audit trail, a log or GitHub."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import JsonValue

from pushpals.audit.chain import AuditEvent
from pushpals.audit.shorten import shorten
from pushpals.policy.tokens import PRIVATE_KEY_BLOCK, TOKEN_PATTERNS

MARK: Final = "[redacted]"
MIN_SECRET: Final = 6
"""Characters of the shortest value that is hidden: shorter ones would hide ordinary words."""
MAX_TEXT: Final = 64 * 1024
"""Characters of a redacted text, unless told otherwise."""

# Credentials in a URL, and in a header as it is sent; the name stays, the value goes.
_URL_PASSWORD: Final = re.compile(r"(?<=://)[^\s/@:\[\]]{0,200}:[^\s/@\[\]]{1,200}(?=@)")
_HEADER: Final = re.compile(
    r"(?i)(?<=authorization)([\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:basic|bearer|token)\s{1,3})[^\s\"'\[\]]{6,2000}"
)


class Redactor:
    """Hides the secrets it was told of, in the encodings they travel in, and whatever looks like a token."""

    def __init__(self, known_secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in known_secrets for form in _forms(secret)}
        # The longest first: a secret that holds another is hidden whole.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Redactor(...)"

    def __call__(self, text: str, limit: int = MAX_TEXT) -> str:
        """Return `text` without secrets, at most `limit` characters: of a longer one the middle is left out.

        Doing it again changes nothing.
        """
        # A match can appear where another was taken out. Each round hides more characters, so this ends.
        while (hidden := MARK.join(self._hide(part) for part in text.split(MARK))) != text:
            text = hidden
        return shorten(text, limit)

    def known(self, text: str) -> str:
        """Return `text` without the secrets this was told of; what only looks like a token stays."""
        return self._known.sub(MARK, text) if self._known is not None else text

    def data(self, value: JsonValue, limit: int = MAX_TEXT) -> JsonValue:
        """Return JSON data with every string in it redacted, keys included."""
        if isinstance(value, str):
            return self(value, limit)
        if isinstance(value, list):
            return [self.data(item, limit) for item in value]
        if isinstance(value, dict):
            return {self(key, limit): self.data(item, limit) for key, item in value.items()}
        return value

    def event(self, event: AuditEvent, limit: int = MAX_TEXT) -> AuditEvent:
        """Return the event as it may be recorded."""
        attributes = {self(key): self.data(value, limit) for key, value in event.attributes.items()}
        return event.model_copy(
            update={"text": self(event.text, limit), "actor": self(event.actor), "attributes": attributes}
        )

    def _hide(self, part: str) -> str:
        part = PRIVATE_KEY_BLOCK.sub(MARK, self.known(part))
        for _, pattern in TOKEN_PATTERNS:
            part = pattern.sub(MARK, part)
        part = _URL_PASSWORD.sub(MARK, part)
        return _HEADER.sub(lambda match: match[1] + MARK, part)


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may appear: plain, escaped for JSON and URLs, in hex, in base64."""
    for value in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if len(value) < MIN_SECRET or value in MARK:
            continue
        raw = value.encode("utf-8", "surrogateescape")
        yield value
        yield value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        yield quote(raw, safe="")
        yield quote_plus(raw)
        yield quote(raw, safe="").replace("%", "%25")
        yield raw.hex()
        yield raw.hex().upper()
        yield from _base64_forms(raw)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Yield what base64 makes of `raw` at each of the three places it can start in a longer text."""
    for skipped in range(3):
        coded = base64.b64encode(b"\0" * skipped + raw).decode().rstrip("=")
        # The characters at the edges also depend on the neighbours; those between are certain.
        first = (8 * skipped + 5) // 6
        last = (8 * (skipped + len(raw))) // 6
        middle = coded[first:last]
        if len(middle) >= MIN_SECRET:
            yield middle
            yield middle.replace("+", "-").replace("/", "_")
