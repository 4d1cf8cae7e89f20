"""Secrets in what a change adds. Findings tell path, line and kind, and never the secret.

Three sources, each chosen so that ordinary code passes:
- our own patterns of tokens with a fixed prefix (`tokens.py`);
- the format-specific detectors of detect-secrets, asked directly, so that no setting, allowlist comment or
  network verification of that library takes part;
- a name like `api_key` that is given a quoted value which looks random.
The detectors that go by entropy alone are left out: they fire on hashes, identifiers and test data.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from pushpals.model import Finding
from pushpals.policy.diff import DiffError, read_diff
from pushpals.policy.paths import printable
from pushpals.policy.tokens import TOKEN_PATTERNS

RULE: Final = "secret"
_CHUNK: Final = 4096
_OVERLAP: Final = 512
_MIN_ENTROPY_BITS: Final = 3.5

_ASSIGNED: Final = re.compile(
    r"""(?i)(?:api_?key|secret|passwd|password|token|private_?key|credential)[a-z0-9_]{0,30}["']?\s{0,5}"""
    r"""(?::=|=>|[=:])\s{0,5}["']([A-Za-z0-9+/=_.~-]{20,200})["']"""
)

# A detector takes a line and tells what it thinks is secret in it.
Detector = Callable[[str], Iterable[str]]


def find_secrets(added: str | bytes | Mapping[str, Iterable[tuple[int, str]]]) -> tuple[Finding, ...]:
    """Return a blocking finding for each line and kind of secret a change adds.

    `added` is a diff as git writes it, or path to (line number from 1, line). A diff that cannot be read is
    one blocking finding itself.
    """
    if isinstance(added, Mapping):
        return _findings(added)
    raw = added.encode("utf-8", "surrogateescape") if isinstance(added, str) else added
    try:
        files = read_diff(raw)
    except DiffError as error:
        return (Finding(rule="diff", message=f"The diff cannot be read: {error}.", blocking=True),)
    return _findings({file.path: file.added for file in files})


def find_secrets_in_text(text: str, path: str) -> tuple[Finding, ...]:
    """Return the findings of a whole text that will be published under `path` (a report, a message)."""
    return _findings({path: enumerate(text.splitlines(), start=1)})


def _findings(added: Mapping[str, Iterable[tuple[int, str]]]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            rule=RULE,
            message=f"{printable(path)} line {number} looks like it holds a secret: {kind} (built-in rule).",
            path=path,
            line=number,
            blocking=True,
        )
        for path, lines in added.items()
        for number, line in lines
        for kind in kinds_of_secret(line)
    )


def kinds_of_secret(line: str) -> tuple[str, ...]:
    """Return the kinds of secret that `line` seems to hold, each once."""
    return tuple(dict.fromkeys(kind for chunk in _chunks(line) for kind in _kinds_in(chunk)))


def _chunks(line: str) -> Iterator[str]:
    """Cut a long line, with overlap, so that no pattern's work grows with the square of its length."""
    yield line[:_CHUNK]
    for start in range(_CHUNK - _OVERLAP, len(line) - _OVERLAP, _CHUNK - _OVERLAP):
        yield line[start : start + _CHUNK]


def _kinds_in(text: str) -> Iterator[str]:
    known = False
    for kind, pattern in TOKEN_PATTERNS:
        if pattern.search(text):
            known = True
            yield kind
    # One secret is told once: the library is only asked about lines our own patterns do not know.
    if not known:
        for kind, detector in _detectors():
            if any(True for _ in detector(text)):
                known = True
                yield kind
    if not known and any(_looks_random(match[1]) for match in _ASSIGNED.finditer(text)):
        yield "a credential in an assignment"


def _looks_random(value: str) -> bool:
    """Tell whether a value is more like a generated key than like words: letters, digits and high entropy."""
    if not (any(char.isdigit() for char in value) and any(char.isalpha() for char in value)):
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= _MIN_ENTROPY_BITS


@cache
def _detectors() -> tuple[tuple[str, Detector], ...]:
    """Return the detectors of detect-secrets that go by a service's own format."""
    # Imported here to keep start-up fast: these modules load an HTTP library and take a tenth of a second.
    from detect_secrets.plugins.aws import AWSKeyDetector  # noqa: PLC0415
    from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector  # noqa: PLC0415
    from detect_secrets.plugins.basic_auth import BasicAuthDetector  # noqa: PLC0415
    from detect_secrets.plugins.discord import DiscordBotTokenDetector  # noqa: PLC0415
    from detect_secrets.plugins.mailchimp import MailchimpDetector  # noqa: PLC0415
    from detect_secrets.plugins.npm import NpmDetector  # noqa: PLC0415
    from detect_secrets.plugins.sendgrid import SendGridDetector  # noqa: PLC0415
    from detect_secrets.plugins.slack import SlackDetector  # noqa: PLC0415
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector  # noqa: PLC0415
    from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector  # noqa: PLC0415

    plugins = (
        AWSKeyDetector(),
        AzureStorageKeyDetector(),
        BasicAuthDetector(),
        DiscordBotTokenDetector(),
        MailchimpDetector(),
        NpmDetector(),
        SendGridDetector(),
        SlackDetector(),
        SquareOAuthDetector(),
        TelegramBotTokenDetector(),
    )
    return tuple((str(plugin.secret_type), plugin.analyze_string) for plugin in plugins)
