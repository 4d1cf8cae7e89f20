"""The bugs: small programs written for this, each with exact replacements that break them.

The split is fixed: within each kind, by name, the first, third, fifth bug ... are for tuning the agent. The
others are held out: they are only ever measured, and nobody looks at how the agent fails on them.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

PROGRAMS: Final = Path(__file__).with_name("programs")
CHECK: Final = "python3 -m pytest -q -p no:cacheprovider"

Half = Literal["tuning", "held out"]


class Bug(BaseModel):
    """A bug: what breaks the program, what a user says of it, and the tests.

    Each test is an expression that is true when the program is right.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    file: str
    old: str
    new: str
    issue: str
    fails: str
    passes: tuple[str, str]
    unseen: tuple[str, ...]


class Case(BaseModel):
    """A bug in its program."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bug: Bug
    half: Half
    imports: str
    program: dict[str, str]
    """The files of the correct program."""

    @property
    def broken(self) -> dict[str, str]:
        """The files with the bug in them; raises ValueError unless the old text is there exactly once."""
        text = self.program[self.bug.file]
        if text.count(self.bug.old) != 1:
            raise ValueError(f"{self.bug.name}: {self.bug.old!r} is there {text.count(self.bug.old)} times")
        return {**self.program, self.bug.file: text.replace(self.bug.old, self.bug.new)}

    @property
    def seen(self) -> str:
        """The tests that the agent is shown: the first one fails."""
        return tests(self.imports, [self.bug.fails, *self.bug.passes])

    @property
    def unseen(self) -> str:
        """The tests that judge what it did."""
        return tests(self.imports, self.bug.unseen)

    def workspace(self) -> dict[str, str]:
        """Return the files that the agent is given."""
        # Makes pytest put the program's folder on the path.
        return {"conftest.py": "", **self.broken, "test_program.py": self.seen}


_REFUSES: Final = """
def refuses(function, *arguments):
    try:
        function(*arguments)
    except ValueError:
        return True
    return False
"""


def tests(imports: str, expressions: Sequence[str]) -> str:
    """Return a test file with a test for each expression."""
    head = imports.strip() + "\n"
    if any("refuses(" in expression for expression in expressions):
        head += "\n" + _REFUSES
    bodies = [f"def test_{i}():\n    assert {text}\n" for i, text in enumerate(expressions, 1)]
    return "\n\n".join([head, *bodies])


def load() -> list[Case]:
    """Return all bugs, by name."""
    found: list[tuple[Bug, str, dict[str, str]]] = []
    for folder in sorted(PROGRAMS.iterdir()):
        data = tomllib.loads((folder / "bugs.toml").read_text(encoding="utf-8"))
        program = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
        found += [(Bug.model_validate(bug), data["imports"], program) for bug in data["bug"]]
    found.sort(key=lambda entry: entry[0].name)
    met: Counter[str] = Counter()
    cases = []
    for bug, imports, program in found:
        half: Half = "held out" if met[bug.kind] % 2 else "tuning"
        met[bug.kind] += 1
        cases.append(Case(bug=bug, half=half, imports=imports, program=program))
    return cases
