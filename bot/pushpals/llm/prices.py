"""What a call costs: list prices of well-known hosted models, nothing on this machine, else unknown."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

_PER = 1_000_000
_DATED = re.compile(r"-(latest|\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens read, read from the provider's cache, and written."""

    tokens_in: float
    tokens_cached: float
    tokens_out: float

    def cost(self, *, tokens_in: int, tokens_cached: int, tokens_out: int) -> float:
        """Return US dollars; `tokens_in` includes `tokens_cached`."""
        fresh = tokens_in - tokens_cached
        return (
            fresh * self.tokens_in + tokens_cached * self.tokens_cached + tokens_out * self.tokens_out
        ) / _PER


FREE = Price(0.0, 0.0, 0.0)


def price_of(name: str, url: str) -> Price | None:
    """Return the price of model `name` at the endpoint `url`, None when it is not known.

    A name from the price list costs its price even behind a proxy on this machine. Any other model on
    a loopback address is free.
    """
    key = _DATED.sub("", name.lower().rpartition("/")[2])
    listed = _price_list().get(key)
    if listed is not None:
        return listed
    return FREE if on_this_machine(url) else None


def on_this_machine(url: str) -> bool:
    """Whether a URL's host is `localhost` or a loopback address."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _price_list() -> dict[str, Price]:
    table = tomllib.loads((files(__package__) / "prices.toml").read_text(encoding="utf-8"))
    return {
        name: Price(entry["in"], entry.get("cached", entry["in"]), entry["out"])
        for name, entry in table["models"].items()
    }
