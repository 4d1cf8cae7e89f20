"""Which part of a diff a model is shown, and what is told of the rest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pushpals.policy.globs import first_match
from pushpals.policy.paths import printable
from pushpals.policy.risk import is_test
from pushpals.policy.scope import LOCK_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pushpals.policy.diff import FileDiff

GENERATED: Final = (
    *sorted(LOCK_FILES),
    "*.lock",
    "*.min.js",
    "*.min.css",
    "*.map",
    "*.snap",
    "*_pb2.py",
    "*_pb2_grpc.py",
    "*.pb.go",
    "*.generated.*",
    "*.svg",
    "vendor/",
    "node_modules/",
    "dist/",
)
"""Files that programs write: nobody reviews them line by line."""
_PROSE: Final = ("*.md", "*.rst", "*.txt", "docs/")
LINE_LIMIT: Final = 400
"""Characters of one line that are shown."""


@dataclass(frozen=True)
class Shown:
    """The text for the model, the lines one may remark on, and what was left out, one phrase each."""

    text: str
    lines: Mapping[str, frozenset[int]]
    """By path, the numbers of the lines that are shown and are there after the change."""
    left_out: tuple[str, ...]


def show(parts: Sequence[FileDiff], room: int) -> Shown:
    """Return as much of a diff as fits into `room` characters: code first, then tests, then prose.

    A file is shown as a whole or not at all, but for the first one, which is cut where even it is too long.
    """
    left_out: list[str] = []
    texts: list[str] = []
    lines: dict[str, frozenset[int]] = {}
    for part in sorted(parts, key=_order):
        name = printable(part.path)
        if why := _not_read(part):
            left_out.append(f"{name}: {why}")
            continue
        written = list(_numbered(part))
        size = sum(len(text) + 1 for _, text in written)
        if size > room and texts:
            left_out.append(f"{name}: too much to show with the rest")
            continue
        kept = _fitting(written, room)
        if len(kept) < len(written):
            left_out.append(f"{name}: all behind the first {len(kept)} lines of its diff")
        if not kept:
            continue
        texts.append(
            "\n".join(
                [f"=== {part.path.encode(errors='backslashreplace').decode()}", *(text for _, text in kept)]
            )
        )
        lines[part.path] = frozenset(number for number, _ in kept if number is not None)
        room -= sum(len(text) + 1 for _, text in kept)
    return Shown("\n".join(texts), lines, tuple(left_out))


def _order(part: FileDiff) -> tuple[int, int]:
    rank = 2 if first_match(_PROSE, part.path) else 1 if is_test(part.path) else 0
    return rank, len(part.lines)


def _not_read(part: FileDiff) -> str | None:
    """Say why a file is never shown; None when it is."""
    if part.binary:
        return "binary"
    if first_match(GENERATED, part.path):
        return "generated, or a lock file"
    return None if part.lines else "no line of it changes"


def _numbered(part: FileDiff) -> Iterator[tuple[int | None, str]]:
    """Yield the lines of a file's diff as they are shown, each with its number after the change, if any."""
    last = None
    for line in part.lines:
        if last is not None and line.number > last + 1:
            yield None, "     …"
        text = line.text if len(line.text) <= LINE_LIMIT else f"{line.text[:LINE_LIMIT]}…"
        if line.mark == "-":
            yield None, f"     - {text}"
        else:
            yield line.number, f"{line.number:>4} {line.mark} {text}"
        last = line.number


def _fitting(lines: Sequence[tuple[int | None, str]], room: int) -> list[tuple[int | None, str]]:
    kept = []
    for line in lines:
        room -= len(line[1]) + 1
        if room < 0:
            break
        kept.append(line)
    return kept
