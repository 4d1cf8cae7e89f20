"""Search and replace that survives small mistakes.

First the exact text is looked for, then one with other trailing spaces, then with other indentation,
then a nearly equal one. Each step is tried only when the one before found nothing, and a text that fits
several places is never guessed at.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

NEARLY = 0.9
"""How similar (difflib's ratio, 0 to 1) lines must be to be taken for the ones that were meant."""
CLEARLY = 0.04
"""How much more similar than any other place the best one must be."""
_MOST_LINES_COMPARED = 5_000


class EditError(ValueError):
    """An edit does not fit. The message tells the model what to do instead."""


@dataclass(frozen=True)
class Edited:
    """The new text, and how the old text was found."""

    text: str
    how: str
    """`exactly`, `but for trailing spaces`, `but for indentation` or `nearly`."""


def replace(text: str, old: str, new: str) -> Edited:
    """Replace the one place where `old` stands; raises EditError when there is none or more than one."""
    if not old.strip():
        raise EditError("The text to replace is empty. Quote the lines that should change.")
    if old == new:
        raise EditError("The old and the new text are the same, so nothing would change.")
    found = text.count(old)
    if found == 1:
        return Edited(text.replace(old, new), "exactly")
    if found > 1:
        raise EditError(_ambiguous(found))
    lines = text.splitlines()
    wanted = _without_blank_edges(old.splitlines())
    replacement = _without_blank_edges(new.splitlines())
    for how, fits in (
        ("but for trailing spaces", _same_but_trailing),
        ("but for indentation", _same_but_indent),
    ):
        places = _places(lines, wanted, fits)
        if len(places) > 1:
            raise EditError(_ambiguous(len(places)))
        if places:
            return Edited(_spliced(text, lines, places[0], wanted, replacement), how)
    place = _nearest(lines, wanted)
    return Edited(_spliced(text, lines, place, wanted, replacement), "nearly")


def reindent(lines: Sequence[str], shift_from: str, shift_to: str) -> list[str]:
    """Move lines from one indentation to another; lines that do not share the first one stay."""
    moved = []
    for line in lines:
        if not line.strip():
            moved.append("")
        elif line.startswith(shift_from):
            moved.append(shift_to + line[len(shift_from) :])
        else:
            moved.append(line)
    return moved


def indent_of(line: str) -> str:
    """Return the spaces and tabs a line starts with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def _ambiguous(count: int) -> str:
    return f"That text stands in {count} places. Quote more lines around the one that should change."


def _without_blank_edges(lines: list[str]) -> list[str]:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _same_but_trailing(have: Sequence[str], want: Sequence[str]) -> bool:
    return all(a.rstrip() == b.rstrip() for a, b in zip(have, want, strict=True))


def _same_but_indent(have: Sequence[str], want: Sequence[str]) -> bool:
    """Same words, and every line moved by the same amount."""
    if any(a.split() != b.split() for a, b in zip(have, want, strict=True)):
        return False
    shifts = {
        len(indent_of(a).expandtabs(4)) - len(indent_of(b).expandtabs(4))
        for a, b in zip(have, want, strict=True)
        if a.strip()
    }
    return len(shifts) <= 1


def _places(
    lines: Sequence[str], wanted: Sequence[str], fits: Callable[[Sequence[str], Sequence[str]], bool]
) -> list[int]:
    size = len(wanted)
    return [at for at in range(len(lines) - size + 1) if fits(lines[at : at + size], wanted)]


def _nearest(lines: Sequence[str], wanted: Sequence[str]) -> int:
    """Return where the lines stand that are nearly the wanted ones; raises EditError unless it is clear."""
    size = len(wanted)
    target = "\n".join(line.strip() for line in wanted)
    scored: list[tuple[float, int]] = []
    for at in range(min(len(lines), _MOST_LINES_COMPARED) - size + 1):
        have = "\n".join(line.strip() for line in lines[at : at + size])
        matcher = difflib.SequenceMatcher(None, have, target, autojunk=False)
        if matcher.real_quick_ratio() >= NEARLY - CLEARLY and matcher.quick_ratio() >= NEARLY - CLEARLY:
            scored.append((matcher.ratio(), at))
    scored.sort(reverse=True)
    if not scored or scored[0][0] < NEARLY:
        raise EditError("That text is not in the file. Read the file again and quote its lines as they are.")
    close = [at for ratio, at in scored if scored[0][0] - ratio < CLEARLY]
    if len(close) > 1:
        raise EditError(_ambiguous(len(close)))
    return scored[0][1]


def _spliced(text: str, lines: Sequence[str], at: int, wanted: Sequence[str], new: Sequence[str]) -> str:
    """Put new lines where the wanted ones stand, moved to the indentation the file has there."""
    have = lines[at : at + len(wanted)]
    first = next((n for n, line in enumerate(wanted) if line.strip()), 0)
    moved = reindent(new, indent_of(wanted[first]), indent_of(have[first])) if new else []
    ending = "\r\n" if "\r\n" in text else "\n"
    result = ending.join([*lines[:at], *moved, *lines[at + len(wanted) :]])
    return result + (ending if text.endswith("\n") else "")
