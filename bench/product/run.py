"""`make bench`: measure every figure, or those named, and write docs/benchmarks.md anew."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.product import label, loop, requests, sandbox, start, webhook, workspace
from bench.product.peers import PeerMissingError
from bench.product.size import Size, full
from bench.report import Figure, load, page, save

DOCS = Path(__file__).parents[2] / "docs"
FIGURES: Mapping[str, Callable[[Size], Figure]] = {
    "label": label.measure,
    "loop": loop.measure,
    "requests": requests.measure,
    "sandbox": sandbox.measure,
    "start": start.measure,
    "webhook": webhook.measure,
    "workspace": workspace.measure,
}


def machine() -> str:
    """Return when this is and on what, for the page."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {os.cpu_count()} cores ({platform.machine()}), "
        f"{memory:.0f} GiB, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; return 1 when a figure could not be taken."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(FIGURES), help="a figure; may be repeated")
    chosen = parser.parse_args(argv).only or list(FIGURES)
    failed = False
    for name in chosen:
        began = time.monotonic()
        try:
            figure = FIGURES[name](full(machine()))
        except PeerMissingError as error:
            sys.stderr.write(f"{name}: not measured. {error}\n")
            failed = True
            continue
        save(figure, DOCS / "benchmarks")
        for row in figure.rows:
            value = "not measured" if row.value is None else f"{row.value:.3g} {row.unit}"
            verdict = "met" if row.met else "MISSED"
            sys.stdout.write(f"{name:10} {verdict:7}{row.what}: {value} ({row.better} {row.aim:g})\n")
        sys.stdout.write(f"{name:10} took {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
    (DOCS / "benchmarks.md").write_text(page(load(DOCS / "benchmarks")))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
