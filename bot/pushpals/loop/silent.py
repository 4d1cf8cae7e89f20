"""GitHub for a process that only works on jobs: it reads logs and gets tokens for git, and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.github import RepoClient, Room

if TYPE_CHECKING:
    from pushpals.github import Mutation, Permissions, Written


class Silent(RepoClient):
    """A repository on which nothing is drawn: who queued a job shows how it goes."""

    def __init__(self, client: RepoClient) -> None:
        """`client` may do no more than read logs."""
        self._client = client

    async def write(self, *_mutations: Mutation, urgent: bool = False) -> tuple[Written, ...]:
        """Draw nothing."""
        del urgent
        return ()

    async def room(self) -> Room:
        """Return that nothing is used up: nothing is written here."""
        return Room(1.0, 1.0)

    async def git_token(self, permissions: Permissions) -> str:
        """Return a token for git over HTTP."""
        return await self._client.git_token(permissions)

    async def ci_log(self, run_id: int, *, limit: int = 1_000_000) -> str:
        """Return the end of the log of a workflow job; see `RepoClient.ci_log`."""
        return await self._client.ci_log(run_id, limit=limit)
