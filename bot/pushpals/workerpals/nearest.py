"""Of several lines that pass the tests, the one nearest to the line that stood there.

A small model that writes a line anew loses what it did not see: a way of quoting, or some of the letters that
a pattern takes. What the tests do not notice would be lost for good, so it is put back and tried.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Final

MOST_TRIES: Final = 24
"""Lines that are tried to bring one passing line nearer to the old one."""

_TOKEN = re.compile(r"\\.|\w+|\s+|.", re.DOTALL)
_LITERAL = re.compile(r"(?:\b[rbfuRBFU]{1,2})?(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')")

Passes = Callable[[str], Awaitable[bool]]


def distance(old: str, new: str) -> int:
    """Return how far a line is from the old one: its new tokens, and twice the old ones that it lost."""
    lost, added = _changes(old, new)
    return 2 * lost + added


def keeps_all(old: str, new: str) -> bool:
    """Tell whether a line has all tokens of the old one, and only adds to them."""
    return _changes(old, new)[0] == 0


def _changes(old: str, new: str) -> tuple[int, int]:
    """Return how many tokens are gone, and how many are new; one way of quoting is as good as the other."""
    before, after = (_TOKEN.findall(line.strip().replace("'", '"')) for line in (old, new))
    lost = added = 0
    for tag, a, b, c, d in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag != "equal":
            lost, added = lost + b - a, added + d - c
    return lost, added


async def nearest(old: str, new: str, passes: Passes) -> str:
    """Return a line that passes as `new` does, with as much of the old line's text literals as possible.

    Literals are compared in pairs, in the order they stand. Each old one is put back; where that does not
    pass, both are joined, and what the joining made needless is left out again. Texts with spaces are
    sentences, which are not taken apart.
    """
    tries = Tries(passes)
    pairs = len(_LITERAL.findall(old))
    for number in range(pairs):
        if len(_LITERAL.findall(new)) != pairs:
            break
        was, now = (_LITERAL.findall(line)[number] for line in (old, new))
        if was == now:
            continue
        restored = _with_literal(new, number, was)
        if restored != old and await tries(restored):
            new = restored
        elif not re.search(r"\s", now):
            new = await _joined(new, number, was, tries)
    return new


class Tries:
    """Asks whether a line passes, but not for ever."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._left = MOST_TRIES

    async def __call__(self, line: str) -> bool:
        """Tell whether the line passes; False once there are no tries left."""
        self._left -= 1
        return self._left >= 0 and await self._passes(line)


async def _joined(line: str, number: int, was: str, tries: Tries) -> str:
    """Return the line with its literal widened by the old one, where that passes."""
    parts = _parts(was, _LITERAL.findall(line)[number])
    new = [at for at, (_, is_new) in enumerate(parts) if is_new]

    def with_new(chosen: Collection[int]) -> str:
        text = "".join(text for at, (text, is_new) in enumerate(parts) if not is_new or at in chosen)
        return _with_literal(line, number, text)

    for at in reversed(new):  # Most often a single thing was missing.
        if await tries(with_new({at})):
            return with_new({at})
    if not await tries(with_new(new)):
        return line
    shrunk = True
    while shrunk:
        shrunk = False
        for at in reversed(new):
            fewer = [other for other in new if other != at]
            if await tries(with_new(fewer)):
                new, shrunk = fewer, True
    return with_new(new)


def _parts(was: str, now: str) -> list[tuple[str, bool]]:
    """Return the tokens of both literals in one, old ones first where they differ; the flag marks the new."""
    (head, before), (_, after) = (_opened(literal) for literal in (was, now))
    parts: list[tuple[str, bool]] = [(head, False)]
    for tag, a, b, c, d in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        parts += [(token, False) for token in before[a:b]]
        if tag != "equal":
            parts += [(token, True) for token in after[c:d]]
    return [*parts, (head[-1], False)]


def _opened(literal: str) -> tuple[str, list[str]]:
    """Return what a literal begins with, its quote included, and the tokens of its text."""
    head = literal[: re.search(r"[\"']", literal).end()]  # type: ignore[union-attr]
    return head, _TOKEN.findall(literal[len(head) : -1])


def _with_literal(line: str, number: int, literal: str) -> str:
    found = list(_LITERAL.finditer(line))[number]
    return line[: found.start()] + literal + line[found.end() :]
