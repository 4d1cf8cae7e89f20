"""What can go wrong with GitHub, in words for the person who has to do something about it.

No message here ever holds a credential: only GitHub's own sentence, the call's name and what to do next.
"""

# ruff: noqa: N818 - named for what happened, as the people who read a log would say it.

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus


class GitHubError(Exception):
    """GitHub refused a request, or could not be asked. Base of all errors of this package."""


class GitHubUnavailable(GitHubError):
    """GitHub did not answer, or answered with a server error.

    `lost` is True when a write may have taken effect although no answer came back: look again before
    repeating it.
    """

    def __init__(self, message: str, *, lost: bool) -> None:
        super().__init__(message)
        self.lost = lost


class RateLimited(GitHubError):
    """GitHub asks to wait until `until` (seconds since the epoch). Nothing was done."""

    def __init__(self, message: str, *, until: float) -> None:
        super().__init__(message)
        self.until = until


class AccessDenied(GitHubError):
    """The App may not do this. `needed` is the permission GitHub names, where it names one."""

    def __init__(self, message: str, *, needed: str | None = None) -> None:
        super().__init__(message)
        self.needed = needed


class NotFound(GitHubError):
    """It does not exist, or the App may not see it: GitHub does not tell the two apart."""


class BadCredentials(GitHubError):
    """GitHub refused the App's key or an installation token."""


class Refused(GitHubError):
    """GitHub understood the request and will not do it (status 422)."""


class WriteFailed(GitHubError):
    """One write of a document was refused; the others stand.

    `kind` is `already_exists`, `not_found`, `forbidden`, `limited`, `refused`, or `unknown` when GitHub
    failed half way, so that nobody knows whether the write took effect.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def rate_limited(call: str, until: float) -> RateLimited:
    """Return the error for a limit that ends at `until` (seconds since the epoch)."""
    at = datetime.fromtimestamp(until, tz=UTC).strftime("%H:%M:%S")
    return RateLimited(
        f"GitHub limits how often this App may ask ({call}). It may ask again at {at} UTC.", until=until
    )


def created_enough(call: str, until: float) -> RateLimited:
    """Return the error for a write that would create more than GitHub lets an installation in an hour."""
    at = datetime.fromtimestamp(until, tz=UTC).strftime("%H:%M:%S")
    return RateLimited(
        f"This installation has created about as much as GitHub allows in an hour ({call}). It goes on by "
        f"itself at {at} UTC, answers to people first.",
        until=until,
    )


def refusal(call: str, status: int, headers: Mapping[str, str], answer: object) -> GitHubError:
    """Return the error that says what a refusal of `call` means. `answer` is the decoded body."""
    said = _said(answer)
    if status == HTTPStatus.UNAUTHORIZED:
        return BadCredentials(f"GitHub refused the credentials for {call}: {said}. {_credential_hint(said)}")
    if status == HTTPStatus.FORBIDDEN:
        needed = headers.get("x-accepted-github-permissions")
        hint = f"It needs: {needed}. Grant it" if needed else "Check the App's permissions"
        return AccessDenied(
            f"GitHub does not let the App do this ({call}): {said}. {hint} in the App's settings, "
            "then accept the change in the installation.",
            needed=needed,
        )
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return NotFound(
            f"GitHub has no such thing, or the App may not see it ({call}): {said}. "
            "Check the name, and that the App is installed there."
        )
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return Refused(f"GitHub refused {call}: {said}.")
    return GitHubError(f"GitHub refused {call} with status {status}: {said}.")


def _said(answer: object) -> str:
    """Return GitHub's own message, with the details of a refused field."""
    if not isinstance(answer, dict):
        return "no reason given"
    details = [_detail(error) for error in answer.get("errors") or () if _detail(error)]
    message = str(answer.get("message") or "").rstrip(".")
    return "; ".join(filter(None, [message, *details])) or "no reason given"


def _detail(error: object) -> str:
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    return str(error.get("message") or " ".join(str(error[k]) for k in ("field", "code") if k in error))


def _credential_hint(said: str) -> str:
    text = said.lower()
    if "exp" in text or "iat" in text or "issued at" in text:
        return "Set this machine's clock: GitHub accepts a key's signature only for ten minutes."
    if "decoded" in text or "json web token" in text:
        return "Check that the private key belongs to this App id and is the PEM file as downloaded."
    return "Check the App id and its private key."
