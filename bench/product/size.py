"""How much a bench does: the real size, and a tiny one that only shows that it still runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Repetitions and amounts."""

    few: int
    """Repetitions of what is slow."""
    many: int
    """Repetitions of what is quick."""
    deliveries: int
    files: int
    """Files of the large repository."""
    peers: bool
    """Whether peers are installed from the network and run."""
    taken: str


def full(taken: str) -> Size:
    """Return the size that the page is made with."""
    return Size(few=5, many=100, deliveries=100_000, files=8_000, peers=True, taken=taken)


def tiny() -> Size:
    """Return the size of the tests: no peers, nothing worth timing."""
    return Size(few=1, many=2, deliveries=64, files=20, peers=False, taken="in a test")
