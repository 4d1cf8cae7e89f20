"""Solve the bugs by each way with the same model, and judge all of them by the unseen tests.

Results go to a file, one line each: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.agent import mini
from bench.agent.absent import Absent
from bench.agent.corpus import Case, load
from bench.agent.figure import figure, table
from bench.agent.results import Result, Way
from bench.agent.ways import SECONDS, WAYS, solve
from bench.product import peers
from bench.report import load as load_figures
from bench.report import page, save
from pushpals.llm import ChatModel
from pushpals.local.model import Surroundings, Wanted, choose_model
from pushpals.sandbox import SandboxProvider, choose

DOCS = Path(__file__).parents[2] / "docs"


async def run(
    cases: Sequence[Case],
    model: ChatModel,
    sandboxes: SandboxProvider,
    raw: Path,
    ways: Sequence[Way] = ("agent", "whole file"),
    served: mini.Served | None = None,
    jobs: int = 1,
) -> list[Result]:
    """Solve the bugs that the file of results does not tell of yet, by each way; returns all results.

    `jobs` is how many are solved at the same time.
    """
    done = {(result.bug, result.way): result for result in earlier(raw)}
    wanted = [(case, way) for case in cases for way in ways]
    free = asyncio.Semaphore(jobs)

    async def one(case: Case, way: Way) -> None:
        async with free:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                result = await solve(case, way, sandboxes, model, Path(folder), served)
        done[case.bug.name, way] = result
        with raw.open("a", encoding="utf-8") as file:
            file.write(result.model_dump_json() + "\n")

    async with asyncio.TaskGroup() as tasks:
        for case, way in wanted:
            if (case.bug.name, way) not in done:
                tasks.create_task(one(case, way))
    return [done[case.bug.name, way] for case, way in wanted]


def earlier(raw: Path) -> list[Result]:
    """Return the results that a file holds, none where there is no file."""
    lines = raw.read_text(encoding="utf-8").splitlines() if raw.exists() else []
    return [Result.model_validate_json(line) for line in lines]


async def _embedded(cases: Sequence[Case], raw: Path, ways: Sequence[Way], jobs: int) -> None:
    python = await asyncio.to_thread(peers.mini_swe_agent) if "mini-swe-agent" in ways else None
    cache = Path.home() / ".cache" / "pushpals"
    around = Surroundings(cache=cache, environ=os.environ, parallel=jobs)
    chosen = await choose_model(Wanted(name="embedded"), around)
    model = chosen.connect(timeout=SECONDS)
    served = None
    if python and chosen.url and chosen.api_key:
        served = mini.Served(python, chosen.url, chosen.name, chosen.api_key.get_secret_value())
    try:
        await run(cases, model, await choose("bubblewrap", None, []), raw, ways, served, jobs)
    finally:
        await model.close()
        await chosen.close()


async def _without(cases: Sequence[Case], raw: Path) -> None:
    await run(cases, Absent(), await choose("bubblewrap", None, []), raw, ("agent",))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-agent", description=__doc__)
    parser.add_argument("--half", choices=("tuning", "held-out"))
    parser.add_argument("--way", action="append", choices=WAYS, help="may be repeated; all unless given")
    parser.add_argument("--only", help="the name of a bug")
    parser.add_argument("--limit", type=int, help="only the first bugs")
    parser.add_argument("--jobs", type=int, default=1, help="how many are solved at the same time")
    parser.add_argument("--without-model", action="store_true", help="only what small changes mend")
    parser.add_argument("--write", action="store_true", help="put the results into docs/benchmarks.md")
    parser.add_argument("--page-only", action="store_true", help="write the page from the file of results")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "bench-agent.jsonl")
    given = parser.parse_args()
    half = given.half and given.half.replace("-", " ")
    given.cases = [c for c in load() if half in {None, c.half} and given.only in {None, c.bug.name}]
    if not given.cases:
        parser.error("There is no such bug.")
    return given


def main() -> int:
    """Read the arguments, solve, and print the table; returns 1 when a peer could not be run."""
    given = _parsed()
    cases = given.cases[: given.limit]
    try:
        if given.without_model:
            asyncio.run(_without(cases, given.results))
        elif not given.page_only:
            asyncio.run(_embedded(cases, given.results, given.way or WAYS, given.jobs))
    except peers.PeerMissingError as error:
        sys.stderr.write(f"not measured: {error}\n")
        return 1
    results = earlier(given.results)
    sys.stdout.write(table(results) + "\n")
    if given.write or given.page_only:
        found = figure(results, _taken(given.jobs), without_model=given.without_model)
        save(found, DOCS / "benchmarks")
        (DOCS / "benchmarks.md").write_text(page(load_figures(DOCS / "benchmarks")))
    return 0


def _taken(jobs: int) -> str:
    """Return when this is and on what, for the page."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return (
        f"{when} on {os.cpu_count()} cores ({platform.machine()}), {jobs} at the same time, "
        f"load {os.getloadavg()[0]:.1f} at the end"
    )


if __name__ == "__main__":
    sys.exit(main())
