"""A handle on the process that runs the embedded model."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr

from pushpals.llm import ModelError
from pushpals.local.model.errors import unavailable
from pushpals.local.model.machine import Resources

log = logging.getLogger(__name__)

_SERVE = Path(__file__).with_name("serve.py")
_READY_SECONDS = 300.0
_END_SECONDS = 5.0
_REVIVALS = 3
"""How often in a row a process that died is started again, when none of them gave an answer."""
_PASSED_ON = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "PYTHONUSERBASE", "LD_LIBRARY_PATH"})


@dataclass(frozen=True)
class _Launch:
    """How the process is started, and started again."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    key: str

    async def __call__(self, mode: Literal["ab", "wb"]) -> tuple[asyncio.subprocess.Process, str]:
        """Return the process and its address, once the model is loaded and its endpoint listens."""
        with self.log.open(mode) as log_file:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                env=dict(self.environ),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log_file,
            )
        try:
            return process, await _address(process, self.key, self.log)
        except BaseException:
            await _end(process)
            raise


class EmbeddedServer:
    """The embedded model, answering at `url` until closed. It ends with this process, however that ends."""

    def __init__(self, launch: _Launch, process: asyncio.subprocess.Process, url: str) -> None:
        self._launch = launch
        self._process = process
        self._reviving = asyncio.Lock()
        self._revived = 0
        self.url = url
        self.api_key = SecretStr(launch.key)

    @classmethod
    async def start(
        cls,
        gguf: Path,
        *,
        name: str,
        resources: Resources,
        log: Path,
        environ: Mapping[str, str],
        parallel: int = 1,
    ) -> Self:
        """Start the process and wait until the model is loaded and its endpoint listens.

        What the process says goes to `log`, started anew. `environ` is the door's environment. It answers
        `parallel` requests at a time, each with the whole context. Raises ModelError `unavailable`.
        """
        command = (
            sys.executable,
            "-P",  # Its own folder holds modules that must not stand in for installed ones.
            str(_SERVE),
            f"--model={gguf}",
            f"--name={name}",
            f"--threads={resources.threads}",
            f"--context={resources.context}",
            f"--parallel={parallel}",
        )
        passed_on = {k: v for k, v in environ.items() if k in _PASSED_ON}
        launch = _Launch(command, passed_on, log, secrets.token_urlsafe(24))
        return cls(launch, *await launch("wb"))

    @property
    def ended(self) -> bool:
        """True when the process has died."""
        return self._process.returncode is not None

    async def revive(self) -> None:
        """Start the process again if it has died; `url` is then another.

        Raises ModelError `unavailable` when it does not start, or died several times without an answer.
        """
        async with self._reviving:
            if not self.ended:
                return
            code = self._process.returncode
            if self._revived == _REVIVALS:
                raise _not_started(
                    f"died again and again without an answer (exit code {code})", self._launch.log
                )
            log.warning("the embedded model died (exit code %s) and is started again", code)
            self._revived += 1
            self._process, self.url = await self._launch("ab")

    def answered(self) -> None:
        """Take note of an answer: the process is fit, and may be started again as often as at first."""
        self._revived = 0

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
