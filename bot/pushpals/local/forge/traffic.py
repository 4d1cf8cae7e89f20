"""What tests may see and disturb: requests, effects, faults, and the hourly allowance."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["rest", "graphql", "git"]


@dataclass
class RequestRecord:
    """One request, in order of arrival; ``status`` is 0 until it is answered.

    ``path`` is without the query string. ``operation`` is the GraphQL operation's name and ``mutations`` its
    top-level mutation fields.
    """

    kind: Kind
    method: str
    path: str
    operation: str | None = None
    mutations: tuple[str, ...] = ()
    status: int = 0
    app_id: int | None = None
    installation_id: int | None = None


@dataclass(frozen=True)
class Effect:
    """A request changed something, durably: the mutations it ran, the refs it moved, or the token it made."""

    request: RequestRecord
    refs: tuple[str, ...] = ()


@dataclass
class Fault:
    """Makes matching requests fail, ``times`` times.

    ``status`` None drops the connection. ``when`` says whether the request is carried out first.
    """

    matches: Callable[[RequestRecord], bool] = lambda _: True
    status: int | None = 502
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    when: Literal["before", "after"] = "before"
    times: int = 1


WINDOW_S = 3600


@dataclass
class Allowance:
    """Requests one caller may make in an hour that begins with the first."""

    limit: int
    resource: str
    used: int = 0
    reset: int = 0

    def begin(self, now: int) -> None:
        """Start a new hour if the last one is over."""
        if now >= self.reset:
            self.used, self.reset = 0, now + WINDOW_S

    @property
    def remaining(self) -> int:
        """What is left of the hour's allowance."""
        return max(0, self.limit - self.used)

    def headers(self) -> dict[str, str]:
        """The headers GitHub puts on every answer."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": self.resource,
            "X-RateLimit-Used": str(self.used),
        }
