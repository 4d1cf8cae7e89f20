"""Fill in the blank: hide one line of a suspect at a time, and have a model that fills gaps write it anew.

Every answer is put to the failing test, so a wrong one costs a second and nothing else. Where one passes, a
few more are drawn, and the one that is nearest to the old line is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pushpals.llm.api import Sampling
from pushpals.workerpals.assignment import Assignment
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.blanks import Blank, blanks
from pushpals.workerpals.checks import FailingTest
from pushpals.workerpals.events import Note, one_line
from pushpals.workerpals.functions import Unit
from pushpals.workerpals.localise import Suspect
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.nearest import distance, keeps_all, nearest
from pushpals.workerpals.workspace import NotAllowed

ROUNDS: Final = ((0.0, 0), (0.6, 1), (0.9, 2))
"""Temperature and seed of each round over all gaps."""
MORE: Final = ((0.5, 11), (0.8, 12), (1.0, 13))
"""Temperature and seed of the samples that are drawn once a line has passed."""
MOST_GAPS: Final = 9
"""Gaps in one round."""
MOST_TURNS: Final = 24
LINE_TOKENS: Final = 80
BEFORE: Final = 2_000
AFTER: Final = 800
"""Characters of the file shown before and after the function."""


@dataclass(frozen=True)
class Gap:
    """A blank with the file around it."""

    blank: Blank
    text: str

    @property
    def path(self) -> str:
        """The file's path."""
        return self.blank.unit.path

    def around(self) -> tuple[str, str]:
        """Return what comes before the gap and after it, as much of the file as is shown."""
        at = self.text.index(self.blank.unit.source)
        before, after = self.blank.around()
        end = at + len(self.blank.unit.source)
        return self.text[max(0, at - BEFORE) : at] + before, after + self.text[end : end + AFTER]


class Infill:
    """Mends a failing test by writing one line anew."""

    def __init__(
        self,
        assignment: Assignment,
        bench: Bench,
        model: MeteredModel,
        test: FailingTest,
        frames: Sequence[tuple[str, int]] = (),
    ) -> None:
        """`frames` are the places that the test's traceback names, the deepest last."""
        self._frames = list(frames)
        self._assignment = assignment
        self._bench = bench
        self._model = model
        self._test = test
        self._tried: dict[str, bool] = {}

    async def mend(self, suspects: Sequence[Suspect]) -> bool:
        """Try gap after gap; keeps the best change. Returns whether all checks pass."""
        gaps = self._gaps(suspects)
        turns = 0
        for temperature, seed in ROUNDS:
            for gap in gaps:
                if turns == MOST_TURNS:
                    return False
                turns += 1
                line = await self._draw(gap, temperature, seed)
                if line is not None:
                    await self._settle(gap, line)
                    return True
        return False

    def _gaps(self, suspects: Sequence[Suspect]) -> list[Gap]:
        """Return the gaps of a round: the first suspect's best ones, then the next one's, then the rest."""
        lists = [list(self._gaps_of(suspect.unit)) for suspect in suspects[:3]]
        shares = (4, 3, 2)
        chosen = [gap for share, gaps in zip(shares, lists, strict=False) for gap in gaps[:share]]
        rest = [gap for share, gaps in zip(shares, lists, strict=False) for gap in gaps[share:]]
        return (chosen + rest)[:MOST_GAPS]

    def _gaps_of(self, unit: Unit) -> Iterator[Gap]:
        text = self._bench.workspace.before(unit.path) or ""
        if unit.source in text:
            # The line that raised is the likeliest; the others keep their order.
            ordered = sorted(blanks(unit), key=lambda b: (unit.path, unit.start + b.line) not in self._frames)
            yield from (Gap(blank, text) for blank in ordered)

    async def _draw(self, gap: Gap, temperature: float, seed: int) -> str | None:
        """Have the line written; returns it when all checks pass with it."""
        before, after = gap.around()
        unit = gap.blank.unit
        answer = await self._model.fill(
            self._told(unit) + before,
            after,
            doing=f"fill line {unit.start + gap.blank.line} of {unit.path} ({unit.name})",
            sampling=Sampling(temperature, 0.95, LINE_TOKENS, seed, ("\n",)),
        )
        line = gap.blank.completed(answer.text)
        return line if line is not None and await self._passes(gap, line) else None

    async def _passes(self, gap: Gap, line: str, *, rather: bool = False) -> bool:
        """Put the line in its place and run the checks. `rather` prefers it to one that passed before."""
        source = gap.blank.replaced(line)
        if source is None:
            return False
        self._bench.understood += 1
        if source not in self._tried or rather:
            unit = gap.blank.unit
            await self._bench.workspace.restore({})
            try:
                self._bench.write(gap.path, gap.text.replace(unit.source, source, 1))
            except NotAllowed:
                return False
            self._tried[source] = await self._bench.verdict(self._test, rather=rather) is None
        return self._tried[source]

    async def _settle(self, gap: Gap, line: str) -> None:
        """Keep the passing line that is nearest to the old one; only where the checks are quick."""
        if not self._bench.quick:
            return
        old, passes = gap.blank.original, lambda tried: self._passes(gap, tried)
        best = await nearest(old, line, passes)
        for temperature, seed in MORE:
            if keeps_all(old, best):
                break
            another = await self._draw(gap, temperature, seed)
            if another is not None and distance(old, another) < distance(old, best):
                best = await nearest(old, another, passes)
        if best != line:
            self._bench.emit(Note(one_line(f"Keeps `{best.strip()}`, which is nearest to what stood there.")))
            await self._passes(gap, best, rather=True)

    def _told(self, unit: Unit) -> str:
        """Say what is wrong as comments at the head of the file: that is where such a model looks."""
        mark = "#" if unit.language in {"python", "ruby"} else "//"
        told = ["Bug report:", *self._assignment.request_text.splitlines()[:8]]
        if self._test.unit:
            told += ["This test must pass:", *self._test.unit.source.splitlines()[:20]]
        return "".join(f"{mark} {line[:300]}".rstrip() + "\n" for line in told if line.strip()) + "\n"
