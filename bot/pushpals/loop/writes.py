"""Writing to GitHub, with a second way for what some repositories or lines do not take."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pushpals.github import AddReview, CreatePullRequest, RateLimited, WriteFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.github import Mutation, RepoClient, Room, Written
    from pushpals.loop.services import Clock


SPARE_BELOW: Final = 0.5
"""Share of an hour's room below which what can be left out is, so that what people wait for finds some."""
ANSWER_TRIES: Final = 5
"""How often the limits are waited for with an answer that nobody else knows."""


async def is_sparing(client: RepoClient) -> bool:
    """Tell whether new things that can be left out should be."""
    return (await client.room()).creations < SPARE_BELOW


async def refreshes_rest(client: RepoClient) -> bool:
    """Tell whether what is only redrawn to show that work goes on should not be."""
    room = await client.room()
    return room.creations < SPARE_BELOW or requests_low(room)


def requests_low(room: Room) -> bool:
    """Tell whether requests are used up faster than the hour passes, so that what can wait should.

    The tenth that is left over at both ends is for little use early in the hour, and for work at its end.
    """
    return room.requests < 0.1 + 0.8 * room.hour


async def answer(client: RepoClient, clock: Clock, *mutations: Mutation) -> list[Written]:
    """Write the answer of an errand, and wait for as long as GitHub's limits say: it must not be lost."""
    for _ in range(ANSWER_TRIES - 1):
        try:
            return await write(client, mutations, urgent=True)
        except RateLimited as limited:
            await asyncio.sleep(max(0.0, limited.until - clock.now().timestamp()))
    return await write(client, mutations, urgent=True)


async def write(client: RepoClient, mutations: Sequence[Mutation], *, urgent: bool = False) -> list[Written]:
    """Write, and return the answers. `urgent`: somebody is answered.

    A review whose lines GitHub does not take goes again as text alone, and a draft pull request, which not
    every plan of GitHub has, as one that is none.
    """
    written = list(await client.write(*mutations, urgent=urgent))
    for place, mutation in enumerate(mutations):
        failed = written[place]
        again = _otherwise(mutation) if isinstance(failed, WriteFailed) and failed.kind == "refused" else None
        if again is not None:
            [written[place]] = await client.write(again, urgent=urgent)
    return written


def _otherwise(mutation: Mutation) -> Mutation | None:
    """Return what to write where this was refused; None when there is no other way."""
    if isinstance(mutation, AddReview) and mutation.comments:
        remarks = [f"- `{each.path}` line {each.line}: {each.body}" for each in mutation.comments]
        return replace(mutation, body="\n".join([mutation.body, "", *remarks]), comments=())
    if isinstance(mutation, CreatePullRequest) and mutation.draft:
        return replace(mutation, draft=False)
    return None
