"""Workspaces of a large repository beside `git clone --depth 1`: the first, another, eight."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench.product.git_server import GitServer
from bench.product.size import Size
from bench.report import Figure, Row
from pushpals.git import Mirror

BRANCH = "main"
AT_ONCE = 8
_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}
_WHO = "Bench <bench@example.org>"


async def _nobody() -> None:
    return None


def generate(folder: Path, files: int) -> Path:
    """Write a bare repository of `files` files and some history, always the same, and return its path."""
    dice = random.Random(6)  # noqa: S311 - the same repository each time
    words = ["".join(dice.choices("abcdefghijklmnop", k=dice.randint(3, 9))) for _ in range(2000)]
    bare = folder / "large.git"
    stream = []
    for part in range(4):
        stream.append(f"commit refs/heads/{BRANCH}\ncommitter {_WHO} {part} +0000\ndata 4\npart\n")
        for number in range(part, files, 4):
            lines = (" ".join(dice.choices(words, k=8)) for _ in range(dice.randint(10, 60)))
            text = "\n".join(lines) + "\n"
            path = f"d{number % 97}/s{number % 13}/f{number}.py"
            stream.append(f"M 100644 inline {path}\ndata {len(text)}\n{text}")
    subprocess.run(["git", "init", "-q", "--bare", "-b", BRANCH, str(bare)], env=_ENV, check=True, timeout=60)
    # No file is laid out for it: that would take longer than what is measured.
    argv = ["git", "-C", str(bare), "fast-import", "--quiet"]
    subprocess.run(argv, input="".join(stream).encode(), env=_ENV, check=True, timeout=300)
    return bare


async def _clone(url: str, into: Path) -> None:
    argv = ("git", "clone", "-q", "--depth", "1", url, str(into))
    process = await asyncio.create_subprocess_exec(*argv, env=_ENV)
    if await process.wait():
        raise RuntimeError(f"{' '.join(argv)} failed")


async def _ours(mirror: Mirror, into: Path) -> None:
    await mirror.materialise(await mirror.fetch_branch(BRANCH), into)


async def _eight(server: GitServer, folder: Path) -> tuple[float, float, int]:
    began = time.perf_counter()
    await asyncio.gather(*(_clone(server.url, folder / f"clone{n}") for n in range(AT_ONCE)))
    theirs = time.perf_counter() - began
    mirror = await Mirror.open(folder / "mirror.git", server.url, _nobody)
    before = server.fetches
    began = time.perf_counter()
    await asyncio.gather(*(_ours(mirror, folder / f"ours{n}") for n in range(AT_ONCE)))
    return theirs, time.perf_counter() - began, server.fetches - before


async def _all(size: Size, folder: Path) -> Figure:
    theirs, first, again = [], [], []
    bare = await asyncio.to_thread(generate, folder, size.files)
    async with GitServer(bare).running() as server:
        for number in range(min(3, size.few)):
            place = folder / str(number)
            place.mkdir()
            began = time.perf_counter()
            await _clone(server.url, place / "clone")
            theirs.append(time.perf_counter() - began)
            began = time.perf_counter()
            mirror = await Mirror.open(place / "mirror.git", server.url, _nobody)
            await _ours(mirror, place / "first")
            first.append(time.perf_counter() - began)
            tip = await mirror.resolve(f"refs/heads/{BRANCH}")
            if tip is None:
                raise RuntimeError("the mirror has no branch")
            began = time.perf_counter()
            await mirror.ensure(tip, None)
            await mirror.materialise(tip, place / "again")
            again.append(time.perf_counter() - began)
            await asyncio.to_thread(shutil.rmtree, place)
        place = folder / "eight"
        place.mkdir()
        clones, ours, fetches = await _eight(server, place)
    clone, one, cached = map(statistics.median, (theirs, first, again))
    rows = (
        Row("first workspace, of a depth-1 clone", one / clone, "times", "at most", 1.05),
        Row("commit already here, of a depth-1 clone", cached / clone, "times", "at most", 0.2),
        Row("eight at once, of eight depth-1 clones", ours / clones, "times", "at most", 0.2),
        Row("fetches that brought objects, for the eight", float(fetches), "", "at most", 1.0),
    )
    bars = (
        ("git clone --depth 1", clone),
        ("PushPals, first", one),
        ("PushPals, commit here", cached),
        ("eight git clone --depth 1", clones),
        ("PushPals, eight at once", ours),
    )
    how = (
        f"A generated repository of {size.files:,} files over loopback HTTP (`git http-backend`). Every run "
        "lays out the whole tree, in folders of its own, by turns; eight at once begin with an empty mirror."
    )
    return Figure("workspace", "Workspaces", how, rows, bars, "s", size.taken)


def measure(size: Size) -> Figure:
    """Return the figure."""
    with tempfile.TemporaryDirectory(prefix="pushpals-bench-") as folder:
        return asyncio.run(_all(size, Path(folder)))
