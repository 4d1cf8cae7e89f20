"""Writing to GitHub, with a second way for a review whose lines are not taken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.github import AddReview, WriteFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.github import Mutation, RepoClient, Written


async def write(client: RepoClient, mutations: Sequence[Mutation]) -> list[Written]:
    """Write, and return the answers. A review whose lines GitHub does not take goes again as text alone."""
    written = list(await client.write(*mutations))
    for place, mutation in enumerate(mutations):
        failed = written[place]
        if isinstance(mutation, AddReview) and mutation.comments and isinstance(failed, WriteFailed):
            remarks = [f"- `{each.path}` line {each.line}: {each.body}" for each in mutation.comments]
            plain = replace(mutation, body="\n".join([mutation.body, "", *remarks]), comments=())
            [written[place]] = await client.write(plain)
    return written
