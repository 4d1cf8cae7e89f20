"""Workers of their own, in this process: as `pushpals worker` runs them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pushpals.local.model import ChosenModel
from pushpals.loop.headless import Headless, Rounds
from pushpals.model import RepoRef
from pushpals.server.wiring import Parts, open_services
from tests.stories.town import FILES, Town

POLICY = "version: 1\ndispatch: worker\n"
TO_WORKERS = {**FILES, ".github/pushpals.yml": POLICY}
QUICK = Rounds(quick=0.05, slow=0.05)
NAMES = RepoRef(owner="octo", name="names")


@dataclass
class Hand:
    """A worker at work."""

    headless: Headless
    looks: int = 0
    _looked: asyncio.Event | None = None

    def looked(self) -> None:
        """A round is over."""
        self.looks += 1
        if self._looked:
            self._looked.set()

    async def looks_around(self, times: int = 2) -> None:
        """Wait until it has looked at everything again, from start to end."""
        aim = self.looks + times
        while self.looks < aim:
            self._looked = asyncio.Event()
            await self._looked.wait()


@contextlib.asynccontextmanager
async def worker(town: Town, name: str, *, patience: float = 0.0, dies: bool = False) -> AsyncIterator[Hand]:
    """Run a worker. At the end it has `patience` seconds to drain, or `dies` without a word."""
    settings = town.settings.model_copy(
        update={"state": town.folder / name, "worker_name": name, "webhook_secret": None}
    )
    chosen = ChosenModel("scripted", "scripted", url=town.model.url, native_tools=town.tools)
    parts = Parts(chosen, town.sandboxes)
    async with open_services(settings, parts, town.note, headless=True) as services:

        async def repositories() -> dict[RepoRef, int | None]:
            return {NAMES: None}

        hand = Hand(
            Headless(
                services,
                repositories,
                QUICK,
                looked=lambda: hand.looked(),  # noqa: PLW0108 - there is no hand yet
            )
        )
        running = asyncio.create_task(hand.headless.run())
        try:
            yield hand
        finally:
            if dies:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await hand.headless.crew.close()
            else:
                await hand.headless.stop(patience)
                await running
