"""Git's diffs as data for the pages: files, hunks, numbered lines. Any text is read without complaint."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

MAX_LINES = 3000
"""Lines of one page's diff; what comes after is counted and not shown."""
MAX_LENGTH = 2000
"""Characters of one line."""

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)", re.DOTALL)
_ESCAPE = re.compile(rb"\\([abfnrtv\"\\]|[0-7]{3})")
_ESCAPED = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}
_STATUS = {
    "new file mode": "added",
    "deleted file mode": "deleted",
    "rename from": "renamed",
    "copy from": "copied",
}
_BINARY = ("Binary files ", "GIT binary patch")

Kind = Literal["add", "del", "same", "note"]
_KINDS: dict[str, Kind] = {"+": "add", "-": "del", " ": "same", "": "same", "\\": "note"}


@dataclass(frozen=True)
class Line:
    """One line, with its number before and after the change. A ``note`` has none."""

    kind: Kind
    old: int | None
    new: int | None
    text: str


@dataclass
class Hunk:
    """Lines that stand together; ``start`` is their first line after the change.

    ``context`` is the heading git found above them.
    """

    context: str
    start: int
    lines: list[Line] = field(default_factory=list)


@dataclass
class FileDiff:
    """The change of one file. ``hidden`` lines were left out, because the page was full."""

    path: str
    old_path: str | None = None
    status: str = "modified"
    binary: bool = False
    hunks: list[Hunk] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    hidden: int = 0
    notes: list[str] = field(default_factory=list)


def parse(text: str, max_lines: int = MAX_LINES) -> list[FileDiff]:
    """Read what ``git diff`` printed."""
    room = max_lines
    files = []
    for block in _blocks(text.split("\n")):
        one = _file(block, room)
        room -= sum(len(hunk.lines) for hunk in one.hunks)
        files.append(one)
    return files


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines of each file. Lines of content begin with a sign, so a header is never one of them."""
    block: list[str] = []
    for line in lines:
        if line.startswith("diff --git "):
            if block:
                yield block
            block = []
            block.append(line)
        elif block:
            block.append(line)
    if block:
        yield block


def _file(block: list[str], room: int) -> FileDiff:
    head = _head(block)
    one = FileDiff(_both(block[0].removeprefix("diff --git ")))
    for line in block[1:head]:
        for sign, status in _STATUS.items():
            if line.startswith(f"{sign} "):
                one.status = status
        if line.startswith(("rename from ", "copy from ")):
            one.old_path = _name(line.partition(" from ")[2], prefix=False)
        elif line.startswith(("rename to ", "copy to ")):
            one.path = _name(line.partition(" to ")[2], prefix=False)
        elif line.startswith(("--- ", "+++ ")) and line[4:] != "/dev/null":
            one.path = _name(line[4:])
        elif line.startswith(("old mode ", "new mode ")):
            one.notes.append(line)
        elif line.startswith(_BINARY):
            one.binary = True
    _read_hunks(one, block[head:], room)
    return one


def _head(block: list[str]) -> int:
    """Where the hunks of a file begin."""
    return next((i for i, line in enumerate(block) if line.startswith("@@ ")), len(block))


def _read_hunks(one: FileDiff, lines: list[str], room: int) -> None:
    old = new = old_left = new_left = 0
    for text in lines:
        if found := _HUNK.match(text):
            old, new = int(found[1]), int(found[3])
            old_left, new_left = int(found[2] or 1), int(found[4] or 1)
            if room > 0:
                one.hunks.append(Hunk(found[5].strip(), new))
            continue
        kind = _KINDS.get(text[:1])
        # An empty line after the last one is the end of the text, not a line of the file.
        if kind is None or (kind != "note" and not (old_left or new_left)):
            continue
        line = _line(kind, old, new, text[1:])
        counts_old, counts_new = line.old is not None, line.new is not None
        old, old_left = old + counts_old, old_left - counts_old
        new, new_left = new + counts_new, new_left - counts_new
        one.added += kind == "add"
        one.removed += kind == "del"
        if room > 0 and one.hunks:
            one.hunks[-1].lines.append(line)
        else:
            one.hidden += 1
        room -= 1


def _line(kind: Kind, old: int, new: int, text: str) -> Line:
    if len(text) > MAX_LENGTH:
        text = f"{text[:MAX_LENGTH]} … {len(text) - MAX_LENGTH} more characters"
    return Line(
        kind, old if kind in {"del", "same"} else None, new if kind in {"add", "same"} else None, text
    )


def _both(names: str) -> str:
    """The path in ``a/path b/path``, for a change that names it nowhere else: both halves are the same."""
    if names.startswith('"'):
        end = re.search(r'(?<!\\)(?:\\\\)*"', names[1:])
        return _name(names[: end.end() + 1] if end else names)
    return _name(names[: len(names) // 2])


def _name(name: str, *, prefix: bool = True) -> str:
    """A path as git prints it: quoted like a string of C when it holds special characters."""
    name = name.removesuffix("\t")
    if len(name) > 1 and name[0] == name[-1] == '"':
        raw = name[1:-1].encode()
        name = _ESCAPE.sub(_byte, raw).decode(errors="replace")
    return name[2:] if prefix and name[:2] in {"a/", "b/"} else name


def _byte(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([_ESCAPED[code] if code in _ESCAPED else int(code, 8) & 0xFF])
