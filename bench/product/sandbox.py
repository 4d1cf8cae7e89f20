"""A command in a live sandbox beside a plain subprocess."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import docker
from docker.errors import DockerException

from bench.product.size import Size
from bench.report import Figure, Row
from bench.small_image import ensure_image
from pushpals.sandbox import Limits, SandboxProvider, SandboxUnavailable, choose

LIMITS = Limits(memory_mb=256, processes=64, command_seconds=30, disk_mb=64)


async def _took(act: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1000


async def _plain() -> None:
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "true")
    await process.wait()


async def _one_kind(provider: SandboxProvider, size: Size) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        ready = []
        for _ in range(size.few):
            began = time.perf_counter()
            box = await provider.open(Path(folder), LIMITS)
            try:
                await box.run("true")
                ready.append((time.perf_counter() - began) * 1000)
            finally:
                await box.close()
        box = await provider.open(Path(folder), LIMITS)
        try:
            await box.run("true")
            plain, ours = [], []
            for _ in range(size.many):
                plain.append(await _took(_plain))
                ours.append(await _took(lambda: box.run("true")))
        finally:
            await box.close()
    return {
        "ready": statistics.median(ready),
        "plain": statistics.median(plain),
        "ours": statistics.median(ours),
    }


def _image() -> str:
    """Return the image that the environment names, else a small one of this machine's own programs."""
    return os.environ.get("PUSHPALS_SANDBOX_IMAGE") or ensure_image(docker.from_env())


async def _all(size: Size) -> Figure:
    rows: list[Row] = []
    bars: list[tuple[str, float]] = []
    for kind, more in (("bubblewrap", 1.0), ("docker", 3.0)):
        what = f"{kind}: a command beyond a plain subprocess"
        try:
            image = await asyncio.to_thread(_image) if kind == "docker" else None
            provider = await choose("docker" if kind == "docker" else "bubblewrap", image, [])
        except (SandboxUnavailable, DockerException) as error:
            rows.append(Row(what, None, "ms", "at most", more, str(error).splitlines()[0][:200]))
            continue
        found = await _one_kind(provider, size)
        rows.append(Row(what, found["ours"] - found["plain"], "ms", "at most", more))
        if kind == "bubblewrap":
            rows.append(
                Row("bubblewrap: opened, and its first command done", found["ready"], "ms", "at most", 10.0)
            )
            bars.append(("plain subprocess", found["plain"]))
        bars.append((f"PushPals, {kind}", found["ours"]))
    how = (
        "`true` is run by a plain subprocess (`/bin/sh -c true`) and in an open sandbox, by turns, in one "
        "process. Docker's image is a small one made of this machine's own programs, unless "
        "`PUSHPALS_SANDBOX_IMAGE` names one."
    )
    return Figure(
        "sandbox", "Commands in a sandbox", how, tuple(rows), tuple(bars), "ms a command", size.taken
    )


def measure(size: Size) -> Figure:
    """Return the figure."""
    return asyncio.run(_all(size))
