"""Who is asking: App JWTs, installation tokens, and what they may do."""

import base64
import binascii
from dataclasses import dataclass
from datetime import timedelta

import jwt

from pushpals.local.forge.app_entities import App, Installation, Token
from pushpals.local.forge.apps import allows, digest
from pushpals.local.forge.entities import Repo
from pushpals.local.forge.errors import ForbiddenError, NotFoundError, UnauthorizedError
from pushpals.local.forge.store import Store

MAX_JWT_LIFE = timedelta(minutes=10)
_CLOCK_SKEW = timedelta(seconds=60)
_SCHEMES = ("bearer", "token")


@dataclass(frozen=True)
class Grant:
    """An installation token in use."""

    token: Token
    installation: Installation
    app: App

    def may(self, repo: Repo, permission: str, level: str) -> bool:
        """Whether the token covers the repository with this permission."""
        return self.sees(repo) and allows(self.token.permissions, permission, level)

    def sees(self, repo: Repo) -> bool:
        """Whether the token covers the repository at all."""
        return repo.id in self.token.repo_ids and repo.id in self.installation.repo_ids

    def require(self, repo: Repo, level: str, *permissions: str) -> None:
        """Raise unless the token has one of these permissions on the repository.

        NotFoundError outside its repositories (even public ones: a token narrowed wrongly should be noticed),
        ForbiddenError without the permission.
        """
        if not self.sees(repo):
            raise NotFoundError("Not Found")
        if not any(self.may(repo, permission, level) for permission in permissions):
            raise ForbiddenError


def bearer(header: str | None) -> str | None:
    """The credential of an ``Authorization: Bearer …`` (or ``token …``) header."""
    scheme, _, value = (header or "").partition(" ")
    return value.strip() if scheme.lower() in _SCHEMES and value else None


def basic_password(header: str | None) -> str | None:
    """The password of an ``Authorization: Basic …`` header. Raises UnauthorizedError for a garbled one."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnauthorizedError("Bad credentials") from error


def grant_of(store: Store, secret: str | None) -> Grant:
    """The grant of an installation token. Raises UnauthorizedError for an unknown or expired one."""
    wanted = digest(secret or "")
    for token in store.tokens.values():
        if token.digest == wanted and token.expires_at > store.now():
            installation = store.installations[token.installation_id]
            return Grant(token, installation, store.apps[installation.app_id])
    raise UnauthorizedError("Bad credentials")


def app_of(store: Store, encoded: str | None) -> App:
    """The App that signed a JWT (RS256). Raises UnauthorizedError as GitHub refuses."""
    try:
        claims = jwt.decode(encoded or "", options={"verify_signature": False})
        issuer = str(claims.get("iss", ""))
    except jwt.PyJWTError as error:
        raise UnauthorizedError("A JSON web token could not be decoded") from error
    app = store.apps.get(int(issuer)) if issuer.isdecimal() else None
    if app is None:
        raise UnauthorizedError("'Issuer' claim ('iss') must be an Integer, the id of an App")
    try:
        # Expiry is compared below with the forge's own clock, which a test may set.
        claims = jwt.decode(
            encoded or "",
            app.public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_iss": False},
        )
    except jwt.PyJWTError as error:
        raise UnauthorizedError("A JSON web token could not be decoded") from error
    _check_times(store, claims.get("iat"), claims.get("exp"))
    return app


def _check_times(store: Store, issued: object, expires: object) -> None:
    now = store.now().timestamp()
    if not isinstance(issued, int | float) or issued > now + _CLOCK_SKEW.total_seconds():
        raise UnauthorizedError("'Issued at' claim ('iat') must be an Integer in the past")
    if not isinstance(expires, int | float) or expires <= now:
        raise UnauthorizedError("'Expiration time' claim ('exp') must be a numeric value in the future")
    if expires > now + MAX_JWT_LIFE.total_seconds():
        raise UnauthorizedError("'Expiration time' claim ('exp') is too far in the future")
