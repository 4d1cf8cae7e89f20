"""What this machine has to give to a model: processors and memory, container limits included."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_MOST_THREADS = 8
"""Beyond this, writing is bound by memory, and the sandbox wants processors too."""
_GB = 10**9


@dataclass(frozen=True)
class Resources:
    """What the embedded model may use. `context` is in tokens."""

    threads: int
    context: int


def resources() -> Resources:
    """Look at this machine (Linux tells all of it; elsewhere, generous guesses are made)."""
    return choose(available_cores(), available_memory())


def choose(cores: int, memory: int | None) -> Resources:
    """Choose threads and context for that many cores and bytes of free memory (None: unknown)."""
    # The weights take 2.2 GB (as the file, and rearranged for the processor), the context 28 kB a token.
    roomy = memory is None or memory > 3 * _GB
    return Resources(threads=max(1, min(cores, _MOST_THREADS)), context=16_384 if roomy else 8_192)


def available_cores() -> int:
    """Return the processors this process may use, by affinity and by control-group quota, at least 1."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        cores = os.cpu_count() or 1
    quota = _words("/sys/fs/cgroup/cpu.max")
    if len(quota) == 2 and quota[0].isdigit():  # noqa: PLR2004 - "quota period", in microseconds
        cores = min(cores, max(1, int(quota[0]) // int(quota[1])))
    return cores


def available_memory() -> int | None:
    """Return the bytes that can be had without swapping, or None where the system does not say."""
    known = [
        int(line.split()[1]) * 1024 for line in _lines("/proc/meminfo") if line.startswith("MemAvailable:")
    ]
    limit, used = _words("/sys/fs/cgroup/memory.max"), _words("/sys/fs/cgroup/memory.current")
    if limit and used and limit[0].isdigit():
        known.append(int(limit[0]) - int(used[0]))
    return min(known, default=None)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _words(path: str) -> list[str]:
    return " ".join(_lines(path)).split()
