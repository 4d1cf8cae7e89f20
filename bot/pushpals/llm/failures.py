"""What went wrong between us and a model endpoint, told as a `ModelError`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from pushpals.llm.errors import ModelError

_QUOTED = 300
"""Characters of a server's own words that an error message repeats."""
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|maximum context|too many tokens|prompt is too long|exceed\w* .*context"
)
_OUT_OF_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|credit balance")


class Refusal(Exception):  # noqa: N818 - an answer, not yet an error: the caller may know another way to ask
    """The endpoint refused a request as sent.

    `said` holds the server's words, for a `Dialect` to learn from; `error` is what to raise when it cannot.
    """

    def __init__(self, status: int, said: str, error: ModelError) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.said = said
        self.error = error


class Response(Protocol):
    """The part of an HTTP response that is read here."""

    @property
    def status_code(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, by lower-case name."""

    @property
    def text(self) -> str:
        """Decoded body."""


def public_url(url: str) -> str:
    """Return a URL without user, password, query and fragment, fit to be shown."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def timed_out(endpoint: str, seconds: float) -> ModelError:
    """No full answer in time."""
    return ModelError(
        "timeout",
        f"The model at {endpoint} gave no full answer within {seconds:g} s.",
        "Try again, ask for less at a time, or allow it more time.",
    )


def broken_connection(endpoint: str, cause: BaseException | None) -> ModelError:
    """No connection, or one that broke; `cause` is the transport's own exception."""
    reason = _printable(str(cause)) if cause is not None else ""
    if type(cause).__name__ == "ReadError" or "message body" in reason:
        return ModelError(
            "truncated",
            f"The connection to the model at {endpoint} was cut inside its answer.",
            "Try again; if it stays so, look at the model server's log.",
        )
    said = f" ({reason.rstrip('.')})" if reason else ""
    return ModelError(
        "unreachable",
        f"The model at {endpoint} cannot be reached{said}.",
        "Check that it is running and that the address is right.",
    )


def refusal_or_error(
    endpoint: str, model: str, response: Response, key: SecretStr | None
) -> ModelError | Refusal:
    """Return what to raise for an answer with a status other than 2xx.

    A `Refusal` where asking differently might help. The server's words are repeated, shortened and with
    the key struck out.
    """
    status = response.status_code
    said = _without(key, response.text)
    quoted = _quoted(said)
    at = f"The model at {endpoint}"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ModelError("auth", f"{at} did not accept the API key ({status}).{quoted}", "Check the key.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _rate_limited(at, response, said, quoted)
    if _TOO_LONG.search(said.lower()):
        return ModelError(
            "context_length",
            f"The conversation is longer than the model {model} takes.{quoted}",
            "Use a model with a longer context, or narrow the task.",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        error = ModelError(
            "unreachable",
            f"{at} is in trouble ({status}).{quoted}",
            "Try again later; if it stays so, look at the model server's log.",
            retry_after=retry_after(response.headers),
        )
    else:
        error = _refused(at, model, response, quoted)
    return Refusal(status, said, error)


def _rate_limited(at: str, response: Response, said: str, quoted: str) -> ModelError:
    if _OUT_OF_QUOTA.search(said):
        # Waiting does not help here, so it must not look like a rate limit.
        return ModelError("auth", f"{at} says that the account has no quota left.{quoted}", "Top it up.")
    wait = retry_after(response.headers)
    asked = f" It asks to wait {wait:.0f} s." if wait is not None else ""
    return ModelError(
        "rate_limited",
        f"{at} is limiting requests.{asked}{quoted}",
        "Wait and try again, or use another key or model.",
        retry_after=wait,
    )


def _refused(at: str, model: str, response: Response, quoted: str) -> ModelError:
    status = response.status_code
    if status == HTTPStatus.NOT_FOUND:
        remedy = f"Check the address (it usually ends in /v1) and that it serves a model named {model!r}."
        return ModelError("refused", f"{at} was not found (404).{quoted}", remedy)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        target = public_url(response.headers.get("location", "elsewhere"))
        return ModelError("refused", f"{at} has moved to {target} ({status}).", "Use the new address.")
    return ModelError(
        "refused",
        f"{at} refused the request ({status}).{quoted}",
        "Check the model's name and what it supports, or use another model.",
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a `retry-after` header asks for (RFC 9110, 10.2.3: a number or a date), if any."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _quoted(body: str) -> str:
    words = _printable(_message(body))
    return f' It said: "{words}"' if words and not words.startswith("<") else ""


def _message(body: str) -> str:
    """Return the sentence inside an error body (`{"error": {"message": …}}` and kin), else the body."""
    try:
        told = json.loads(body)
    except ValueError:
        return body
    error = told.get("error", told) if isinstance(told, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else body


def _without(key: SecretStr | None, text: str) -> str:
    secret = key.get_secret_value() if key else ""
    return text.replace(secret, "[key]") if secret else text


def _printable(text: str) -> str:
    """One line, without control characters, short."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _QUOTED else line[:_QUOTED] + "…"
