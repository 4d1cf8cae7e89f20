"""What stands between a browser and the forge: the right host, the right origin, a token on every form.

The forge has no passwords: whoever can open its port may act as anybody. What must not happen is that a web
page from elsewhere acts through the browser of the person who runs it. Three locks, each enough alone: the
Host header must be the forge's own (DNS rebinding), a form must come from the forge's own origin with a
cookie that no other site's request carries, and it must hold a token that only our pages show.
"""

import hashlib
import hmac
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from pushpals.local.forge.errors import ForbiddenError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_KEY_BYTES = 32

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with that, browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def content_policy(nonce: str, leads_to: str = "") -> str:
    """The Content-Security-Policy of a page: nothing from elsewhere, no script but the one with the nonce.

    `leads_to` is another origin that the page's form leads to in the end: browsers go by that too.
    """
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; form-action 'self' {leads_to}; base-uri 'none'; frame-ancestors 'none'"
    )


class Guard:
    """Checks requests for one forge. Its key lies with the forge's data: open forms survive a restart."""

    def __init__(self, directory: Path, url: str) -> None:
        """``directory`` is the forge's own, ``url`` where it listens."""
        key = _key(directory / "web.key")
        own = urlsplit(url)
        self._hosts = {own.netloc, *(f"{name}:{own.port}" for name in _LOOPBACK)}
        self.url = url
        self.token = _derive(key, "form")
        self._browser = _derive(key, "browser")
        # Cookies do not know ports: each forge on this machine needs names of its own.
        self.cookie = f"pushpals_forge_{own.port}"
        self.actor_cookie = f"{self.cookie}_account"

    def check_host(self, request: web.Request) -> None:
        """Raise ForbiddenError unless the request names the forge's own address."""
        if request.host.lower() not in self._hosts:
            raise ForbiddenError(f"This forge answers at {self.url} only. Open that address.")

    def check_form(self, request: web.Request, token: str) -> None:
        """Raise ForbiddenError unless the form was sent from one of our own pages."""
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if (
            origin is not None and origin.lower() != f"http://{request.host.lower()}"
        ) or site != "same-origin":
            raise ForbiddenError("This form was sent from another site. Nothing was changed.")
        cookie = request.cookies.get(self.cookie, "")
        if not (_same(cookie, self._browser) and _same(token, self.token)):
            raise ForbiddenError(
                "This form does not carry this forge's token, so nothing was changed. "
                "Open the page again, and send the form from there."
            )

    def give_cookie(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give the browser the cookie that its forms must come with."""
        if request.cookies.get(self.cookie) != self._browser:
            self.set_cookie(response, self.cookie, self._browser)

    @staticmethod
    def set_cookie(response: web.StreamResponse, name: str, value: str) -> None:
        """Set a cookie that scripts do not see and that other sites' requests do not carry."""
        response.set_cookie(name, value, httponly=True, samesite="Strict", path="/")


def _key(path: Path) -> bytes:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    if len(found) != _KEY_BYTES:
        found = secrets.token_bytes(_KEY_BYTES)
        path.touch(mode=0o600)
        path.write_bytes(found)
    return found


def _derive(key: bytes, use: str) -> str:
    return hmac.new(key, use.encode(), hashlib.sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
