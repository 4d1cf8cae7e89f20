"""From cars to the one commit that is tested, and lands: merges on top of the base, nothing squashed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from pushpals.git import Identity, Merge
    from pushpals.model import Car, Sha


class Merges(Protocol):
    """What assembling needs from git."""

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `older` is `newer` or among its ancestors."""

    async def merge(self, ours: Sha, theirs: Sha) -> Merge:
        """Merge two commits by content."""

    async def commit(
        self, tree: Sha, parents: Sequence[Sha], message: str, *, author: Identity, when: datetime
    ) -> Sha:
        """Write a commit."""


@dataclass(frozen=True)
class Stumble:
    """A car that can not be merged: with the base as it is, or only with those in front of it."""

    car: Car
    paths: tuple[str, ...]
    with_base: bool


@dataclass(frozen=True)
class Assembled:
    """The commit that holds the base and all cars that could be merged onto it, in order.

    It depends on base, cars, author and time alone, so that doing it again makes the same one.
    """

    commit: Sha
    stumbled: tuple[Stumble, ...] = ()


async def assemble(
    git: Merges,
    base: Sha,
    cars: Sequence[Car],
    message: Callable[[Car], str],
    *,
    author: Identity,
    when: datetime,
) -> Assembled:
    """Merge `cars` onto `base`, one after the other, each with a merge commit of its own.

    A car that does not merge is left out, and those behind it are merged all the same. A car that the base
    already holds adds nothing. Raises GitError for a head that is not here.
    """
    tip = base
    stumbled = []
    for car in cars:
        if await git.is_ancestor(car.head, tip):
            continue
        merged = await git.merge(tip, car.head)
        if merged.clean:
            tip = await git.commit(merged.tree, (tip, car.head), message(car), author=author, when=when)
            continue
        alone = merged if tip == base else await git.merge(base, car.head)
        stumbled.append(Stumble(car, alone.conflicts or merged.conflicts, with_base=not alone.clean))
    return Assembled(tip, tuple(stumbled))
