"""Keep the two ends of a command's output."""

from __future__ import annotations


class OutputBuffer:
    """Collects bytes and keeps the first and the last half of `limit`.

    The head says what a program started to do, the tail how it ended; memory stays bounded
    however much is written.
    """

    def __init__(self, limit: int) -> None:
        """Keep at most `limit` bytes (at least 2), not counting the marker between."""
        self._head_limit = max(1, limit // 2)
        self._tail_limit = max(1, limit - self._head_limit)
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0
        """All bytes ever written, kept or not."""

    def write(self, data: bytes) -> None:
        """Append `data`, forgetting the middle where there is too much."""
        self.total += len(data)
        room = self._head_limit - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        # Trimming only at twice the limit keeps the cost of many small writes linear.
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[: -self._tail_limit]

    @property
    def truncated(self) -> bool:
        """Whether some bytes were left out."""
        return self.total > self._head_limit + self._tail_limit

    def text(self) -> str:
        """Return what was kept, decoded as UTF-8, with a marker where bytes are missing."""
        tail = bytes(self._tail[-self._tail_limit :])
        if not self.truncated:
            return (bytes(self._head) + tail).decode(errors="replace")
        left_out = self.total - self._head_limit - len(tail)
        marker = f"\n[... {left_out} bytes of output left out ...]\n"
        return self._head.decode(errors="replace") + marker + tail.decode(errors="replace")
