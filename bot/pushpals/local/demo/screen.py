"""What the demo says in the terminal: one line per thing, times on the right, nothing that moves the page."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pushpals.loop.services import Event, EventKind

WIDTH = 100
LABEL = 10
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters. What a model or a repository prints must not steer the terminal."""


_LABELS: dict[EventKind, str] = {
    "plan": "plan",
    "state": "job",
    "turn": "work",
    "tool": "work",
    "check": "work",
    "note": "work",
    "refused": "refused",
    "gate": "gate",
}


def plain(text: str) -> str:
    """Return `text` on one line, without control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())


def clock(seconds: float) -> str:
    """`4 ms`, `2.4 s`, `21 s`, `1m 05s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 60 else f"{int(seconds) // 60}m {int(seconds) % 60:02d}s"  # noqa: PLR2004


class Screen:
    """Writes the demo's lines to a stream."""

    def __init__(self, out: TextIO) -> None:
        """`out` is usually standard output; lines are flushed one by one."""
        self._out = out
        self._began = time.monotonic()
        self._progress = ""
        self._interactive = out.isatty()

    def say(self, text: str = "") -> None:
        """Print one line as it is."""
        self._clear()
        print(text, file=self._out, flush=True)

    def row(self, label: str, text: str, seconds: float | None = None) -> None:
        """Print a labelled row; a time is set at its right end."""
        line = f"  {label:<{LABEL}}{plain(text)}"
        if seconds is not None:
            line = f"{line:<{WIDTH - 10}}  {clock(seconds):>8}"
        self.say(line)

    def restart(self) -> None:
        """Start counting the time of events from now."""
        self._began = time.monotonic()

    def event(self, event: Event) -> None:
        """Show something that happened in the loop, with the time since the label was added."""
        label = _LABELS.get(event.kind)
        if label is not None:
            text = plain(event.text)
            room = WIDTH - LABEL - 14
            self.row(
                label, text if len(text) <= room else text[: room - 1] + "…", time.monotonic() - self._began
            )

    def diff(self, line: str) -> None:
        """Print a line of a diff, coloured on a terminal."""
        colour = {"+": "32", "-": "31", "@": "36"}.get(line[:1]) if self._interactive else None
        text = _CONTROL.sub(" ", line.replace("\t", "    "))
        self.say(f"  \x1b[{colour}m{text}\x1b[0m" if colour else f"  {text}")

    def progress(self, done: int, total: int) -> None:
        """Show a progress bar for a download of `total` bytes; on a terminal it stays on its line."""
        share = done / total if total else 1.0
        bar = "█" * int(share * 30)
        text = f"  {'model':<{LABEL}}fetching {bar:<30} {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        if self._interactive:
            self._out.write(f"\r{text}")
            self._out.flush()
            self._progress = text
        elif f"{share:.1f}" != self._progress:
            self._progress = f"{share:.1f}"
            print(text, file=self._out, flush=True)

    def _clear(self) -> None:
        if self._interactive and self._progress:
            self._out.write("\r" + " " * len(self._progress) + "\r")
        self._progress = ""
