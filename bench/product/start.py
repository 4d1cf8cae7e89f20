"""How long a person or a runner waits for a process to be there."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench.product.size import Size
from bench.report import Figure, Row

_CASES = (
    ("`pushpals --help`", ("-m", "pushpals", "--help"), 0.3),
    ("import of the worker", ("-c", "import pushpals.server.worker"), 0.6),
)


def measure(size: Size) -> Figure:
    """Return the figure: whole processes, from start to end."""
    times: dict[str, list[float]] = {what: [] for what, _, _ in _CASES}
    floor = []
    for _ in range(size.few):
        floor.append(_took("-c", "pass"))
        for what, argv, _ in _CASES:
            times[what].append(_took(*argv))
    medians = {what: statistics.median(taken) for what, taken in times.items()}
    rows = tuple(Row(what, medians[what], "s", "at most", aim) for what, _, aim in _CASES)
    bars = (
        ("a bare interpreter", statistics.median(floor)),
        *((f"PushPals, {w}", t) for w, t in medians.items()),
    )
    how = "Whole processes, from start to end, by turns with a bare `python -c pass`."
    return Figure("start", "Start", how, rows, bars, "s", size.taken)


def _took(*argv: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *argv], check=True, capture_output=True, timeout=60)
    return time.perf_counter() - began
