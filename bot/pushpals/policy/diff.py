"""Reading a `git diff --binary --full-index` as data: which paths it names, and which lines it holds.

The format is that of git-diff(1), "Generating patch text with -p", without rename detection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

_HUNK: Final = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_NAMED: Final = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}
_MARKS: Final[dict[bytes, Literal["+", "-", " "]]] = {b"+": "+", b"-": "-", b" ": " "}


class DiffError(ValueError):
    """The bytes are not a diff that git would have written."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a hunk. `number` is the line's own after the change; a removed line has the next one's."""

    mark: Literal["+", "-", " "]
    number: int
    text: str


@dataclass(slots=True)
class FileDiff:
    """One file of a diff: its path, the lines of its hunks, and whether it is binary."""

    path: str
    lines: list[DiffLine] = field(default_factory=list)
    added_bytes: int = 0
    binary: bool = False

    @property
    def added(self) -> list[tuple[int, str]]:
        """The lines added, with their numbers."""
        return [(line.number, line.text) for line in self.lines if line.mark == "+"]

    @property
    def present(self) -> frozenset[int]:
        """Numbers of the lines that the diff shows and that are there after the change."""
        return frozenset(line.number for line in self.lines if line.mark != "-")


def read_diff(diff: bytes) -> tuple[FileDiff, ...]:
    """Return the files of `diff`, in order. Text is decoded as UTF-8, undecodable bytes escaped.

    Raises DiffError when the diff is malformed: a hunk cut short, or text before the first file.
    """
    return tuple(_files(iter(diff.split(b"\n"))))


def _files(lines: Iterator[bytes]) -> Iterator[FileDiff]:
    current: FileDiff | None = None
    for line in lines:
        if line.startswith(b"diff --git "):
            if current is not None:
                yield current
            current = FileDiff(_path_of(line))
        elif current is None:
            if line:
                raise DiffError("the diff does not start with a file")
        elif hunk := _HUNK.match(line):
            _read_hunk(hunk, lines, current)
        elif line == b"GIT binary patch" or line.startswith(b"Binary files "):
            current.binary = True
    if current is not None:
        yield current


def _read_hunk(hunk: re.Match[bytes], lines: Iterator[bytes], into: FileDiff) -> None:
    """Read as many lines as the hunk's header says, so that no content can pass for a header."""
    old, new = (1 if count is None else int(count) for count in (hunk[1], hunk[3]))
    number = int(hunk[2])
    while old > 0 or new > 0:
        line = next(lines, None)
        if line is None:
            raise DiffError(f"a hunk of {into.path!r} is cut short")
        mark = line[:1]
        if known := _MARKS.get(mark):
            into.lines.append(DiffLine(known, number, line[1:].decode("utf-8", "backslashreplace")))
        if mark == b"+":
            into.added_bytes += len(line)
        if mark not in {b"+", b"-", b" ", b"\\"}:
            raise DiffError(f"a hunk of {into.path!r} has a line that is neither added, removed nor kept")
        if mark != b"\\":
            old -= mark != b"+"
            new -= mark != b"-"
            number += mark != b"-"


def _path_of(header: bytes) -> str:
    """Return the path of a `diff --git` line; without renames both sides name the same one."""
    names = header.removeprefix(b"diff --git ")
    if names.startswith(b'"'):
        second = names[len(names) // 2 + 1 :]
        if not (second.startswith(b'"b/') and second.endswith(b'"')):
            raise DiffError("a file of the diff is named in a way git does not write")
        raw = _ESCAPE.sub(_unescaped, second[3:-1])
    else:
        raw = names[len(names) // 2 + 1 :].removeprefix(b"b/")
        if names != b"a/" + raw + b" b/" + raw:
            raise DiffError("a file of the diff has two names; renames are not published as such")
    return raw.decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    """Undo one escape of git's C-style quoting."""
    code = match[1]
    return bytes([int(code, 8) & 0xFF if len(code) > 1 else _NAMED.get(code, code[0])])
