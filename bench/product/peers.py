"""The peers, installed from their registries into a cache folder when a bench runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class PeerMissingError(Exception):
    """A peer could not be run, so the figure would say nothing."""


def cache() -> Path:
    """Return the folder where peers are kept, outside the tree."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "pushpals-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def probot() -> Path:
    """Return the folder in which Probot 14 is installed. Raises PeerMissingError."""
    folder = cache() / "probot"
    if not (folder / "node_modules" / "probot" / "package.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "probot@14")
    return folder


def mini_swe_agent() -> Path:
    """Return the interpreter of an environment that has mini-swe-agent. Raises PeerMissingError."""
    folder = cache() / "mini"
    python = folder / "bin" / "python"
    if not list(folder.glob("lib/python*/site-packages/minisweagent")):
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "mini-swe-agent")
    return python


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=400)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissingError(f"`{' '.join(argv)}` could not be run: {error}") from error
    if done.returncode:
        raise PeerMissingError(f"`{' '.join(argv)}` failed: {done.stderr.strip()[-800:]}")
