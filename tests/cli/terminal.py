"""`pushpals` as a person runs it: a process of its own, and in its environment only what is said here."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


async def pushpals(*arguments: str, home: Path, **variables: str) -> Ran:
    """Run `pushpals` to its end. Variables are given without their prefix PUSHPALS_."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PUSHPALS_STATE": str(home / "state"),
        "PUSHPALS_SANDBOX": "bubblewrap",
        **{f"PUSHPALS_{name}": value for name, value in variables.items()},
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pushpals", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        cwd=home,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
