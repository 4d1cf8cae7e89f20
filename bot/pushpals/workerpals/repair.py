"""Try small changes of the suspects, and let the tests choose among them.

It needs no model where one change passes. Where several do, the tests cannot tell them apart: the likeliest
kinds of mistake are put before the model, which picks one, and how many others pass is told.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import zlib
from collections.abc import Sequence
from importlib import resources
from typing import Final

from pushpals.llm.api import Message, Sampling
from pushpals.workerpals.assignment import Assignment, Sandbox
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.checks import FailingTest, only
from pushpals.workerpals.events import Note, ToolUsed, one_line
from pushpals.workerpals.localise import Suspect
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.small_changes import SmallChange, small_changes
from pushpals.workerpals.workspace import NotAllowed

ROUNDS: Final = ((0, 3), (4, 6), (7, 9))
"""Ranks of the changes that are tried together. Where some of a round pass, there is no further one."""
MOST_TRIED: Final = 800
"""Changes tried in a round."""
MOST_PASSING: Final = 12
"""Changes that pass in a round before it ends."""
MOST_SHOWN: Final = 5
"""Changes that the model chooses from."""
SIMILAR: Final = 1
"""How much further down a change may rank and still be put before the model."""
SECONDS: Final = 40.0
"""How long a round may take. Most need a second or two; for one that loops for ever nobody should wait."""
_RUNNER: Final = re.compile(r"\S*python[\d.]*\s+-m\s+(?:pytest|unittest)\b[^;&|<>`$]*")
_ASK: Final = """A user reports:

<request {nonce}>
{request}
</request {nonce}>

The test that fails:
```python
{test}
```

Each of these changes makes all tests pass:

{changes}

Which one is the right correction of the cause? Answer with its number only."""


class Repair:
    """Mends a failing test by one small change of a suspect."""

    def __init__(
        self, assignment: Assignment, bench: Bench, model: MeteredModel, test: FailingTest, nonce: str
    ) -> None:
        self._assignment = assignment
        self._bench = bench
        self._model = model
        self._test = test
        self._nonce = nonce

    async def mend(self, suspects: Sequence[Suspect]) -> bool:
        """Try changes of Python suspects, round by round; keeps the best. Returns whether all checks pass."""
        if not self._bench.quick or not _RUNNER.fullmatch(self._test.command.strip()):
            return False
        changes = self._changes(suspects)
        for low, high in ROUNDS:
            some = [change for change in changes if low <= change.rank <= high][:MOST_TRIED]
            passing = await self._passing(some)
            ranked = await self._ranked(passing)
            for change in ranked:
                if await self._keep(change):
                    self._tell(change, len(passing) - 1)
                    return True
        return False

    def _changes(self, suspects: Sequence[Suspect]) -> list[SmallChange]:
        """Return the changes of all suspects: by rank, and within a rank those of the first suspect first."""
        found = [
            change
            for suspect in suspects
            for change in small_changes(suspect.unit, self._bench.workspace.before(suspect.unit.path) or "")
        ]
        return sorted(found, key=lambda change: change.rank)

    async def _passing(self, changes: Sequence[SmallChange]) -> list[SmallChange]:
        """Return the changes with which the check passes, the likeliest first."""
        if not changes:
            return []
        workspace = self._bench.workspace
        for path in {change.path for change in changes}:
            # Remembered, so that it is put back also when the command is cut off.
            workspace.write(path, workspace.before(path) or "")
        await workspace.restore({})
        single = only(self._test.command, self._test) or self._test.command
        seconds = max(10.0, min(SECONDS, self._model.seconds_left))
        passing, tried = await trial(workspace.sandbox, self._test.command, single, changes, timeout=seconds)
        await workspace.restore({})
        self._model.commands += 1
        self._bench.emit(ToolUsed("try", f"{tried} small changes: {len(passing)} pass", ""))
        return sorted(passing, key=lambda change: (change.rank, len(change.new)))

    async def _ranked(self, passing: Sequence[SmallChange]) -> list[SmallChange]:
        """Return what passes with the model's choice first, where several are as likely."""
        near = [change for change in passing if change.rank <= passing[0].rank + SIMILAR][:MOST_SHOWN]
        if len(near) < 2:  # noqa: PLR2004 - nothing to choose
            return list(passing)
        shown = "\n\n".join(f"{number}.\n{self._diff(change)}" for number, change in enumerate(near, 1))
        asked = _ASK.format(
            nonce=self._nonce,
            request=self._assignment.request_text,
            test=self._test.unit.source if self._test.unit else self._test.output,
            changes=shown,
        )
        answer = await self._model.ask(
            [Message("user", asked)],
            doing=f"choose among {len(near)} changes that pass",
            sampling=Sampling(0.0, max_tokens=8),
        )
        number = re.search(r"\d+", answer.text)
        chosen = near[int(number[0]) - 1] if number and 1 <= int(number[0]) <= len(near) else near[0]
        return [chosen, *(change for change in passing if change != chosen)]

    def _diff(self, change: SmallChange) -> str:
        """Return the change as lines taken out and put in."""
        text = self._bench.workspace.before(change.path) or ""
        old, new = text.splitlines(), change.applied(text).splitlines()
        more = len(new) - len(old)
        taken = [f"- {line}" for line in old[change.line - 1 : change.last]]
        put = [f"+ {line}" for line in new[change.line - 1 : change.last + more]]
        return "\n".join([*taken, *put])

    async def _keep(self, change: SmallChange) -> bool:
        """Make the change; returns whether all checks pass with it."""
        await self._bench.workspace.restore({})
        try:
            self._bench.write(change.path, change.applied(self._bench.workspace.before(change.path) or ""))
        except NotAllowed:
            return False
        return await self._bench.verdict(self._test) is None

    def _tell(self, change: SmallChange, others: int) -> None:
        now = change.applied(self._bench.workspace.before(change.path) or "").splitlines()[change.line - 1]
        self._bench.emit(Note(one_line(f"Keeps `{now.strip()}`, a small change with which all checks pass.")))
        if others:
            self._bench.doubt = (
                f"{'At least ' if others + 1 >= MOST_PASSING else ''}{others} other small "
                f"change{'s' if others > 1 else ''} passed the tests too: they cannot tell which is right."
            )
            self._bench.emit(Note(self._bench.doubt))


async def trial(
    sandbox: Sandbox, check: str, single: str, changes: Sequence[SmallChange], *, timeout: float
) -> tuple[list[SmallChange], int]:
    """Run the failing test, then the whole check, with each change; returns those that pass and how many ran.

    It is one command in the sandbox, which is ended after `timeout` seconds; what is known by then counts.
    What it prints comes from where repository code runs: whoever keeps a change runs the checks on it again.
    """
    told = {
        "single": shlex.split(single),
        "all": shlex.split(check),
        "changes": [[c.path, c.start, c.end, c.new, c.line, c.last] for c in changes],
        "most": MOST_PASSING,
    }
    script = (resources.files("pushpals.workerpals") / "trial.py").read_text(encoding="utf-8")
    given = base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()
    python = shlex.split(check)[0]
    result = await sandbox.run(shlex.join([python, "-c", script, given]), timeout=timeout)
    passed = dict.fromkeys(int(number) for number in re.findall(r"^pass (\d+)$", result.output, re.MULTILINE))
    tried = re.search(r"^tried (\d+)$", result.output, re.MULTILINE)
    return [changes[number] for number in passed if number < len(changes)], int(tried[1]) if tried else 0
