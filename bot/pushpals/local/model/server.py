"""A handle on the process that runs the embedded model."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from pushpals.llm import ModelError
from pushpals.local.model.errors import unavailable
from pushpals.local.model.machine import Resources

_SERVE = Path(__file__).with_name("serve.py")
_READY_SECONDS = 300.0
_END_SECONDS = 5.0
_PASSED_ON = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "PYTHONUSERBASE", "LD_LIBRARY_PATH"})


class EmbeddedServer:
    """The embedded model, answering at `url` until closed. It ends with this process, however that ends."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, api_key: SecretStr) -> None:
        self._process = process
        self.url = url
        self.api_key = api_key

    @classmethod
    async def start(
        cls, gguf: Path, *, name: str, resources: Resources, log: Path, environ: Mapping[str, str]
    ) -> Self:
        """Start the process and wait until the model is loaded and its endpoint listens.

        What the process says goes to `log`, started anew. `environ` is the door's environment. Raises
        ModelError `unavailable`.
        """
        key = secrets.token_urlsafe(24)
        with log.open("wb") as log_file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # Its own folder holds modules that must not stand in for installed ones.
                str(_SERVE),
                f"--model={gguf}",
                f"--name={name}",
                f"--threads={resources.threads}",
                f"--context={resources.context}",
                env={k: v for k, v in environ.items() if k in _PASSED_ON},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log_file,
            )
        try:
            url = await _address(process, key, log)
        except BaseException:
            await _end(process)
            raise
        return cls(process, url, SecretStr(key))

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def close(self) -> None:
        """End the process."""
        await _end(self._process)


async def _address(process: asyncio.subprocess.Process, key: str, log: Path) -> str:
    """Hand over the key and read where the model answers."""
    if process.stdin is None or process.stdout is None:
        raise TypeError("the process was started without pipes")
    try:
        async with asyncio.timeout(_READY_SECONDS):
            process.stdin.write(f"{key}\n".encode())
            await process.stdin.drain()
            line = await process.stdout.readline()
    except TimeoutError:
        raise _not_started(f"did not load within {_READY_SECONDS:g} s", log) from None
    except ConnectionError:
        raise _not_started("ended while it started", log) from None
    if not line:
        raise _not_started(f"ended while it started (exit code {await process.wait()})", log)
    return str(json.loads(line)["url"])


def _not_started(what: str, log: Path) -> ModelError:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = f": {lines[-1][:300]}" if lines else ""
    return unavailable(
        f"The embedded model {what}{last}.", f"Look at {log}, free some memory and start again"
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process by closing its stdin, and by force when that does not do."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
