"""An append-only journal of JSON lines: the forge's durable memory.

One line is one transaction. A line is handed to the kernel in full before the caller goes on, so a killed
process loses nothing it answered; a torn last line was never answered and is cut off on the next start. There
is no fsync: the forge is a stand-in on a laptop and does not promise to survive a power cut.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Change = tuple[str, int, dict[str, Any] | None]
"""Table name, id, and the record's new value (None = removed)."""


class Journal:
    """The journal file. :meth:`replay` it first, then :meth:`append`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def replay(self) -> Iterator[list[Change]]:
        """Yield every complete transaction ever written, oldest first, and open the file for appending."""
        good = 0
        if self._path.exists():
            with self._path.open("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    good += len(line)
                    yield [(kind, key, value) for kind, key, value in json.loads(line)]
        self._open()
        os.ftruncate(self._fd, good)

    def append(self, changes: Iterable[Change]) -> None:
        """Write one transaction."""
        line = json.dumps(list(changes), separators=(",", ":")).encode() + b"\n"
        written = os.write(self._fd, line)
        while written < len(line):
            written += os.write(self._fd, line[written:])

    def rewrite(self, changes: Iterable[Change]) -> None:
        """Replace the whole history by these changes, atomically."""
        fresh = self._path.with_suffix(".new")
        with os.fdopen(_private(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as out:
            for change in changes:
                out.write(json.dumps([change], separators=(",", ":")).encode() + b"\n")
        fresh.replace(self._path)
        self.close()
        self._open()

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        # Readable by its owner only: webhook secrets are in it.
        self._fd = _private(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)


def _private(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
