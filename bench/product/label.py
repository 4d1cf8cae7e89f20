"""From label to pull request with the embedded model: the demo, and whose time it was."""

from __future__ import annotations

import asyncio
import io
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.product.peers import PeerMissingError
from bench.product.size import Size
from bench.report import Figure, Row
from bench.watch import TimedModel, Watch
from pushpals.llm.api import ChatModel
from pushpals.local.demo.run import EXIT_OK, Demo, sample_story
from pushpals.local.demo.screen import Screen
from pushpals.local.model import ChosenModel
from pushpals.server.settings import Settings


def measure(size: Size) -> Figure:
    """Return the figure. Raises PeerMissingError where the model does not solve the sample."""
    times = min(3, size.few)
    runs = [asyncio.run(_once("embedded" if size.peers else "replay")) for _ in range(times)]
    whole, model = (statistics.median(run[part] for run in runs) for part in (0, 1))
    own = statistics.median(took - asked for took, asked in runs)
    rows = (
        Row("label to pull request", whole, "s", "at most", 60.0),
        Row("of it PushPals' own share, tests in the sandbox included", own, "s", "at most", 5.0),
    )
    how = (
        "`pushpals demo`: the sample repository, its issue, the local forge, bubblewrap, the embedded model. "
        "From the label to the end of the job, the model loaded before. The model's share is what its "
        "answers took. The plan needs no model here."
    )
    bars = (
        ("PushPals, label to pull request", whole),
        ("the model's answers", model),
        ("PushPals' own", own),
    )
    return Figure("label", "From label to pull request", how, rows, bars, "s", size.taken)


class _Watched(Demo):
    """The demo with a watch on its model."""

    def __init__(self, settings: Settings, folder: Path, screen: Screen) -> None:
        super().__init__(settings, folder, screen)
        self.watch = Watch()

    async def model(self) -> ChosenModel:
        chosen = await super().model()
        return _WatchedModel(**vars(chosen), watch=self.watch)


@dataclass(frozen=True, kw_only=True)
class _WatchedModel(ChosenModel):
    """A model whose answers are timed."""

    watch: Watch

    def connect(self, *, timeout: float = 300.0) -> ChatModel:
        return TimedModel(super().connect(timeout=timeout), self.watch)


async def _once(model: str) -> tuple[float, float]:
    """Return the seconds of a run of the demo, and how many of them the model took."""
    out = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="pushpals-bench-") as name:
        folder = Path(name)
        settings = Settings.model_validate({"model": model})
        demo = _Watched(settings, folder, Screen(out))
        code = await demo.run(sample_story(folder / "sample"))
        if code != EXIT_OK or demo.seconds is None:
            raise PeerMissingError(f"the demo ended with {code}: {out.getvalue()[-1500:]}")
        return demo.seconds, demo.watch.seconds
