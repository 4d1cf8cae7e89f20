"""Tasks that a person wrote down: a list under a heading of its own. Pure.

A split must be earned. What counts is a list of two to eight items under a heading *Tasks*, or check boxes
under *Goal* or *Tasks*. Items that are ticked are done. Lines below an item that are indented are its
acceptance criteria; `after 1` or `depends on 1, 2` at its end says what it waits for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pushpals.remotebuddy.problems import GOAL_LIMIT, MOST_TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+(?P<name>[^\n]*?)[ \t]*#*[ \t]*$")
_TASKS: Final = frozenset({"tasks", "task list", "to do", "todo"})
_GOALS: Final = frozenset({"goal", "goals"})
_ITEM: Final = re.compile(
    r"^(?P<indent>[ \t]*)(?:[-*+]|\d{1,2}[.)])[ \t]+(?:\[(?P<box>[ xX])\][ \t]+)?(?P<text>\S.*)$"
)
_AFTER: Final = re.compile(
    r"[\s,;:(\[\u2013\u2014-]{0,4}\b(?:after|depends on|needs)\b(?: (?:tasks?|items?|numbers?))?[ ]"
    r"(?P<which>#?\d{1,2}(?:(?:, and |, ?| and | ?& ?)#?\d{1,2}){0,7})[)\].]{0,3}$",
    re.IGNORECASE,
)
_FENCE: Final = re.compile(r"^ {0,3}(?:`{3,}|~{3,})")


@dataclass(frozen=True)
class Item:
    """One entry of a list of tasks, as a person wrote it. `after` are positions in the list, from 0."""

    goal: str
    details: tuple[str, ...] = ()
    after: tuple[int, ...] = ()
    done: bool = False


@dataclass(frozen=True)
class Split:
    """What a text says about tasks: the items still to do, and the text without their list."""

    items: tuple[Item, ...] = ()
    rest: str = ""
    note: str | None = None
    """Why a list that is there was not followed, as a sentence."""


def split(body: str) -> Split:
    """Return the tasks a request lists; no items when it is a single one."""
    for heading, lines in _sections(body):
        name = heading.casefold().rstrip(":").strip()
        if name not in _TASKS | _GOALS:
            continue
        found, used = _items(lines, boxes_only=name in _GOALS)
        items = _renumbered(found)
        if len(items) > MOST_TASKS:
            return Split(note=f"The request lists {len(items)} tasks, and a plan has at most {MOST_TASKS}.")
        if len(items) > 1:
            rest = [line for at, line in enumerate(body.splitlines()) if at not in used]
            return Split(items, "\n".join(rest).strip())
    return Split()


def _sections(body: str) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Yield each heading with the numbered lines below it, code blocks left out."""
    heading, lines, fenced = "", list[tuple[int, str]](), False
    for at, line in enumerate(body.splitlines()):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and (match := _HEADING.match(line)):
            yield heading, lines
            heading, lines = match["name"], []
        elif not fenced:
            lines.append((at, line))
    yield heading, lines


def _items(lines: Sequence[tuple[int, str]], *, boxes_only: bool) -> tuple[list[Item], set[int]]:
    """Return the entries of the first list, and the numbers of the lines they take."""
    drafts: list[tuple[str, list[str], bool]] = []
    used: set[int] = set()
    margin = 0
    for at, line in lines:
        match = _ITEM.match(line)
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
        if match and indent <= (margin if drafts else 3) and (match["box"] is not None or not boxes_only):
            drafts.append((match["text"], [], match["box"] in {"x", "X"}))
            margin = indent
        elif drafts and line.strip() and indent > margin:
            drafts[-1][1].append(match["text"] if match else line.strip())
        elif drafts and line.strip():
            break  # the list is over
        else:
            continue
        used.add(at)
    return [_item(text, details, done=done) for text, details, done in drafts], used


def _item(text: str, details: Sequence[str], *, done: bool) -> Item:
    goal, after = text[: 2 * GOAL_LIMIT].strip(), tuple[int, ...]()
    if match := _AFTER.search(goal):
        after = tuple(int(number) - 1 for number in re.findall(r"\d+", match["which"]))
        goal = goal[: match.start()].rstrip()
    goal = " ".join((goal or text).split())
    return Item(goal[:GOAL_LIMIT], tuple(detail[:GOAL_LIMIT].strip() for detail in details[:8]), after, done)


def _renumbered(items: Sequence[Item]) -> tuple[Item, ...]:
    """Leave out what is ticked, and let `after` count among the rest; what is done need not be waited for."""
    places = {old: new for new, old in enumerate(at for at, item in enumerate(items) if not item.done)}
    return tuple(
        Item(
            item.goal,
            item.details,
            tuple(places[n] for n in dict.fromkeys(item.after) if n in places and n != at),
        )
        for at, item in enumerate(items)
        if not item.done
    )
