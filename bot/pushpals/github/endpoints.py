"""Where GitHub is: github.com, or any server that is shaped like GitHub Enterprise Server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pushpals.model import RepoRef


@dataclass(frozen=True)
class Endpoints:
    """Base URLs without a trailing slash. `web` is also the base of repository URLs."""

    rest: str
    graphql: str
    web: str

    @classmethod
    def github(cls) -> Self:
        """Return the addresses of github.com."""
        return cls(
            rest="https://api.github.com",
            graphql="https://api.github.com/graphql",
            web="https://github.com",
        )

    @classmethod
    def at(cls, web_url: str) -> Self:
        """Return the addresses of the server whose pages are at `web_url`."""
        web = web_url.rstrip("/")
        if web in {"https://github.com", "https://www.github.com"}:
            return cls.github()
        return cls(rest=f"{web}/api/v3", graphql=f"{web}/api/graphql", web=web)

    def git(self, repo: RepoRef) -> str:
        """Return the URL to fetch `repo` from and push it to. It holds no credential."""
        return f"{self.web}/{repo.owner}/{repo.name}.git"
