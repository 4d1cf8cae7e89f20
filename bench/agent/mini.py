"""A peer: mini-swe-agent's text mode, the same model, its own prompts; our sandbox runs its commands."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from bench.agent.corpus import CHECK, Case
from pushpals.sandbox import Sandbox

STEPS: Final = 12
"""Answers it may ask for: three times the tries of the whole-file way."""
ANSWER_TOKENS: Final = 1_500
"""The most an answer may have, as for the whole-file way; where it repeats itself it would never end."""
TEMPERATURE: Final = 0.6
"""At 0 a small model that has said something once says it again until the end."""
MODEL_SECONDS: Final = 3_600
COMMAND_SECONDS: Final = 30.0
"""Its own default."""
_PIPE: Final = asyncio.subprocess.PIPE
_DRIVER: Final = Path(__file__).with_name("mini_driver.py")
_TASK: Final = "{issue}\n\n`{check}` shows it."


Mode = Literal["text", "tools"]
"""How it takes commands: from a block in the answer, or as calls of its one tool."""


@dataclass(frozen=True)
class Served:
    """Where the model answers."""

    python: Path
    """The interpreter of an environment that has mini-swe-agent."""
    url: str
    name: str
    key: str


@dataclass(frozen=True)
class Spent:
    """What a run cost, and how it ended."""

    ended: str
    seconds: float
    waited: float
    """How many of them it waited for commands."""
    tries: int
    tokens_in: int
    tokens_out: int


async def solve(case: Case, sandbox: Sandbox, served: Served) -> Spent:
    """Let it work on the bug in the sandbox's workspace until it submits or has no steps left."""
    return await drive(
        sandbox, served, mode="text", task=_TASK.format(issue=case.bug.issue, check=CHECK), steps=STEPS
    )


async def drive(
    sandbox: Sandbox, served: Served, *, mode: Mode, task: str, steps: int, warm: str = ""
) -> Spent:
    """Let the agent work on a task; `warm` is an address to send a first request to that counts nowhere.

    Raises RuntimeError when it ends without a word.
    """
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "OPENAI_API_KEY": served.key,
        "MSWEA_SILENT_STARTUP": "1",
        "MSWEA_CONFIGURED": "true",
        "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "2",  # what fails here fails again
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    told = {
        "mode": mode, "task": task, "steps": steps, "warm": warm, "model": served.name, "url": served.url,
        "max_tokens": ANSWER_TOKENS, "timeout": MODEL_SECONDS, "temperature": TEMPERATURE, "seed": 0,
    }  # fmt: skip
    with tempfile.TemporaryFile() as noise:
        process = await asyncio.create_subprocess_exec(
            str(served.python),
            str(_DRIVER),
            env=environ,
            stdin=_PIPE,
            stdout=_PIPE,
            stderr=noise,
            limit=1 << 24,
        )
        try:
            _tell(process, told)
            while line := await process.stdout.readline() if process.stdout else b"":
                said = json.loads(line)
                if "command" not in said:
                    return Spent(**said)
                _tell(process, await _run(sandbox, said["command"]))
            noise.seek(0)
            last = noise.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"mini-swe-agent ended without a word: {last}")
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _run(sandbox: Sandbox, command: str) -> dict[str, Any]:
    result = await sandbox.run(command, timeout=COMMAND_SECONDS)
    cut = f"An error occurred while executing the command: timed out after {COMMAND_SECONDS:g} seconds"
    timed_out = result.exit_code is None
    return {
        "output": result.output,
        "returncode": -1 if result.exit_code is None else result.exit_code,
        "exception_info": cut if timed_out else "",
    }


def _tell(process: asyncio.subprocess.Process, said: dict[str, Any]) -> None:
    if process.stdin is not None:
        process.stdin.write(json.dumps(said).encode() + b"\n")
