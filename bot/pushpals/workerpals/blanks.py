"""Lines worth hiding.

A small model that sees a wrong line hands it back as it was. What it does not see it cannot copy, and
one line is so little to write that many can be tried.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass

from pushpals.workerpals.functions import Unit

_START = re.compile(
    r"^\s*(?:(?:return|yield|raise|if|elif|while|for|else if|} else if)\b ?"
    r"|(?:const |let |var )?[\w.\[\]'\"]+(?:, ?[\w.]+)*\s*(?:[-+*/|&%]|//|\*\*)?=(?!=) ?)?"
)
_NOT_CODE = re.compile(r"^\s*(?:#|//|/\*|\*|[)}\]]+[,;]?\s*$|else\s*:|try\s*[:{]|finally\b|}\s*else\s*{|@|$)")
_DECIDES = re.compile(r"(?:if|elif|while|for|else if|} else if)\b")


@dataclass(frozen=True)
class Blank:
    """One line of a unit, hidden. `line` counts from 0 in the unit's source."""

    unit: Unit
    line: int

    @property
    def original(self) -> str:
        """The hidden line."""
        return self.unit.source.splitlines()[self.line]

    @property
    def kept(self) -> str:
        """How the line begins, which stays in sight: its indentation, and `return`, `if` or `total =`."""
        found = _START.match(self.original)
        return found[0] if found else ""

    def around(self) -> tuple[str, str]:
        """Return the unit's source before and after the gap."""
        lines = self.unit.source.splitlines(keepends=True)
        return "".join(lines[: self.line]) + self.kept, "\n" + "".join(lines[self.line + 1 :])

    def completed(self, text: str) -> str | None:
        """Return the whole line with `text` in the gap; None when there is nothing new in it."""
        line = (self.kept + text.splitlines()[0]).rstrip() if text.strip() else ""
        return line if line and line.strip() != self.original.strip() else None

    def replaced(self, line: str) -> str | None:
        """Return the unit's source with another line in place of the hidden one; None when it is no code."""
        lines = self.unit.source.splitlines()
        lines[self.line] = line
        source = "\n".join(lines) + ("\n" if self.unit.source.endswith("\n") else "")
        return source if _parses(self.unit, source) else None


def blanks(unit: Unit) -> list[Blank]:
    """Return the lines of a unit worth hiding: what is returned first, then decisions, then the rest."""
    lines, outside = unit.source.splitlines(), _outside_the_body(unit)
    numbers = [n for n, line in enumerate(lines) if n not in outside and not _NOT_CODE.match(line)]
    return sorted((Blank(unit, n) for n in numbers), key=lambda blank: _rank(blank.original.strip()))


def _rank(line: str) -> int:
    if line.startswith(("return", "yield")):
        return 0
    return 1 if _DECIDES.match(line) else 2


def _outside_the_body(unit: Unit) -> set[int]:
    """Return the numbers of the lines of headers and docstrings."""
    if unit.language != "python":
        return {0}
    try:
        tree = ast.parse(textwrap.dedent(unit.source))
    except SyntaxError:
        return {0}
    outside: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        first = node.body[0]
        outside |= set(range(node.lineno - 1, first.lineno - 1))
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            outside |= set(range(first.lineno - 1, first.end_lineno or first.lineno))
    return outside


def _parses(unit: Unit, source: str) -> bool:
    if unit.language != "python":
        return True
    try:
        ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError):
        return False
    return True
