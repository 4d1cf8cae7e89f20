"""Writing to GitHub, with a second way for what some repositories or lines do not take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.github import AddReview, CreatePullRequest, WriteFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.github import Mutation, RepoClient, Written


async def write(client: RepoClient, mutations: Sequence[Mutation]) -> list[Written]:
    """Write, and return the answers.

    A review whose lines GitHub does not take goes again as text alone, and a draft pull request, which not
    every plan of GitHub has, as one that is none.
    """
    written = list(await client.write(*mutations))
    for place, mutation in enumerate(mutations):
        failed = written[place]
        again = _otherwise(mutation) if isinstance(failed, WriteFailed) and failed.kind == "refused" else None
        if again is not None:
            [written[place]] = await client.write(again)
    return written


def _otherwise(mutation: Mutation) -> Mutation | None:
    """Return what to write where this was refused; None when there is no other way."""
    if isinstance(mutation, AddReview) and mutation.comments:
        remarks = [f"- `{each.path}` line {each.line}: {each.body}" for each in mutation.comments]
        return replace(mutation, body="\n".join([mutation.body, "", *remarks]), comments=())
    if isinstance(mutation, CreatePullRequest) and mutation.draft:
        return replace(mutation, draft=False)
    return None
